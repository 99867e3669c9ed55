using Codec.Audio;

namespace Codec.Core.Quantizers;

/// <summary>Quantizer dropout (Zeghidour et al. 2021; Kumar et al. 2023): some items train with fewer books.</summary>
public static class QuantizerDropout
{
    /// <param name="batch">B.</param>
    /// <param name="books">K.</param>
    /// <param name="probability">Share of the items, rounded down, that get a random number of books from 1 to K.</param>
    /// <param name="random">Where the numbers come from.</param>
    /// <returns>Books per item: the dropped items first.</returns>
    public static int[] Sample(int batch, int books, double probability, Random random)
    {
        Require.InRange(probability, 0, 1);
        var dropped = (int)(batch * probability);
        return Enumerable.Range(0, batch).Select(i => i < dropped ? random.Next(1, books + 1) : books).ToArray();
    }
}
