namespace Codec.Core.Bitstream.Prediction;

/// <summary>Predicts codes with a small network in integer arithmetic; learns nothing while coding.</summary>
public sealed class NeuralModel : ISymbolModel
{
    private const int Past = NeuralContext.Past, LowerPast = NeuralContext.LowerPast;
    private const int MeanBits = 24;

    private readonly NeuralPrior _prior;
    private readonly int _width;
    private readonly int[][] _history;          // last codes of each book before the block
    private readonly short[] _first, _second;   // hidden activations
    private readonly int[] _sums, _logits;
    private readonly uint[] _cumulative;
    private readonly int[] _sum;                // of the embeddings so far
    private short[] _mean;                      // of embeddings: one, or one per frame
    private int[] _input = [];                  // sums of the input layer for every frame of the block
    private short[] _lower = [];                // sums of lower books: Past frames before the block, the block, Future frames of zeros
    private short[] _own = [];                  // embeddings of the book being coded, likewise
    private readonly NestedTables? _nested;     // of the last book
    private readonly PresenceFlags? _presence;  // where frames may lack books
    private readonly short[] _nothing;          // the embedding of a code that is not there
    private int _historyFrames;

    /// <param name="prior">The tables.</param>
    /// <param name="nested">What the last book is shrunk to; null: it is whole.</param>
    /// <param name="variable">Frames may lack books (<see cref="VariableBooks"/>).</param>
    public NeuralModel(NeuralPrior prior, NestedBook? nested = null, bool variable = false)
    {
        _prior = prior;
        _presence = variable ? new PresenceFlags(prior.Books) : null;
        _nothing = new short[prior.Width];
        _nested = nested is null ? null : new NestedTables(prior[nested.Book], nested, prior.Width);
        _width = prior.Width;
        _history = [.. Enumerable.Range(0, prior.Books).Select(_ => new int[Past])];
        _mean = new short[_width];
        _sum = new int[_width];
        NeuralBook[] books = [.. Enumerable.Range(0, prior.Books).Select(book => prior[book])];
        _first = new short[books.Max(book => book.Input.Matrix.Sums)];
        _second = new short[books.Max(book => book.Middle.Matrix.Sums)];
        _sums = new int[books.Max(book => Math.Max(Math.Max(book.Input.Matrix.Sums, book.Middle.Matrix.Sums), Math.Max(book.Cluster.Matrix.Sums, book.Member.Matrix.Sums)))];
        _logits = new int[_sums.Length];
        _cumulative = new uint[_sums.Length + 1];
        Reset();
    }

    public void Reset()
    {
        _historyFrames = 0;
        _presence?.Reset();
    }

    public void Code(ISymbolCoder coder, Codes block, int book)
        => Run(block, book, coder.Knows, (network, input, frame) => book == _nested?.Book
            ? CodeNested(coder, network, input, block[book][frame])
            : _presence is not null && book >= VariableBooks.First && !IsPresent(coder, block, book, frame)
            ? network.Size
            : Code(coder, network, input, block[book][frame]));

    /// <summary>Whether a frame has a book. One without the next lower book has not: nothing is coded then.</summary>
    private bool IsPresent(ISymbolCoder coder, Codes block, int book, int frame)
    {
        bool Has(int k, int t) => k < VariableBooks.First || block[k][t] != _prior[k].Size;
        var present = coder.Knows && Has(book, frame);
        if (Has(book - 1, frame))
            return _presence!.Code(coder, book, frame == 0 || Has(book, frame - 1) ? FrameBefore.HadBook : Has(book - 1, frame - 1) ? FrameBefore.HadLowerBook : FrameBefore.HadNeither, present);
        return present ? throw new ArgumentException($"frame {frame} has book {book} without book {book - 1}", nameof(block)) : false;
    }

    /// <summary>Fills one whole book of a block with codes that are chosen by their price. Called with 0, 1, 2 ... for each block.</summary>
    internal void Choose(ICodeChooser chooser, Codes block, int book)
        => Run(block, book, knows: false, (network, input, frame) => Choose(chooser, network, input, book, frame));

    private delegate int Step(NeuralBook network, ReadOnlySpan<int> input, int frame);

    /// <summary>Goes through a book: what is known before a code, then the code.</summary>
    private void Run(Codes block, int book, bool knows, Step step)
    {
        if (book == 0)
            Begin(block.Frames);
        var network = _prior[book];
        var codes = block[book];
        var rows = network.Input.Matrix.Sums;
        See(network, block, book, codes.Length);
        Recall(book, rows, codes.Length);
        Array.Clear(_sum);
        if (knows)
            SeeOwn(network, book, codes);
        for (var t = 0; t < codes.Length; t++)
        {
            var input = _input.AsSpan(t * rows, rows);
            if (!knows)
            {
                Average(_sum, Math.Max(t, 1), _mean.AsSpan(0, _width));
                SeeOwnMean(network, book, 1, input);
            }
            codes[t] = step(network, input, t);
            if (!knows)
                Learn(book, codes[t], t, rows, codes.Length);
        }
        for (var i = 0; i < (codes.Length + Past) * _width; i++)
            _lower[i] += _own[i];
        Remember(book, codes);
        if (book == block.Books - 1)
            _historyFrames = Math.Min(Past, _historyFrames + codes.Length);
    }

    /// <summary>What a book's own past gives to the sums of the input layer, for all frames at once: its codes are known.</summary>
    private void SeeOwn(NeuralBook network, int book, ReadOnlySpan<int> codes)
    {
        if (_mean.Length < codes.Length * _width)
            _mean = new short[codes.Length * _width];
        for (var t = 0; t < codes.Length; t++)
        {
            Average(_sum, Math.Max(t, 1), _mean.AsSpan(t * _width, _width));
            Learn(book, codes[t], t, network.Input.Matrix.Sums, codes.Length);
        }
        SeeOwnMean(network, book, codes.Length, _input);
    }

    private void SeeOwnMean(NeuralBook network, int book, int frames, Span<int> input)
        => network.Input.Matrix.MultiplyAdd(0, (NeuralContext.Taps(book) - 1) * _width, _width, _mean, frames, _width, input);

    private ReadOnlySpan<short> Vector(int book, int code)
        => book == _nested?.Book ? _nested.Vector(code, _width) : code == _prior[book].Size ? _nothing : _prior[book].Vector(code, _width);

    private void Learn(int book, int code, int t, int rows, int frames)
    {
        Place(book, code, t, rows, frames);
        var vector = _own.AsSpan((t + Past) * _width, _width);
        for (var i = 0; i < _sum.Length; i++)
            _sum[i] += vector[i];
    }

    /// <summary>Puts a code into its frame, for higher books to see, and adds to the sums of the frames behind it what they see of it.</summary>
    /// <param name="book">The book.</param>
    /// <param name="code">Its code.</param>
    /// <param name="t">The frame; those before the block are negative.</param>
    /// <param name="rows">Sums of a frame.</param>
    /// <param name="frames">Of the block.</param>
    private void Place(int book, int code, int t, int rows, int frames)
    {
        Vector(book, code).CopyTo(_own.AsSpan((t + Past) * _width));
        var behind = Math.Max(0, t + 1);
        if (book == _nested?.Book)
            _nested.Own.AddTo(code, behind - t - 1, _input.AsSpan(0, frames * rows)[(behind * rows)..]);
        else if (code != _prior[book].Size)
            _prior[book].Own.AddTo(code, behind - t - 1, _input.AsSpan(0, frames * rows)[(behind * rows)..]);
    }

    /// <summary>One code from the sums of the input layer: its cluster, then its place there.</summary>
    private int Code(ISymbolCoder coder, NeuralBook network, ReadOnlySpan<int> input, int code)
    {
        Hidden(network, input);
        var position = (uint)code < (uint)network.Size ? network.Positions[code] : 0;
        var (cluster, member) = (position / network.Members, position % network.Members);
        cluster = Choose(coder, network.Cluster, 0, network.Cluster.Rows, cluster);
        member = Choose(coder, network.Member, cluster, network.MembersOf(cluster), member);
        return network.Order[cluster * network.Members + member];
    }

    private int Choose(ICodeChooser chooser, NeuralBook network, ReadOnlySpan<int> input, int book, int frame)
    {
        Hidden(network, input);
        var candidates = chooser.Candidates(book, frame);
        Span<double> bits = stackalloc double[candidates.Length];
        var clusters = Table(network.Cluster, 0, network.Cluster.Rows);
        for (var i = 0; i < bits.Length; i++)
            bits[i] = Bits(clusters, network.Positions[candidates[i]] / network.Members);
        for (var i = 0; i < bits.Length; i++)
        {
            var (cluster, member) = Math.DivRem(network.Positions[candidates[i]], network.Members);
            bits[i] += Bits(Table(network.Member, cluster, network.MembersOf(cluster)), member);
        }
        return chooser.Choose(book, frame, bits);
    }

    private static double Bits(ReadOnlySpan<uint> cumulative, int symbol) => Math.Log2((double)cumulative[^1] / (cumulative[symbol + 1] - cumulative[symbol]));

    /// <summary>One code of a nested book: the sum over all codes of its cluster.</summary>
    private int CodeNested(ISymbolCoder coder, NeuralBook network, ReadOnlySpan<int> input, int code)
    {
        Hidden(network, input);
        var clusters = _nested!.Begin(Table(network.Cluster, 0, network.Cluster.Rows));
        for (var cluster = 0; cluster + 1 < clusters.Length; cluster++)
            _nested.Add(cluster * network.Members, clusters[cluster + 1] - clusters[cluster], Table(network.Member, cluster, network.MembersOf(cluster)));
        return coder.Code(code, _nested.Cumulate());
    }

    private void Hidden(NeuralBook network, ReadOnlySpan<int> input)
    {
        network.Input.Rectified(input, _first);
        var middle = Sums(network.Middle, 0, _first);
        network.Middle.Rectified(middle, _second.AsSpan(0, middle.Length));
    }

    private int Choose(ISymbolCoder coder, IntegerLayer layer, int block, int count, int symbol) => coder.Code(symbol, Table(layer, block, count));

    private ReadOnlySpan<uint> Table(IntegerLayer layer, int block, int count)
    {
        layer.Scaled(Sums(layer, block, _second), block, _logits);
        var cumulative = _cumulative.AsSpan(0, count + 1);
        FixedPointSoftmax.Cumulate(_logits.AsSpan(0, count), cumulative);
        return cumulative;
    }

    private ReadOnlySpan<int> Sums(IntegerLayer layer, int block, ReadOnlySpan<short> x)
    {
        var sums = _sums.AsSpan(0, layer.Matrix.Sums);
        sums.Clear();
        layer.Matrix.MultiplyAdd(block, 0, (layer.Columns + 1) / 2 * 2, x, 1, 0, sums);
        return sums;
    }

    private void Begin(int frames)
    {
        var length = (Past + frames + NeuralContext.Future) * _width;
        if (_lower.Length < length)
            (_lower, _own) = (new short[length], new short[length]);
        Array.Clear(_lower);
    }

    /// <summary>Puts the last codes of a book before the block into place.</summary>
    private void Recall(int book, int rows, int frames)
    {
        Array.Clear(_own);
        for (var i = Past - _historyFrames; i < Past; i++)
            Place(book, _history[book][i], i - Past, rows, frames);
    }

    /// <summary>What the lower books give to the sums of the input layer, for all frames at once.</summary>
    private void See(NeuralBook network, Codes block, int book, int frames)
    {
        var matrix = network.Input.Matrix;
        if (_input.Length < frames * matrix.Sums)
            _input = new int[frames * matrix.Sums];
        var input = _input.AsSpan(0, frames * matrix.Sums);
        input.Clear();
        if (book == 0)
            return;
        Array.Clear(_sum);
        for (var t = 0; t < frames; t++)
            for (var i = 0; i < _sum.Length; i++)
                _sum[i] += _lower[(t + Past) * _width + i];
        Average(_sum, frames, _mean);
        matrix.MultiplyAdd(0, NeuralContext.LowerTaps * _width, _width, _mean, 1, 0, input[..matrix.Sums]);
        for (var t = 1; t < frames; t++)
            input[..matrix.Sums].CopyTo(input[(t * matrix.Sums)..]);
        matrix.MultiplyAdd(0, 0, NeuralContext.LowerTaps * _width, _lower.AsSpan((Past - LowerPast) * _width), frames, _width, input);
        var next = block[book - 1];
        for (var t = 0; t < frames; t++)
            if (next[t] != _prior[book - 1].Size)
                _prior.NextLower(book).AddTo(next[t], 0, input[(t * matrix.Sums)..]);
    }

    private static void Average(ReadOnlySpan<int> sum, int count, Span<short> mean)
    {
        var factor = (1L << MeanBits) / count;
        for (var i = 0; i < sum.Length; i++)
            mean[i] = (short)(sum[i] * factor >> MeanBits);
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
}
