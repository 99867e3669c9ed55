namespace Codec.Core.Bitstream.Prediction;

/// <summary>Predicts codes with a small network in integer arithmetic; learns nothing while coding.</summary>
public sealed partial class NeuralModel : ISymbolModel
{
    private const int Past = NeuralContext.Past, LowerPast = NeuralContext.LowerPast;
    private const int MeanBits = 24;

    private readonly NeuralPrior _prior;
    private readonly NeuralRows _rows;
    private readonly int _width;
    private readonly int[][] _history;          // last codes of each book before the block
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
        _rows = new NeuralRows(prior);
        _presence = variable ? new PresenceFlags(prior.Books) : null;
        _nothing = new short[prior.Width];
        _nested = nested is null ? null : new NestedTables(prior[nested.Book], nested, prior.Width);
        _width = prior.Width;
        _history = [.. Enumerable.Range(0, prior.Books).Select(_ => new int[Past])];
        _mean = new short[_width];
        _sum = new int[_width];
        Reset();
    }

    public void Reset()
    {
        _historyFrames = 0;
        _presence?.Reset();
    }

    public void Code(ISymbolCoder coder, Codes block, int book)
    {
        if (!coder.Knows)
        {
            CodeTogether([new Lane(this, coder, block)], book);
            return;
        }
        var network = _prior[book];
        var codes = block[book];
        Begin(block, book);
        SeeOwn(network, book, codes);
        for (var t = 0; t < codes.Length; t++)
        {
            var row = t % NeuralRows.Most;
            if (row == 0)
                _rows.Run(network, _input.AsSpan(t * network.Input.Matrix.Sums), Math.Min(NeuralRows.Most, codes.Length - t));
            if (IsPresent(coder, block, book, t))
                Code(coder, _rows, row, book, codes[t]);
        }
        End(block, book);
    }

    /// <summary>Whether a frame has a book. One without the next lower book has not: nothing is coded then.</summary>
    private bool IsPresent(ISymbolCoder coder, Codes block, int book, int frame)
    {
        if (_presence is null || book < VariableBooks.First)
            return true;
        bool Has(int k, int t) => k < VariableBooks.First || block[k][t] != _prior[k].Size;
        var present = coder.Knows && Has(book, frame);
        if (Has(book - 1, frame))
            return _presence.Code(coder, book, frame == 0 || Has(book, frame - 1) ? FrameBefore.HadBook : Has(book - 1, frame - 1) ? FrameBefore.HadLowerBook : FrameBefore.HadNeither, present);
        return present ? throw new ArgumentException($"frame {frame} has book {book} without book {book - 1}", nameof(block)) : false;
    }

    /// <summary>Fills one whole book of a block with codes that are chosen by their price. Called with 0, 1, 2 ... for each block.</summary>
    internal void Choose(ICodeChooser chooser, Codes block, int book)
    {
        var network = _prior[book];
        Begin(block, book);
        for (var t = 0; t < block.Frames; t++)
        {
            Show(_rows, 0, network, t);
            SeeOwnMean(network, book, _rows.Means, 1, _rows.Inputs);
            _rows.Run(network, _rows.Inputs, 1);
            Take(block, book, Choose(chooser, network, book, t), t);
        }
        End(block, book);
    }

    /// <summary>What is known of all frames before a book is coded.</summary>
    private void Begin(Codes block, int book)
    {
        if (book == 0)
            Clear(block.Frames);
        See(_prior[book], block, book, block[book].Length);
        Recall(book, block[book].Length);
        Array.Clear(_sum);
    }

    /// <summary>Puts what a frame knows of its own book before its code into a row, but for the product with the mean.</summary>
    private void Show(NeuralRows rows, int row, NeuralBook network, int t)
    {
        var sums = network.Input.Matrix.Sums;
        _input.AsSpan(t * sums, sums).CopyTo(rows.Inputs.AsSpan(row * sums));
        Average(_sum, Math.Max(t, 1), rows.Means.AsSpan(row * _width, _width));
    }

    private void Take(Codes block, int book, int code, int t)
    {
        block[book][t] = code;
        Learn(book, code, t, block[book].Length);
    }

    private void End(Codes block, int book)
    {
        var codes = block[book];
        EmbeddingSums.Add(_lower.AsSpan(0, (codes.Length + Past) * _width), _own);
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
            if (t + 1 < codes.Length)
                OwnProducts(book).Expect(codes[t + 1]);
            Average(_sum, Math.Max(t, 1), _mean.AsSpan(t * _width, _width));
            Learn(book, codes[t], t, codes.Length);
        }
        SeeOwnMean(network, book, _mean, codes.Length, _input);
    }

    private void SeeOwnMean(NeuralBook network, int book, ReadOnlySpan<short> means, int frames, Span<int> input)
        => network.Input.Matrix.MultiplyAdd(0, (NeuralContext.Taps(book) - 1) * _width, _width, means, frames, _width, input);

    private ReadOnlySpan<short> Vector(int book, int code)
        => book == _nested?.Book ? _nested.Vector(code, _width) : code == _prior[book].Size ? _nothing : _prior[book].Vector(code, _width);

    private void Learn(int book, int code, int t, int frames)
    {
        Place(book, code, t, frames);
        EmbeddingSums.Add(_sum, _own.AsSpan((t + Past) * _width));
    }

    /// <summary>Puts a code into its frame, for higher books to see, and adds to the sums of the frames behind it what they see of it.</summary>
    /// <param name="book">The book.</param>
    /// <param name="code">Its code.</param>
    /// <param name="t">The frame; those before the block are negative.</param>
    /// <param name="frames">Of the block.</param>
    private void Place(int book, int code, int t, int frames)
    {
        Vector(book, code).CopyTo(_own.AsSpan((t + Past) * _width));
        var sums = _prior[book].Input.Matrix.Sums;
        var behind = Math.Max(0, t + 1);
        OwnProducts(book).AddTo(code, behind - t - 1, _input.AsSpan(0, frames * sums)[(behind * sums)..]);
    }

    private CodeProducts OwnProducts(int book) => book == _nested?.Book ? _nested.Own : _prior[book].Own;

    /// <summary>One code of a row: its cluster, then its place there.</summary>
    private int Code(ISymbolCoder coder, NeuralRows rows, int row, int book, int code)
    {
        var network = _prior[book];
        if (book == _nested?.Book)
            return CodeNested(coder, rows, row, network, code);
        var position = (uint)code < (uint)network.Size ? network.Positions[code] : 0;
        var (cluster, member) = (position / network.Members, position % network.Members);
        cluster = coder.Code(cluster, rows.Clusters(network, row));
        member = coder.Code(member, rows.Members(network, row, cluster));
        return network.Order[cluster * network.Members + member];
    }

    private int Choose(ICodeChooser chooser, NeuralBook network, int book, int frame)
    {
        var candidates = chooser.Candidates(book, frame);
        Span<double> bits = stackalloc double[candidates.Length];
        var clusters = _rows.Clusters(network, 0);
        for (var i = 0; i < bits.Length; i++)
            bits[i] = Bits(clusters, network.Positions[candidates[i]] / network.Members);
        for (var i = 0; i < bits.Length; i++)
        {
            var (cluster, member) = Math.DivRem(network.Positions[candidates[i]], network.Members);
            bits[i] += Bits(_rows.Members(network, 0, cluster), member);
        }
        return chooser.Choose(book, frame, bits);
    }

    private static double Bits(ReadOnlySpan<uint> cumulative, int symbol) => Math.Log2((double)cumulative[^1] / (cumulative[symbol + 1] - cumulative[symbol]));

    /// <summary>One code of a nested book: the sum over all codes of its cluster.</summary>
    private int CodeNested(ISymbolCoder coder, NeuralRows rows, int row, NeuralBook network, int code)
    {
        var clusters = _nested!.Begin(rows.Clusters(network, row));
        for (var cluster = 0; cluster + 1 < clusters.Length; cluster++)
            _nested.Add(cluster * network.Members, clusters[cluster + 1] - clusters[cluster], rows.Members(network, row, cluster));
        return coder.Code(code, _nested.Cumulate());
    }

    private void Clear(int frames)
    {
        var length = (Past + frames + NeuralContext.Future) * _width;
        if (_lower.Length < length)
            (_lower, _own) = (new short[length], new short[length]);
        Array.Clear(_lower);
    }

    /// <summary>Puts the last codes of a book before the block into place.</summary>
    private void Recall(int book, int frames)
    {
        Array.Clear(_own);
        for (var i = Past - _historyFrames; i < Past; i++)
            Place(book, _history[book][i], i - Past, frames);
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
            EmbeddingSums.Add(_sum, _lower.AsSpan((t + Past) * _width));
        Average(_sum, frames, _mean);
        matrix.MultiplyAdd(0, NeuralContext.LowerTaps * _width, _width, _mean, 1, 0, input[..matrix.Sums]);
        for (var t = 1; t < frames; t++)
            input[..matrix.Sums].CopyTo(input[(t * matrix.Sums)..]);
        matrix.MultiplyAdd(0, 0, NeuralContext.LowerTaps * _width, _lower.AsSpan((Past - LowerPast) * _width), frames, _width, input);
        var next = block[book - 1];
        for (var t = 0; t < frames; t++)
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
