namespace Codec.Core.Bitstream.Prediction;

/// <summary>
/// Counts of one book of a <see cref="TreeTables"/>. A code is coded in two steps, the run of codes that it lies in and its place there, so
/// that few frequencies are added up for one code.
/// </summary>
internal sealed class TreeBook
{
    private const int ShareBits = 16;

    private readonly uint[] _shares;        // order-0 share of each code in units of 2^-16
    private readonly uint[] _runShares;     // of each run
    private readonly int[] _rows;           // first entry of each parent code
    private readonly int[] _codes;          // of the entries, rising in a row
    private readonly uint[] _counts;
    private readonly uint[] _runCounts;     // [parent code, run]
    private readonly uint[] _totals;        // of each parent code

    private TreeBook(int parent, int weight, uint[] single, int[] rows, int[] codes, uint[] counts)
    {
        (Parent, Weight, Single, _rows, _codes, _counts) = (parent, weight, single, rows, codes, counts);
        Run = NeuralBook.MembersFor(Size);
        Runs = (Size + Run - 1) / Run;
        var total = Math.Max(1UL, (ulong)single.Sum(count => (long)count));
        _shares = [.. single.Select(count => (uint)(((ulong)count << ShareBits) / total))];
        _runShares = new uint[Runs];
        for (var code = 0; code < Size; code++)
            _runShares[code / Run] += _shares[code];
        _totals = new uint[rows.Length - 1];
        _runCounts = new uint[_totals.Length * Runs];
        for (var row = 0; row < _totals.Length; row++)
            for (var i = rows[row]; i < rows[row + 1]; i++)
            {
                if (counts[i] > uint.MaxValue - _totals[row])
                    throw new BitstreamException("counts", 0, "sums below 2^32", "more");
                _totals[row] += counts[i];
                _runCounts[row * Runs + codes[i] / Run] += counts[i];
            }
    }

    /// <summary>A lower book, or the book itself for its last code.</summary>
    public int Parent { get; }

    /// <summary>log2 of the weight of the marginal, in counts of the parent.</summary>
    public int Weight { get; }

    /// <summary>How often each code came.</summary>
    public uint[] Single { get; }

    public int Size => Single.Length;

    /// <summary>Codes of a run.</summary>
    public int Run { get; }

    public int Runs { get; }

    public static TreeBook From(PairCounts counts)
    {
        var size = counts.Single.Length;
        var entries = counts.Pairs.OrderBy(pair => pair.Key).ToArray();
        var rows = new int[counts.ParentSize + 1];
        foreach (var (key, _) in entries)
            rows[key / size + 1]++;
        for (var row = 0; row < counts.ParentSize; row++)
            rows[row + 1] += rows[row];
        return new TreeBook(counts.Parent, counts.BestWeight(), counts.Single, rows, [.. entries.Select(e => (int)(e.Key % size))], [.. entries.Select(e => e.Value)]);
    }

    /// <summary>Frequencies of the runs.</summary>
    /// <param name="parent">Code of the parent; -1: unknown.</param>
    /// <param name="cumulative">Receives <see cref="Runs"/> + 1 numbers.</param>
    public void CumulateRuns(int parent, Span<uint> cumulative)
    {
        var counts = parent < 0 ? default : _runCounts.AsSpan(parent * Runs, Runs);
        var total = parent < 0 ? 0UL : _totals[parent];
        cumulative[0] = 0;
        for (var run = 0; run < Runs; run++)
            cumulative[run + 1] = cumulative[run] + Frequency(_runShares[run], parent < 0 ? 0 : counts[run], total);
    }

    /// <summary>Frequencies of the codes of a run.</summary>
    public void CumulateCodes(int parent, int run, Span<uint> cumulative)
    {
        var (first, count) = (run * Run, cumulative.Length - 1);
        var total = parent < 0 ? 0UL : _totals[parent];
        var (entry, end) = parent < 0 ? (0, 0) : (_rows[parent], _rows[parent + 1]);
        if (entry < end && Array.BinarySearch(_codes, entry, end - entry, first) is var found)
            entry = found < 0 ? ~found : found;
        cumulative[0] = 0;
        for (var i = 0; i < count; i++)
        {
            var came = entry < end && _codes[entry] == first + i ? _counts[entry++] : 0;
            cumulative[i + 1] = cumulative[i] + Frequency(_shares[first + i], came, total);
        }
    }

    /// <summary>Share of a symbol in units of about 2^-16, never 0: the marginal counts as 2^Weight more times than the parent was seen.</summary>
    private uint Frequency(uint share, uint count, ulong total)
        => 1 + (uint)((((ulong)share << Weight) + ((ulong)count << ShareBits)) / (total + (1UL << Weight)));

    public void Write(ByteWriter bytes)
    {
        foreach (var number in new[] { Parent, Weight, Size })
            bytes.Varint((ulong)number);
        foreach (var count in Single)
            bytes.Varint(count);
        for (var row = 0; row < _totals.Length; row++)
        {
            bytes.Varint((ulong)(_rows[row + 1] - _rows[row]));
            for (int i = _rows[row], last = -1; i < _rows[row + 1]; last = _codes[i++])
            {
                bytes.Varint((ulong)(_codes[i] - last - 1));
                bytes.Varint(_counts[i]);
            }
        }
    }

    /// <param name="reader">At the book.</param>
    /// <param name="book">Its number.</param>
    /// <param name="lower">The books before it are there.</param>
    public static TreeBook Read(ref ByteReader reader, int book, TreeBook[] lower)
    {
        var parent = (int)reader.Varint("parent", 0, (ulong)book);
        var weight = (int)reader.Varint("weight", 0, 24);
        var single = new uint[Some(ref reader, "codebook size", 1 << 18)];
        foreach (ref var count in single.AsSpan())
            count = (uint)reader.Varint("count", 0, int.MaxValue);
        var rows = new int[(parent == book ? single.Length : lower[parent].Size) + 1];
        var (codes, counts) = (new List<int>(), new List<uint>());
        for (var row = 0; row + 1 < rows.Length; row++)
        {
            var last = -1;
            for (var left = (int)reader.Varint("pairs", 0, (ulong)single.Length); left > 0; left--)
            {
                if (last + 1 >= single.Length)
                    throw new BitstreamException("pairs", reader.Position, $"codes below {single.Length}", "more of them");
                last += 1 + (int)reader.Varint("code", 0, (ulong)(single.Length - 2 - last));
                codes.Add(last);
                counts.Add((uint)reader.Varint("count", 1, 1 << 20));
            }
            rows[row + 1] = codes.Count;
        }
        return new TreeBook(parent, weight, single, rows, [.. codes], [.. counts]);
    }

    /// <summary>A number of things of at least a byte each.</summary>
    private static int Some(ref ByteReader reader, string field, int most)
    {
        var count = (int)reader.Varint(field, 1, (ulong)most);
        return count <= reader.Left ? count : throw new BitstreamException(field, reader.Position, $"at most {reader.Left}", $"{count}");
    }
}
