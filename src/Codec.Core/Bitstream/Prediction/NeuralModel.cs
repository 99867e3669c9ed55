namespace Codec.Core.Bitstream.Prediction;

/// <summary>Predicts codes with a small network in integer arithmetic; learns nothing while coding.</summary>
public sealed class NeuralModel : ISymbolModel
{
    private const int Past = NeuralContext.Past;

    private readonly NeuralPrior _prior;
    private readonly int[][] _history;          // last codes of each book before the block
    private readonly int[] _hidden;
    private readonly short[] _first;
    private readonly short[] _second;
    private readonly int[] _logits;
    private readonly uint[] _cumulative;
    private short[] _lower = [];                // sums of lower books: Past frames before the block, the block, Future frames of zeros
    private short[] _own = [];                  // embeddings of the book being coded, likewise
    private int _historyFrames;

    public NeuralModel(NeuralPrior prior)
    {
        _prior = prior;
        _history = [.. Enumerable.Range(0, prior.Books).Select(_ => new int[Past])];
        _hidden = new int[Enumerable.Range(0, prior.Books).Max(b => Math.Max(prior.Input[b].Rows, prior.Middle[b].Rows))];
        _first = new short[IntegerKernels.Padded(_hidden.Length)];
        _second = new short[IntegerKernels.Padded(_hidden.Length)];
        var most = Enumerable.Range(0, prior.Books).Max(prior.Size);
        _logits = new int[most];
        _cumulative = new uint[most + 1];
    }

    /// <summary>True where a prior can predict these books: a prefix of its own, all at the base frame rate.</summary>
    public static bool Fits(NeuralPrior prior, IReadOnlyList<CodebookSpec> books)
        => books.Count <= prior.Books && books.Select((book, i) => book.Stride == 1 && book.Size == prior.Size(i)).All(fits => fits);

    public void Reset() => _historyFrames = 0;

    public void Code(ISymbolCoder coder, Codes block, int book)
    {
        if (book == 0)
            Begin(block.Frames);
        var codes = block[book];
        var width = _prior.Width;
        var frames = block.Frames;
        Array.Clear(_own);
        for (var i = Past - _historyFrames; i < Past; i++)
            Embed(book, _history[book][i], i);
        Span<int> sum = stackalloc int[width];
        Span<int> mean = stackalloc int[width];
        if (book > 0)
            MeanOfLower(frames, mean);
        var input = new short[_prior.Input[book].InputLength];
        var logits = _logits.AsSpan(0, _prior.Size(book));
        var cumulative = _cumulative.AsSpan(0, logits.Length + 1);
        for (var t = 0; t < frames; t++)
        {
            Fill(input, book, t, mean, sum);
            Predict(book, input, logits);
            FixedPointSoftmax.Cumulate(logits, cumulative);
            codes[t] = coder.Code(codes[t], cumulative);
            Embed(book, codes[t], t + Past);
            var embedding = _own.AsSpan((t + Past) * width, width);
            for (var i = 0; i < width; i++)
                sum[i] += embedding[i];
        }
        for (var i = 0; i < (frames + Past) * width; i++)
            _lower[i] += _own[i];
        Remember(book, codes);
        if (book == block.Books - 1)
            _historyFrames = Math.Min(Past, _historyFrames + frames);
    }

    private void Begin(int frames)
    {
        var length = (Past + frames + NeuralContext.Future) * _prior.Width;
        if (_lower.Length < length)
            (_lower, _own) = (new short[length], new short[length]);
        Array.Clear(_lower);
    }

    private void Embed(int book, int code, int place)
    {
        var width = _prior.Width;
        var source = _prior.Embeddings[book].AsSpan(code * width, width);
        var target = _own.AsSpan(place * width, width);
        for (var i = 0; i < width; i++)
            target[i] = (short)(source[i] << _prior.Shifts[book]);
    }

    private void MeanOfLower(int frames, Span<int> mean)
    {
        var width = _prior.Width;
        for (var t = 0; t < frames; t++)
            for (var i = 0; i < width; i++)
                mean[i] += _lower[(t + Past) * width + i];
        for (var i = 0; i < width; i++)
            mean[i] = Divide(mean[i], frames);
    }

    private void Fill(short[] input, int book, int t, ReadOnlySpan<int> mean, ReadOnlySpan<int> sum)
    {
        var width = _prior.Width;
        var place = 0;
        if (book > 0)
        {
            foreach (var offset in NeuralContext.LowerOffsets)
                Tap(_lower, t + offset);
            foreach (var value in mean)
                input[place++] = (short)value;
        }
        for (var back = 1; back <= NeuralContext.OwnPast(book); back++)
            Tap(_own, t - back);
        for (var i = 0; i < width; i++)
            input[place++] = (short)Divide(sum[i], Math.Max(t, 1));

        void Tap(short[] frames, int at)
        {
            frames.AsSpan((at + Past) * width, width).CopyTo(input.AsSpan(place));
            place += width;
        }
    }

    private void Predict(int book, short[] input, Span<int> logits)
    {
        _prior.Output[book].Apply(Layer(_prior.Middle[book], Layer(_prior.Input[book], input, _first, 0), _second, short.MinValue), logits);
    }

    /// <summary>A layer whose values are clamped to 16 bits: from 0 for a rectifier.</summary>
    private ReadOnlySpan<short> Layer(IntegerLayer layer, ReadOnlySpan<short> input, short[] output, short least)
    {
        var sums = _hidden.AsSpan(0, layer.Rows);
        layer.Apply(input, sums);
        for (var i = 0; i < sums.Length; i++)
            output[i] = (short)Math.Clamp(sums[i], least, short.MaxValue);
        var padded = output.AsSpan(0, IntegerKernels.Padded(layer.Rows));
        padded[layer.Rows..].Clear();
        return padded;
    }

    private void Remember(int book, ReadOnlySpan<int> codes)
    {
        var history = _history[book].AsSpan();
        if (codes.Length >= Past)
            codes[^Past..].CopyTo(history);
        else
        {
            history[codes.Length..].CopyTo(history);
            codes.CopyTo(history[^codes.Length..]);
        }
    }

    /// <summary>Rounds down, for negative numbers too.</summary>
    private static int Divide(int value, int by) => value >= 0 ? value / by : -((-value + by - 1) / by);
}
