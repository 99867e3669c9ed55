using Codec.Core.Bitstream;

namespace Codec.Core.Codecs.Native;

/// <summary>
/// Chooses how many books each frame gets: as many as make the sum of its squared error in the latent, against that of all books, and of a price
/// for each code smallest. Errors count by the tenth power of the energy around the frame, between all alike and all by loudness.
/// </summary>
/// <param name="entries">[V][D] of each book.</param>
/// <param name="share">Price of a code, in parts of the sum of the books' mean squared entries.</param>
internal sealed class BookThinning(IReadOnlyList<float[]> entries, IReadOnlyList<CodebookSpec> books, double share)
{
    private const int PastFrames = 3;       // a frame's codes are heard in the samples up to three frames before it
    private const double FullEnergy = 0.01; // of a frame that counts as 1: speech at -20 dB
    private const double LeastEnergy = 1e-8;

    private readonly int _dimension = entries[0].Length / books[0].Size;
    private readonly double _price = share * entries.Select((book, k) => book.Sum(value => (double)value * value) / books[k].Size).Sum();

    /// <summary>The same codes, fine ones left out.</summary>
    /// <param name="codes">All books.</param>
    /// <param name="samples_BS">What they code.</param>
    /// <param name="state">Stream memory; null = offline.</param>
    public Codes Thin(Codes codes, ReadOnlySpan<float> samples_BS, StreamState? state)
    {
        var energies = state?.Slot(this, () => new EnergyHistory(codes.Batch), nameof(EnergyHistory)) ?? new EnergyHistory(codes.Batch);
        var kept = Enumerable.Range(0, codes.Books).Select(book => Enumerable.Range(0, codes.Batch).Select(item => codes[book, item].ToArray()).ToArray()).ToArray();
        var samples = codes.Batch == 0 ? 0 : samples_BS.Length / codes.Batch;
        var error = new double[codes.Books + 1];
        for (var item = 0; item < codes.Batch; item++)
            for (var t = 0; t < codes.Frames; t++)
            {
                var hop = samples / codes.Frames;
                var energy = energies.Push(item, MeanSquare(samples_BS.Slice(item * samples + t * hop, hop)));
                Errors(codes, item, t, error);
                for (var book = Count(error, Math.Pow(Math.Max(energy, LeastEnergy) / FullEnergy, 0.1)); book < codes.Books; book++)
                    kept[book][item][t] = books[book].Size;
            }
        return new Codes(VariableBooks.Of(codes.Specs), kept, codes.Frames);
    }

    private int Count(double[] error, double weight)
    {
        var best = error.Length - 1;
        for (var count = best - 1; count >= VariableBooks.First; count--)
            if (weight * error[count] + _price * count < weight * error[best] + _price * best)
                best = count;
        return best;
    }

    /// <summary>Squared distance of the sum of the first k vectors from the sum of all, for each k.</summary>
    private void Errors(Codes codes, int item, int t, double[] error)
    {
        Span<double> rest = stackalloc double[_dimension];
        rest.Clear();
        error[^1] = 0;
        for (var book = codes.Books - 1; book >= VariableBooks.First; book--)
        {
            var entry = entries[book].AsSpan(codes[book, item][t] * _dimension, _dimension);
            error[book] = 0;
            for (var d = 0; d < _dimension; d++)
            {
                rest[d] += entry[d];
                error[book] += rest[d] * rest[d];
            }
        }
    }

    private static double MeanSquare(ReadOnlySpan<float> samples)
    {
        double sum = 0;
        foreach (var sample in samples)
            sum += (double)sample * sample;
        return sum / Math.Max(1, samples.Length);
    }

    /// <summary>Energies of the last frames of each item.</summary>
    private sealed class EnergyHistory(double[][] past) : IStreamSlot
    {
        public EnergyHistory(int batch) : this([.. Enumerable.Range(0, batch).Select(_ => new double[PastFrames])])
        {
        }

        /// <returns>The mean over this frame and those before.</returns>
        public double Push(int item, double energy)
        {
            var mean = (past[item].Sum() + energy) / (PastFrames + 1);
            past[item].AsSpan(1).CopyTo(past[item]);
            past[item][^1] = energy;
            return mean;
        }

        public IStreamSlot Fork() => new EnergyHistory([.. past.Select(item => item.ToArray())]);

        public void Dispose()
        {
        }
    }
}
