using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Prediction;
using Codec.Tests.Core.Bitstream.Prediction;

namespace Codec.Tests.Core.Bitstream;

/// <summary>Blocks that are decoded side by side are those that come one by one; a check without decoding finds the same.</summary>
public sealed class BlocksTogetherTests
{
    [Theory]
    [InlineData(Predictor.Neural, 1, 0, false, 1)]
    [InlineData(Predictor.Neural, 1, 0, true, 2)]           // two streams, a section for each book
    [InlineData(Predictor.Neural, 3, 0, false, 1)]          // some blocks need those before them
    [InlineData(Predictor.Neural, 1, 20, false, 2)]         // the last book nested
    [InlineData(Predictor.NeuralVariable, 1, 0, false, 2)]  // frames that lack books
    [InlineData(Predictor.NeuralMixing, 1, 0, false, 1)]    // nothing to gain
    public void Together_is_one_by_one(Predictor predictor, int groupBlocks, int nested, bool layered, int streams)
    {
        var prior = NeuralBytesTests.Prior();
        EntropyPriors.Add(prior);
        var books = predictor == Predictor.NeuralVariable ? VariableBooks.Of(NeuralBytesTests.Books) : NeuralBytesTests.Books;
        var codes = NeuralBytesTests.Draw(books, 20 * 13 + 7, streams);
        if (nested > 0)
            codes = prior.NestedBooks(3).Single(book => book.Size == nested).Shrink(codes);
        var header = TestFiles.Header(codes.Specs, streams) with { BlockFrames = 20, Predictor = predictor, Prior = prior.Id, Layered = layered };
        var whole = TestFiles.Write(header, codes, 1000, groupBlocks: groupBlocks);
        using (var reader = new CodecFileReader(new MemoryStream(whole)))
            TestFiles.AssertSame(codes, TestFiles.ReadCodes(reader));
        var random = new Random(4);
        for (var round = 0; round < 12; round++)
            Compare(Damage(whole, random, round));
    }

    [Fact]
    public void Seeking_forgets_what_was_decoded_ahead()
    {
        var prior = NeuralBytesTests.Prior();
        EntropyPriors.Add(prior);
        var codes = NeuralBytesTests.Draw(NeuralBytesTests.Books, 200, 1);
        var header = TestFiles.Header(codes.Specs, 1) with { BlockFrames = 20, Predictor = Predictor.Neural, Prior = prior.Id };
        using var reader = new CodecFileReader(new MemoryStream(TestFiles.Write(header, codes, 1000)));
        Assert.Equal(0, reader.ReadAll().First().Index);
        Assert.Equal(1, reader.Read()!.Index);
        reader.Seek(150);
        Assert.Equal([7L, 8L, 9L], reader.ReadAll().Select(block => block.Index));
        reader.Seek(0);
        Assert.Equal(10, reader.ReadAll().Count());
    }

    /// <summary>Bytes are changed, taken out or cut off behind the header.</summary>
    private static byte[] Damage(byte[] whole, Random random, int round)
    {
        List<byte> bytes = [.. whole];
        for (var i = 0; i < round; i++)
        {
            var place = random.Next(60, bytes.Count);
            if (i % 3 == 1)
                bytes.RemoveRange(place, Math.Min(bytes.Count - place, random.Next(300)));
            else
                bytes[place] ^= (byte)(1 << random.Next(8));
        }
        return [.. round % 4 == 3 ? bytes.Take(bytes.Count * 3 / 4) : bytes];
    }

    private static void Compare(byte[] bytes)
    {
        using var one = new CodecFileReader(new MemoryStream(bytes));
        using var together = new CodecFileReader(new MemoryStream(bytes));
        using var check = new CodecFileReader(new MemoryStream(bytes));
        var (blocks, frames) = check.Check();
        foreach (var block in together.ReadAll())
        {
            var expected = one.Read()!;
            (blocks, frames) = (blocks - 1, frames - expected.Frames);
            Assert.Equal((expected.Index, expected.StartFrame, expected.Frames, expected.Lost), (block.Index, block.StartFrame, block.Frames, block.Lost));
            if (!block.Lost)
                TestFiles.AssertSame(expected.Codes!, block.Codes!);
        }
        Assert.Null(one.Read());
        Assert.Equal((0, 0), (blocks, frames));
        foreach (var other in new[] { together, check })
        {
            Assert.Equal(one.Lost, other.Lost);
            Assert.Equal((one.Truncated, one.SkippedBytes, one.Samples), (other.Truncated, other.SkippedBytes, other.Samples));
        }
    }
}
