using Codec.Core.Kernels;
using Codec.Core.Quantizers;

namespace Codec.Core.Codecs.Native.Inference;

/// <summary>A <see cref="ResidualVectorQuantizer"/> by own kernels: the search is a linear map whose largest result wins. Ties go to the lowest entry.</summary>
internal sealed unsafe class QuantizerRows : IDisposable
{
    private readonly RowLinear[] _maps;
    private readonly float[][] _entries;
    private readonly int _dimension;
    private readonly ResidualSearch _search;

    public QuantizerRows(NativeConfig config, NativeWeights weights)
    {
        _dimension = config.LatentDim;
        _entries = [.. Enumerable.Range(0, config.Quantizer.Books).Select(book => weights[$"quantizer.layers.{book}.codebook"])];
        _maps = [.. _entries.Select(entries => ResidualSearch.Map(entries, _dimension, weights.Memory))];
        _search = new(_maps, _entries, _dimension);
    }

    /// <summary>Nearest entries of what the books before left over.</summary>
    /// <param name="latents">[rows][step]; becomes the residual.</param>
    /// <param name="step">Floats from one row to the next.</param>
    /// <param name="rows">How many.</param>
    /// <param name="room">Memory to work in.</param>
    /// <param name="codes">[book][...], written from <paramref name="first"/> on.</param>
    /// <param name="first">Where.</param>
    /// <param name="effort">As in <see cref="ResidualSearch"/>; 0 leaves it at the nearest entries.</param>
    public void Encode(float* latents, int step, int rows, RowRoom room, int[][] codes, int first, int effort)
    {
        for (var book = 0; book < codes.Length; book += ResidualSearch.Group)
        {
            var group = codes[book..Math.Min(book + ResidualSearch.Group, codes.Length)];
            var searched = ResidualSearch.At(effort, book);
            if (searched == 0)
            {
                Nearest(latents, step, rows, room, book, group, first);
                continue;
            }
            var wanted = new float[rows * _dimension];
            for (var row = 0; row < rows; row++)
                Row(row).CopyTo(wanted.AsSpan(row * _dimension));
            _search.Search(wanted, book, group, first, searched);
            for (var row = 0; row < rows; row++)
                for (var k = 0; k < group.Length; k++)
                    ResidualSearch.Subtract(Entry(book + k, group[k][first + row]), Row(row));
        }

        Span<float> Row(int row) => new(latents + (long)row * step, _dimension);
    }

    private void Nearest(float* latents, int step, int rows, RowRoom room, int firstBook, int[][] codes, int first)
    {
        var best = new ArgMaxSink(room.Get(RowRoom.Scores, (long)rows * RowTile.Lanes), (int*)room.Get(RowRoom.Codes, (long)rows * RowTile.Lanes));
        for (var book = 0; book < codes.Length; book++)
        {
            _maps[firstBook + book].Run(latents, step, rows, best);
            for (var row = 0; row < rows; row++)
            {
                var code = best.Index(row);
                codes[book][first + row] = code;
                ResidualSearch.Subtract(Entry(firstBook + book, code), new Span<float>(latents + (long)row * step, _dimension));
            }
        }
    }

    /// <summary>Sums of entries.</summary>
    /// <param name="codes">Of one signal.</param>
    /// <param name="item">Batch item.</param>
    /// <param name="first">First frame.</param>
    /// <param name="rows">How many.</param>
    /// <param name="latents">[rows][D], the result.</param>
    /// <param name="nested">The last book, where it is shrunk.</param>
    public void Decode(Codes codes, int item, int first, int rows, float* latents, NestedEntries? nested)
    {
        for (var row = 0; row < rows; row++)
        {
            var sum = new Span<float>(latents + (long)row * _dimension, _dimension);
            sum.Clear();
            for (var book = 0; book < codes.Books; book++)
                if (codes[book, item][first + row] * _dimension < _entries[book].Length) // the code after the last entry stands for nothing
                    Add(book + 1 == nested?.Books ? nested.Entry(codes[book, item][first + row]) : Entry(book, codes[book, item][first + row]), sum);
        }
    }

    public void Dispose()
    {
        foreach (var map in _maps)
            map.Dispose();
    }

    /// <summary>[V][D].</summary>
    public float[] Entries(int book) => _entries[book];

    private ReadOnlySpan<float> Entry(int book, int code) => _entries[book].AsSpan(code * _dimension, _dimension);

    private static void Add(ReadOnlySpan<float> part, Span<float> to)
    {
        for (var d = 0; d < to.Length; d++)
            to[d] += part[d];
    }
}
