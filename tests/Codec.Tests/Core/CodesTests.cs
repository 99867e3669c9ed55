using Codec.Core;

namespace Codec.Tests.Core;

public sealed class CodesTests
{
    [Fact]
    public void Slices_join_to_the_whole_with_several_strides()
    {
        CodebookSpec[] specs = [new(16, 4), new(16, 2), new(16)];
        var whole = new Codes(specs, [[[1, 2]], [[1, 2, 3, 4]], [[1, 2, 3, 4, 5, 6, 7]]], frames: 7);
        var joined = Codes.Concat([whole.Slice(0, 4), whole.Slice(4, 3)]);
        for (var k = 0; k < 3; k++)
            Assert.Equal(whole[k].ToArray(), joined[k].ToArray());
    }

    [Fact]
    public void Wrong_length_is_refused()
        => Assert.Throws<ArgumentException>(() => new Codes([new(16, 2)], [[[1, 2, 3]]], frames: 4));
}
