using Codec.Core.Bitstream.Prediction;

namespace Codec.Tests.Core.Bitstream.Prediction;

public sealed class CodeProductsTests
{
    private const int Width = 6, Codes = 40;
    private static readonly int[] Taps = [3, 2, 0];

    [Theory]
    [InlineData(null)]
    [InlineData(0)]    // none kept
    [InlineData(500)]  // some
    public void What_is_kept_is_what_multiplying_gives(int? kept)
    {
        var random = new Random(3);
        sbyte[] weights = [.. Enumerable.Range(0, 19 * 4 * Width).Select(_ => (sbyte)random.Next(-128, 128))];
        short[] vectors = [.. Enumerable.Range(0, Codes * Width).Select(_ => (short)random.Next(short.MinValue, short.MaxValue + 1))];
        var matrix = new PackedMatrix(weights, 4 * Width, 19);
        var products = kept is { } most ? new CodeProducts(matrix, Taps, vectors, Width, most) : new CodeProducts(matrix, Taps, vectors, Width);
        // Several threads meet the same codes for the first time.
        Parallel.For(0, 8, worker =>
        {
            for (var round = 0; round < 3; round++)
                for (var code = 0; code < Codes; code++)
                    for (var tap = 0; tap <= 4; tap++)
                        for (var room = 0; room <= 3; room++)
                            Assert.Equal(Expected(matrix, vectors, code, tap, room), Found(products, matrix, code, tap, room));
        });
    }

    private static int[] Found(CodeProducts products, PackedMatrix matrix, int code, int tap, int room)
    {
        var sums = Start(matrix, room);
        products.AddTo(code, tap, sums);
        return sums;
    }

    private static int[] Expected(PackedMatrix matrix, short[] vectors, int code, int tap, int room)
    {
        var sums = Start(matrix, room);
        for (var i = 0; i < room && tap + i < Taps.Length; i++)
            matrix.MultiplyAdd(0, Taps[tap + i] * Width, Width, vectors.AsSpan(code * Width, Width), 1, 0, sums.AsSpan(i * matrix.Sums, matrix.Sums));
        return sums;
    }

    private static int[] Start(PackedMatrix matrix, int room) => [.. Enumerable.Range(5, room * matrix.Sums)];
}
