using Codec.Core.Kernels;
using Codec.Core.Quantizers;

namespace Codec.Tests.Core.Quantizers;

public sealed class ResidualSearchTests : IDisposable
{
    private readonly WeightMemory _memory = new();
    private readonly List<RowLinear> _maps = [];

    public void Dispose()
    {
        _maps.ForEach(map => map.Dispose());
        _memory.Dispose();
    }

    [Theory]
    [InlineData(4, 16, 12)]
    [InlineData(6, 100, 7)] // entries and dimensions that fill no vector
    public void More_effort_never_costs_and_on_average_gains(int books, int size, int dimension)
    {
        const int Frames = 300;
        var (entries, latents) = (Books(books, size, dimension, seed: 4), Numbers(Frames * dimension, 0.7f, seed: 5));
        var search = Search(entries, dimension);
        var greedy = Greedy(entries, latents, dimension);
        var before = Errors(search, latents, greedy, dimension);
        var last = before;
        for (var effort = 1; effort <= 3; effort++)
        {
            int[][] codes = [.. greedy.Select(book => new int[book.Length])];
            search.Search(latents, 0, codes, 0, effort);
            var after = Errors(search, latents, codes, dimension);
            for (var n = 0; n < after.Length; n++)
                Assert.True(after[n] <= last[n], $"effort {effort}, frame {n}: {after[n]} above {last[n]}");
            Assert.True(after.Average() < last.Average(), $"effort {effort}: {after.Average()} after {last.Average()}");
            last = after;
        }
    }

    [Fact]
    public void Codes_do_not_depend_on_the_frames_beside_them()
    {
        const int Dimension = 9, Frames = 130;
        var (entries, latents) = (Books(3, 37, Dimension, seed: 6), Numbers(Frames * Dimension, 1, seed: 7));
        var search = Search(entries, Dimension);
        int[][] whole = [.. Enumerable.Range(0, 3).Select(_ => new int[Frames])];
        search.Search(latents, 0, whole, 0, 2);
        for (var t = 0; t < Frames; t += 13)
        {
            int[][] alone = [.. Enumerable.Range(0, 3).Select(_ => new int[Frames])];
            search.Search(latents.AsSpan(t * Dimension, Dimension), 0, alone, t, 2);
            Assert.All(alone.Zip(whole), pair => Assert.Equal(pair.Second[t], pair.First[t]));
        }
    }

    /// <summary>With as many paths as there are sums, the search is exhaustive.</summary>
    [Fact]
    public void A_wide_beam_finds_the_best_sum()
    {
        const int Dimension = 5, Frames = 30;
        var (entries, latents) = (Books(3, 4, Dimension, seed: 8), Numbers(Frames * Dimension, 1.5f, seed: 9));
        var search = Search(entries, Dimension);
        int[][] codes = [.. Enumerable.Range(0, 3).Select(_ => new int[Frames])];
        search.Search(latents, 0, codes, 0, 3);
        var found = Errors(search, latents, codes, Dimension);
        for (var t = 0; t < Frames; t++)
            Assert.Equal(Enumerable.Range(0, 64).Min(i => search.Error(latents.AsSpan(t * Dimension, Dimension), [i & 3, i >> 2 & 3, i >> 4])), found[t], 6);
    }

    /// <summary>Of sums that are alike the first one is taken, wherever the others stand.</summary>
    [Fact]
    public void Ties_go_to_the_lowest_entries()
    {
        float[] entries = [.. Enumerable.Repeat(new[] { 1f, 0 }, 40).SelectMany(e => e)]; // all alike
        int[][] codes = [[39], [39]];
        Search([entries, entries], 2).Search([2, 0.5f], 0, codes, 0, 1);
        Assert.Equal([[0], [0]], codes);
        float[] second = [.. Enumerable.Range(0, 40).SelectMany(v => v < 7 ? new[] { 9f, 9 } : [1f, 0])];
        Search([entries, second], 2).Search([2, 0.5f], 0, codes, 0, 1);
        Assert.Equal([[0], [7]], codes);
    }

    [Fact]
    public void Frames_that_are_no_numbers_get_some_entries()
    {
        var entries = Books(2, 20, 4, seed: 10);
        int[][] codes = [[5, 0, 6], [7, 0, 8]];
        Search(entries, 4).Search([float.NaN, 0, 0, 0, .. entries[0][16..20], float.PositiveInfinity, 1, 1, 1], 0, codes, 0, 2);
        Assert.Equal([0, 0], [codes[0][0], codes[1][0]]);
        Assert.All(codes, book => Assert.InRange(book[2], 0, 19));
        Assert.NotEqual([0, 0], [codes[0][1], codes[1][1]]); // and do not disturb the one between them
    }

    /// <summary>Nearest entries lead away from the best sums here: they are kept all the same.</summary>
    [Fact]
    public void Nearest_entries_are_never_lost()
    {
        const int Dimension = 6, Frames = 400;
        var (entries, latents) = (Books(4, 9, Dimension, seed: 11), Numbers(Frames * Dimension, 1.2f, seed: 12));
        var search = Search(entries, Dimension);
        var (nearest, codes) = (Greedy(entries, latents, Dimension), Enumerable.Range(0, 4).Select(_ => new int[Frames]).ToArray());
        search.Search(latents, 0, codes, 0, 1);
        foreach (var (mine, theirs) in Errors(search, latents, codes, Dimension).Zip(Errors(search, latents, nearest, Dimension)))
            Assert.True(mine <= theirs);
    }

    private ResidualSearch Search(float[][] entries, int dimension)
    {
        RowLinear[] maps = [.. entries.Select(book => ResidualSearch.Map(book, dimension, _memory))];
        _maps.AddRange(maps);
        return new ResidualSearch(maps, entries, dimension);
    }

    private static float[][] Books(int books, int size, int dimension, int seed)
        => [.. Enumerable.Range(0, books).Select(book => Numbers(size * dimension, 1f / (1 + book), seed + 100 * book))];

    private static float[] Numbers(int count, float scale, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() * 2 - 1) * scale)];
    }

    private static int[][] Greedy(float[][] entries, float[] latents, int dimension)
    {
        var left = latents.ToArray();
        var codes = new int[entries.Length][];
        for (var book = 0; book < entries.Length; book++)
        {
            codes[book] = new int[left.Length / dimension];
            for (var t = 0; t < codes[book].Length; t++)
            {
                var at = t * dimension;
                double Distance(int v) => Enumerable.Range(0, dimension).Sum(d => Math.Pow(left[at + d] - entries[book][v * dimension + d], 2));
                codes[book][t] = Enumerable.Range(0, entries[book].Length / dimension).MinBy(Distance);
                for (var d = 0; d < dimension; d++)
                    left[at + d] -= entries[book][codes[book][t] * dimension + d];
            }
        }
        return codes;
    }

    private static double[] Errors(ResidualSearch search, float[] latents, int[][] codes, int dimension)
        => [.. Enumerable.Range(0, codes[0].Length).Select(t => search.Error(latents.AsSpan(t * dimension, dimension), [.. codes.Select(book => book[t])]))];
}
