namespace Codec.Core;

/// <summary>
/// The meeting point of everything: K codebook streams of a batch. Book k holds T_k codes per item,
/// T_k = ceil(Frames / Stride_k). Plain managed memory: no tensor, nothing to dispose.
/// </summary>
public sealed class Codes
{
    private readonly int[][][] _codes; // [book][item][time]

    /// <param name="specs">One per book.</param>
    /// <param name="codes">Indexed [book][item][time]; kept, not copied.</param>
    /// <param name="frames">Base frames, at stride 1.</param>
    public Codes(IReadOnlyList<CodebookSpec> specs, int[][][] codes, int frames)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(codes.Length, specs.Count);
        for (var k = 0; k < codes.Length; k++)
        {
            ArgumentOutOfRangeException.ThrowIfNotEqual(codes[k].Length, codes[0].Length);
            var expected = (frames + specs[k].Stride - 1) / specs[k].Stride;
            foreach (var item in codes[k])
                if (item.Length != expected)
                    throw new ArgumentException($"book {k}: expected {expected} codes for {frames} frames, found {item.Length}", nameof(codes));
        }
        Specs = specs;
        Frames = frames;
        _codes = codes;
    }

    public IReadOnlyList<CodebookSpec> Specs { get; }

    /// <summary>K.</summary>
    public int Books => _codes.Length;

    /// <summary>B.</summary>
    public int Batch => _codes.Length == 0 ? 0 : _codes[0].Length;

    /// <summary>Base frames, at stride 1.</summary>
    public int Frames { get; }

    /// <summary>Independently coded segments in order, covering all frames; null for codecs that code a signal as one.</summary>
    public IReadOnlyList<CodeSegment>? Segments { get; private init; }

    /// <summary>Of codes fresh from a codec with a low band: what its codes were rounded from, [B][T x coefficients] (<see cref="ILowbandCodec.LowbandShares"/>). Joining loses them.</summary>
    internal float[][]? LowbandShares { get; init; }

    /// <summary>The same codes and what those of the low band were rounded from. Shares memory.</summary>
    internal Codes WithLowbandShares(float[][] shares) => new(Specs, _codes, Frames) { Segments = Segments, LowbandShares = shares };

    /// <summary>The same codes, said to be of these segments. Shares memory.</summary>
    public Codes WithSegments(IReadOnlyList<CodeSegment>? segments)
    {
        if (segments is not null && (segments.Sum(s => s.Frames) != Frames || segments.Any(s => s.Scales.Count != Batch)))
            throw new ArgumentException($"segments: expected {Frames} frames of {Batch} items, found {segments.Sum(s => s.Frames)} frames", nameof(segments));
        return new Codes(Specs, _codes, Frames) { Segments = segments };
    }

    /// <summary>The codes of one book for one item of the batch.</summary>
    public Span<int> this[int book, int item = 0] => _codes[book][item];

    /// <summary>The first <paramref name="books"/> books; shares memory.</summary>
    public Codes Take(int books) => books == Books ? this : new(Specs.Take(books).ToArray(), _codes[..books], Frames) { Segments = Segments };

    /// <summary>One item of the batch; shares memory.</summary>
    public Codes Row(int item) => new(Specs, _codes.Select(book => new[] { book[item] }).ToArray(), Frames)
    {
        Segments = Segments?.Select(s => s with { Scales = [s.Scales[item]] }).ToArray(),
    };

    /// <summary>Items stacked into one batch; all must have the same books and frames. Shares memory.</summary>
    public static Codes Stack(IReadOnlyList<Codes> items)
        => new(items[0].Specs,
            Enumerable.Range(0, items[0].Books).Select(k => items.SelectMany(c => c._codes[k]).ToArray()).ToArray(),
            items[0].Frames)
        {
            Segments = items[0].Segments?.Select((s, i) => s with { Scales = items.SelectMany(c => c.Segments![i].Scales).ToArray() }).ToArray(),
        };

    /// <summary>Pieces joined in time; every piece but the last must hold a multiple of the largest stride.</summary>
    public static Codes Concat(IReadOnlyList<Codes> pieces)
    {
        var first = pieces[0];
        var books = new int[first.Books][][];
        for (var k = 0; k < books.Length; k++)
        {
            books[k] = new int[first.Batch][];
            for (var b = 0; b < first.Batch; b++)
                books[k][b] = pieces.SelectMany(p => p._codes[k][b]).ToArray();
        }
        return new Codes(first.Specs, books, pieces.Sum(p => p.Frames))
        {
            Segments = first.Segments is null ? null : pieces.SelectMany(p => p.Segments!).ToArray(),
        };
    }

    /// <summary>Segments [start, start + count) and their frames.</summary>
    public Codes SliceSegments(int start, int count)
    {
        var segments = Segments ?? throw new InvalidOperationException("codes without segments");
        var chosen = segments.Skip(start).Take(count).ToArray();
        return Slice(segments.Take(start).Sum(s => s.Frames), chosen.Sum(s => s.Frames)).WithSegments(chosen);
    }

    /// <summary>Frames [start, start + count) without their segments; start must be a multiple of the largest stride.</summary>
    public Codes Slice(int start, int count)
    {
        var books = new int[Books][][];
        for (var k = 0; k < Books; k++)
        {
            var stride = Specs[k].Stride;
            if (start % stride != 0)
                throw new ArgumentException($"start {start} is no multiple of stride {stride} of book {k}", nameof(start));
            var length = (count + stride - 1) / stride;
            books[k] = _codes[k].Select(item => item.AsSpan(start / stride, length).ToArray()).ToArray();
        }
        var shares = Frames == 0 ? LowbandShares : LowbandShares?.Select(item => item[(start * (item.Length / Frames))..((start + count) * (item.Length / Frames))]).ToArray();
        return new Codes(Specs, books, count) { LowbandShares = shares };
    }
}
