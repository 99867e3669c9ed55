using Codec.Core.Quantizers;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Quantizers;

[NoTensorLeaks]
public sealed class ResidualSearchTests
{
    [Fact]
    public void More_effort_never_costs_and_on_average_gains()
    {
        random.manual_seed(4);
        using var scope = NewDisposeScope();
        using var quantizer = new ResidualVectorQuantizer(dim: 12, books: 4, size: 16);
        var latent_BTD = randn(2, 150, 12).mul_(0.3);
        quantizer.Initialize(latent_BTD.reshape(-1, 12), 3, new Random(1));
        var search = new ResidualSearch(quantizer.Codebooks.Select(book => book.Entries));
        var greedy_BKT = quantizer.Encode(latent_BTD);
        var before = Errors(search, latent_BTD, greedy_BKT);
        var last = before.Average();
        for (var effort = 0; effort <= 3; effort++)
        {
            var codes_BKT = search.Improve(latent_BTD, greedy_BKT, effort);
            if (effort == 0)
                Assert.Equal(greedy_BKT.data<long>().ToArray(), codes_BKT.data<long>().ToArray());
            var after = Errors(search, latent_BTD, codes_BKT);
            for (var n = 0; n < after.Length; n++)
                Assert.True(after[n] <= before[n], $"effort {effort}, frame {n}: {after[n]} above {before[n]}");
            Assert.True(effort == 0 || after.Average() < last, $"effort {effort}: {after.Average()} after {last}");
            last = after.Average();
        }
    }

    [Fact]
    public void Codes_do_not_depend_on_batch_or_threads()
    {
        random.manual_seed(5);
        using var scope = NewDisposeScope();
        var books = Enumerable.Range(0, 3).Select(_ => randn(37, 9)).ToArray();
        var search = new ResidualSearch(books);
        var latent_BTD = randn(1, 40, 9);
        var start_BKT = zeros(1, 3, 40, dtype: ScalarType.Int64);
        var whole = search.Improve(latent_BTD, start_BKT, 2);
        for (var t = 0; t < 40; t += 13)
            Assert.Equal(whole.select(2, t).data<long>().ToArray(),
                search.Improve(latent_BTD.narrow(1, t, 1), start_BKT.narrow(2, t, 1), 2).data<long>().ToArray());
    }

    /// <summary>With as many paths as there are sums, the search is exhaustive.</summary>
    [Fact]
    public void A_wide_beam_finds_the_best_sum()
    {
        random.manual_seed(6);
        using var scope = NewDisposeScope();
        var books = Enumerable.Range(0, 3).Select(_ => randn(4, 5)).ToArray();
        var search = new ResidualSearch(books);
        var latent_BTD = randn(1, 30, 5).mul_(1.5);
        var found = Errors(search, latent_BTD, search.Improve(latent_BTD, zeros(1, 3, 30, dtype: ScalarType.Int64), 3));
        for (var t = 0; t < 30; t++)
        {
            var frame = latent_BTD[0, t].data<float>().ToArray();
            var best = Enumerable.Range(0, 64).Min(i => search.Error(frame, [i & 3, i >> 2 & 3, i >> 4]));
            Assert.Equal(best, found[t], 6);
        }
    }

    private static double[] Errors(ResidualSearch search, Tensor latent_BTD, Tensor codes_BKT)
    {
        var errors = new List<double>();
        for (var b = 0; b < latent_BTD.shape[0]; b++)
            for (var t = 0; t < latent_BTD.shape[1]; t++)
                errors.Add(search.Error(latent_BTD[b, t].contiguous().data<float>().ToArray(),
                    [.. codes_BKT[b].select(1, t).contiguous().data<long>().ToArray().Select(c => (int)c)]));
        return [.. errors];
    }
}
