namespace Codec.Core.Bitstream.Prediction;

/// <summary>Predicts codes from the counts of <see cref="TreeTables"/>; learns nothing while coding.</summary>
public sealed class TreeModel(TreeTables tables) : ISymbolModel
{
    private readonly Dictionary<int, int> _last = [];

    public void Reset() => _last.Clear();

    public void Code(ISymbolCoder coder, Codes block, int book)
    {
        var table = tables[book];
        var codes = block[book];
        var size = block.Specs[book].Size;
        var prior = (ulong)Math.Max(1, size / 4); // weight of the marginal, in counts of the parent
        var cumulative = new uint[size + 1];
        for (var t = 0; t < codes.Length; t++)
        {
            var parent = table.Parent != book ? block[table.Parent][t] : _last.GetValueOrDefault(book, -1);
            var weight = parent < 0 ? 0UL : table.ParentCounts[parent];
            for (var s = 0; s < size; s++)
            {
                var pair = parent < 0 ? 0UL : table.Pairs.GetValueOrDefault(parent * size + s);
                cumulative[s + 1] = cumulative[s] + 1 + (uint)((table.Marginal[s] * prior + pair * 65536) / (weight + prior));
            }
            codes[t] = coder.Code(codes[t], cumulative);
            _last[book] = codes[t];
        }
    }
}
