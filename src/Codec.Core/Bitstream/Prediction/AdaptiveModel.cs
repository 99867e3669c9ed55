namespace Codec.Core.Bitstream.Prediction;

/// <summary>Counts how often each code of each book came since the last reset (order 0).</summary>
public sealed class AdaptiveModel(IReadOnlyList<CodebookSpec> books) : ISymbolModel
{
    private const uint Step = 32;
    private const uint Limit = 1 << 16;

    private readonly uint[][] _counts = [.. books.Select(book => new uint[book.Size])];
    private readonly uint[] _totals = new uint[books.Count];
    private readonly uint[] _cumulative = new uint[books.Max(book => book.Size) + 1];

    public void Reset() => Array.Clear(_totals);

    public void Code(ISymbolCoder coder, Codes block, int book)
    {
        var counts = _counts[book];
        if (_totals[book] == 0)
        {
            Array.Fill(counts, 1u);
            _totals[book] = (uint)counts.Length;
        }
        var cumulative = _cumulative.AsSpan(0, counts.Length + 1);
        foreach (ref var code in block[book])
        {
            for (var s = 0; s < counts.Length; s++)
                cumulative[s + 1] = cumulative[s] + counts[s];
            code = coder.Code(code, cumulative);
            counts[code] += Step;
            _totals[book] += Step;
            if (_totals[book] > Limit + (uint)counts.Length)
                Halve(book);
        }
    }

    private void Halve(int book)
    {
        _totals[book] = 0;
        foreach (ref var count in _counts[book].AsSpan())
        {
            count = (count + 1) / 2;
            _totals[book] += count;
        }
    }
}
