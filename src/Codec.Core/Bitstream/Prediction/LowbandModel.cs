namespace Codec.Core.Bitstream.Prediction;

/// <summary>Predicts the books of a codec as <see cref="NeuralModel"/> does, and the low band behind them from their codes. Learns nothing while coding.</summary>
public sealed class LowbandModel : ISymbolModel
{
    private const int Escape = LowbandTables.Symbols - 1;

    private readonly LowbandPrior _prior;
    private readonly NeuralPrior _neural;
    private readonly LowbandBlock _block = new();

    /// <param name="prior">Tables of the low band.</param>
    /// <param name="neural">Those of the books before it.</param>
    public LowbandModel(LowbandPrior prior, NeuralPrior neural)
    {
        if (neural.Width != prior.Network.Width)
            throw new ArgumentException($"expected embeddings of {prior.Network.Width}, found {neural.Width}", nameof(neural));
        (_prior, _neural, Lower) = (prior, neural, new NeuralModel(neural));
    }

    /// <summary>Predicts the books before the low band, which must be all that it sees.</summary>
    internal NeuralModel Lower { get; }

    public void Reset() => Lower.Reset();

    /// <summary>Books before the low band.</summary>
    internal int Kept(Codes block) => block.Books - _prior.Coefficients;

    public void Code(ISymbolCoder coder, Codes block, int book)
    {
        var kept = Kept(block);
        if (book < kept)
        {
            Lower.Code(coder, block.Take(kept), book);
            return;
        }
        if (book == kept)
            _prior.Begin(_block, _neural, block, kept, _prior.Tables.Expected);
        var codes = block[book];
        var steps = LowbandBooks.Steps(block.Specs[book]);
        for (var t = 0; t < codes.Length; t++)
        {
            var value = coder.Knows ? codes[t] - steps : 0;
            if (Math.Abs(value) > steps)
                throw new ArgumentException($"expected codes up to {2 * steps}, found {codes[t]} in book {book}", nameof(block));
            value = Code(coder, book - kept, t, value, steps);
            _block.Set(book - kept, t, value);
            codes[t] = steps + value;
        }
    }

    private int Code(ISymbolCoder coder, int row, int t, int value, int steps)
    {
        // Fewer steps than symbols: those above do not exist.
        var sizes = _prior.Tables.Sizes(_block.Table(row, t))[..(Math.Min(steps, Escape) + 2)];
        var size = coder.Code(Math.Min(Math.Abs(value), Escape), sizes);
        if (size == Escape)
            size += CodeRest(coder, Math.Abs(value) - Escape, steps - Escape);
        if (size == 0)
            return 0;
        var (context, turned) = _block.Sign(row, t, size);
        var positive = coder.CodeBit(value > 0 != turned ? 1 : 0, _prior.Tables.Positive(context)) != 0 != turned;
        return positive ? size : -size;
    }

    /// <summary>A number from 0 to the most that is possible: the length of it plus one in binary, one by one, then all but its first digit.</summary>
    private static int CodeRest(ISymbolCoder coder, int rest, int most)
    {
        var length = 0;
        while (2 << length <= most + 1 && coder.CodeUniform(rest + 1 >> length + 1 != 0 ? 1 : 0, 2) != 0)
            length++;
        var first = 1 << length;
        return first - 1 + coder.CodeUniform(rest + 1 - first, Math.Min(first, most + 2 - first));
    }
}
