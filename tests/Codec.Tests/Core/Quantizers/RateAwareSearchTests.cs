using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Prediction;
using Codec.Core.Codecs.Native;
using Codec.Core.Quantizers;
using Codec.Tests.Core.Bitstream.Prediction;

namespace Codec.Tests.Core.Quantizers;

public sealed class RateAwareSearchTests
{
    private const int Dimension = 7, Frames = 90, BlockFrames = 40;

    private static readonly CodebookSpec[] Books = [.. Enumerable.Repeat(new CodebookSpec(64), 3)];
    private static readonly NeuralPrior Prior = SmallPrior.Make(Books);
    private static readonly float[][] Entries = [.. Books.Select((book, k) => Numbers(book.Size * Dimension, 10 + k, 1f / (1 + k)))];
    private static readonly float[] Latents = Numbers(Frames * Dimension, 1, 1.2f);

    [Fact]
    public void A_bit_that_is_worth_nothing_changes_nothing()
        => Assert.Equal(Nearest(), Improved(0));

    [Fact]
    public void Codes_get_cheaper_and_no_frame_loses_more_than_a_quarter()
    {
        var (found, last) = (Nearest(), double.PositiveInfinity);
        foreach (var share in new[] { 0, 0.02, 0.1 })
        {
            var codes = Improved(share);
            for (var t = 0; t < Frames; t++)
                Assert.True(Error(codes, t) <= RateAwareSearch.MostRise * Error(found, t) + 1e-6, $"share {share}, frame {t}");
            var bits = CodeLength.Measure([Wrap(codes)], () => new NeuralModel(Prior), BlockFrames).Sum();
            Assert.True(bits < last, $"share {share}: {bits} bits after {last}");
            last = bits;
        }
    }

    [Fact]
    public void Blocks_do_not_see_each_other()
    {
        var whole = Improved(0.05);
        var found = Nearest();
        int[][] second = [.. found.Select(book => book[BlockFrames..])];
        new RateAwareSearch(Entries, Prior, 0.05, BlockFrames).Improve(Latents.AsSpan(BlockFrames * Dimension), second);
        Assert.Equal(whole.Select(book => book[BlockFrames..]), second);
    }

    [Fact]
    public void A_codec_without_tables_says_so()
    {
        using var codec = (NativeCodec)new NativeFamily().CreateTiny(2);
        Assert.Contains("tables", Assert.Throws<NotSupportedException>(() => codec.WithRateAwareness(0.01)).Message);
        using var same = codec.WithRateAwareness(0);
        Assert.Equal(codec.Info, same.Info);
    }

    private static int[][] Improved(double share)
    {
        var codes = Nearest();
        new RateAwareSearch(Entries, Prior, share, BlockFrames).Improve(Latents, codes);
        return codes;
    }

    private static int[][] Nearest()
    {
        var codes = Books.Select(_ => new int[Frames]).ToArray();
        var residuals = Latents.ToArray();
        for (var book = 0; book < Books.Length; book++)
            for (var t = 0; t < Frames; t++)
            {
                var code = codes[book][t] = Enumerable.Range(0, 64).MinBy(v => Enumerable.Range(0, Dimension).Sum(d => Square(residuals[t * Dimension + d] - Entries[book][v * Dimension + d])));
                for (var d = 0; d < Dimension; d++)
                    residuals[t * Dimension + d] -= Entries[book][code * Dimension + d];
            }
        return codes;
    }

    private static double Error(int[][] codes, int t) => Enumerable.Range(0, Dimension)
        .Sum(d => Square(Latents[t * Dimension + d] - Enumerable.Range(0, Books.Length).Sum(book => Entries[book][codes[book][t] * Dimension + d])));

    private static double Square(double value) => value * value;

    private static Codes Wrap(int[][] codes) => new(Books, [.. codes.Select(book => new[] { book.ToArray() })], Frames);

    private static float[] Numbers(int count, int seed, float scale)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => scale * (random.NextSingle() - 0.5f))];
    }
}
