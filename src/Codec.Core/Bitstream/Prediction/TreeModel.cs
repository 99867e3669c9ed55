namespace Codec.Core.Bitstream.Prediction;

/// <summary>Predicts codes from the counts of <see cref="TreeTables"/>; learns nothing while coding.</summary>
public sealed class TreeModel : ISymbolModel
{
    private readonly TreeTables _tables;
    private readonly Dictionary<int, int> _last = [];
    private uint[] _cumulative = new uint[65];

    public TreeModel(TreeTables tables) => _tables = tables;

    public void Reset() => _last.Clear();

    public void Code(ISymbolCoder coder, Codes block, int book)
    {
        var table = _tables[book];
        var codes = block[book];
        if (_cumulative.Length <= Math.Max(table.Runs, table.Run))
            _cumulative = new uint[Math.Max(table.Runs, table.Run) + 1];
        for (var t = 0; t < codes.Length; t++)
        {
            var parent = table.Parent != book ? block[table.Parent][t] : _last.GetValueOrDefault(book, -1);
            var runs = _cumulative.AsSpan(0, table.Runs + 1);
            table.CumulateRuns(parent, runs);
            var run = coder.Code(codes[t] / table.Run, runs);
            var places = _cumulative.AsSpan(0, Math.Min(table.Run, table.Size - run * table.Run) + 1);
            table.CumulateCodes(parent, run, places);
            codes[t] = run * table.Run + coder.Code(codes[t] % table.Run, places);
            _last[book] = codes[t];
        }
    }
}
