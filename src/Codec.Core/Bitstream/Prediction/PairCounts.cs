namespace Codec.Core.Bitstream.Prediction;

/// <summary>How often codes of a book came, alone and after each code of a parent.</summary>
/// <param name="Parent">A lower book, or the book itself for its last code.</param>
/// <param name="ParentSize">Entries of the parent.</param>
/// <param name="Single">How often each code came.</param>
/// <param name="Pairs">Key parent code * size + code.</param>
internal sealed record PairCounts(int Parent, int ParentSize, uint[] Single, Dictionary<long, uint> Pairs)
{
    /// <summary>How often each parent code came.</summary>
    public long[] ParentTotals()
    {
        var totals = new long[ParentSize];
        foreach (var (key, count) in Pairs)
            totals[key / Single.Length] += count;
        return totals;
    }

    /// <summary>Mutual information in bits, less what as many pairs would show by chance (Miller and Madow).</summary>
    public double Information()
    {
        var parents = ParentTotals();
        double total = Math.Max(1, parents.Sum());
        double all = Math.Max(1, Single.Sum(count => (long)count));
        var bits = 0.0;
        foreach (var (key, count) in Pairs)
            bits += count / total * Math.Log2(count / total / (parents[key / Single.Length] / total * (Single[key % Single.Length] / all)));
        var chance = Pairs.Count - parents.Count(n => n > 0) - Single.Count(n => n > 0) + 1;
        return bits - chance / (2 * total * Math.Log(2));
    }

    /// <summary>log2 of the weight of the marginal, in counts of the parent, under which each pair is best predicted by all others.</summary>
    public int BestWeight()
    {
        var parents = ParentTotals();
        double all = Math.Max(1, Single.Sum(count => (long)count));
        double Bits(int log)
        {
            var (weight, bits) = (Math.Pow(2, log), 0.0);
            foreach (var (key, count) in Pairs)
                bits -= count * Math.Log2((count - 1 + weight * Single[key % Single.Length] / all) / (parents[key / Single.Length] - 1 + weight));
            return bits;
        }
        return Enumerable.Range(0, 21).MinBy(Bits);
    }
}
