using System.Numerics;
using Codec.Core.Bitstream.Prediction;

namespace Codec.Core.Quantizers;

/// <summary>
/// Residual quantization that asks what codes cost: of the nearest entries of a book the one with the least distance plus price is taken,
/// book by book in the order in which the predictor will code them, so that prices are those that will be paid.
/// (Entropy-constrained vector quantization, Chou, Lookabaugh and Gray 1989.)
/// </summary>
/// <param name="entries">[V][D] of each book, coarse first.</param>
/// <param name="prior">Prices of the codes.</param>
/// <param name="share">A bit is worth this share of the squared distance to the nearest entry.</param>
/// <param name="blockFrames">Frames from one reset of the predictor to the next.</param>
public sealed class RateAwareSearch(float[][] entries, NeuralPrior prior, double share, int blockFrames)
{
    private readonly int _dimension = entries[0].Length / prior.Size(0);

    /// <summary>Nearest entries that are priced.</summary>
    private const int Offered = 8;

    /// <summary>A frame whose squared error would rise above this many times that of the codes it had keeps those codes.</summary>
    public const double MostRise = 1.25;

    /// <summary>Changes codes in place.</summary>
    /// <param name="latents">[T][D].</param>
    /// <param name="codes">[book][T]: codes found without prices, from the start of a block on.</param>
    public void Improve(ReadOnlySpan<float> latents, int[][] codes)
    {
        var model = new NeuralModel(prior);
        var frames = latents.Length / _dimension;
        for (var first = 0; first < frames; first += blockFrames)
        {
            var count = Math.Min(blockFrames, frames - first);
            var found = codes.Select(book => book.AsSpan(first, count).ToArray()).ToArray();
            var chosen = Choose(model, latents.Slice(first * _dimension, count * _dimension), found);
            for (var book = 0; book < codes.Length; book++)
                chosen[book].CopyTo(codes[book], first);
        }
    }

    private int[][] Choose(NeuralModel model, ReadOnlySpan<float> latents, int[][] found)
    {
        var chosen = found.Select(book => book.ToArray()).ToArray();
        var block = new Codes([.. chosen.Select((_, book) => new CodebookSpec(prior.Size(book)))], [.. chosen.Select(book => new[] { book })], chosen[0].Length);
        var chooser = new Nearest(entries, _dimension, share, latents.ToArray());
        model.Reset();
        for (var book = 0; book < chosen.Length; book++)
            model.Choose(chooser, block, book);
        for (var t = 0; t < chosen[0].Length; t++)
        {
            var latent = latents.Slice(t * _dimension, _dimension);
            if (Error(latent, chosen, t) <= MostRise * Error(latent, found, t))
                continue;
            for (var book = 0; book < chosen.Length; book++)
                chosen[book][t] = found[book][t];
        }
        return chosen;
    }

    private double Error(ReadOnlySpan<float> latent, int[][] codes, int t)
    {
        var error = 0.0;
        for (var d = 0; d < _dimension; d++)
        {
            double left = latent[d];
            for (var book = 0; book < codes.Length; book++)
                left -= entries[book][codes[book][t] * _dimension + d];
            error += left * left;
        }
        return error;
    }

    /// <summary>Offers the nearest entries of a book to what is left of each frame.</summary>
    private sealed class Nearest(float[][] entries, int dimension, double share, float[] residuals) : ICodeChooser
    {
        private readonly int[] _codes = new int[Offered];
        private readonly float[] _distances = new float[Offered];
        private int _count;

        public ReadOnlySpan<int> Candidates(int book, int frame)
        {
            var residual = residuals.AsSpan(frame * dimension, dimension);
            _count = 0;
            for (var code = 0; code < entries[book].Length / dimension; code++)
                Offer(code, SquaredDistance(residual, entries[book].AsSpan(code * dimension, dimension)));
            return _codes.AsSpan(0, _count);
        }

        public int Choose(int book, int frame, ReadOnlySpan<double> bits)
        {
            var (best, least) = (0, double.MaxValue);
            for (var i = 0; i < _count; i++)
                if (_distances[i] + share * _distances[0] * bits[i] is var cost && cost < least)
                    (best, least) = (i, cost);
            var entry = entries[book].AsSpan(_codes[best] * dimension, dimension);
            for (var d = 0; d < dimension; d++)
                residuals[frame * dimension + d] -= entry[d];
            return _codes[best];
        }

        private static float SquaredDistance(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
        {
            var (sum, d) = (Vector<float>.Zero, 0);
            for (; d + Vector<float>.Count <= a.Length; d += Vector<float>.Count)
            {
                var difference = new Vector<float>(a[d..]) - new Vector<float>(b[d..]);
                sum += difference * difference;
            }
            var total = Vector.Sum(sum);
            for (; d < a.Length; d++)
                total += (a[d] - b[d]) * (a[d] - b[d]);
            return total;
        }

        /// <summary>Keeps the nearest, rising; of equal ones the first.</summary>
        private void Offer(int code, float distance)
        {
            if (_count == _codes.Length && distance >= _distances[^1])
                return;
            var at = _count < _codes.Length ? _count++ : _count - 1;
            for (; at > 0 && _distances[at - 1] > distance; at--)
                (_distances[at], _codes[at]) = (_distances[at - 1], _codes[at - 1]);
            (_distances[at], _codes[at]) = (distance, code);
        }
    }
}
