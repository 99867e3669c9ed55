using System.Numerics;

namespace Codec.Core.Bitstream.Prediction;

/// <summary>
/// Context mixing: codes are split into binary decisions from the top bit down; for each, counters under several contexts and,
/// where there is one, the neural predictor vote with log odds, weighted by what has served so far in this book at this depth.
/// (Mahoney, "Adaptive weighing of context models", 2005.) All arithmetic is integer.
/// </summary>
public sealed class MixingModel : ISymbolModel
{
    private const int Contexts = 5;
    private const int WeightUnit = 1 << 16;

    private readonly NeuralModel? _neural;
    private readonly NestedBook? _nested;
    private readonly int _bits;
    private readonly int _tableBits;
    private readonly uint[] _counters;               // [context, slot]: probability in 22 bits, count in 10
    private readonly int[] _weights;                 // [book, depth, input]
    private readonly int[] _slots = new int[Contexts];
    private readonly int[] _inputs = new int[Contexts + 1];
    private readonly uint[] _hashes = new uint[Contexts];
    private readonly int[] _last;                    // last code of each book, plus one
    private readonly int[] _last2;
    private readonly int _firstWeight;

    /// <param name="books">Books of the file.</param>
    /// <param name="prior">The neural predictor's tables; null to start from nothing.</param>
    /// <param name="streams">Streams of the file: they share the memory for counters, so that a header cannot ask for much.</param>
    public MixingModel(IReadOnlyList<CodebookSpec> books, NeuralPrior? prior, int streams = 1)
    {
        _tableBits = Math.Max(10, 18 - BitsOf(streams));
        _nested = prior?.Nested(books);
        _neural = prior is null ? null : new NeuralModel(prior, _nested);
        _bits = books.Max(book => BitsOf(book.Size)) + 2; // two more where clusters and their members are rounded up each
        _counters = new uint[Contexts << _tableBits];
        _weights = new int[books.Count * (_bits + 1) * (Contexts + 1)];
        _last = new int[books.Count];
        _last2 = new int[books.Count];
        _firstWeight = prior is null ? WeightUnit * 3 / 10 : WeightUnit / 16;
        Reset();
    }

    public void Reset()
    {
        _neural?.Reset();
        Array.Fill(_counters, 1u << 31);
        for (var i = 0; i < _weights.Length; i++)
            _weights[i] = i % (Contexts + 1) == Contexts ? WeightUnit : _firstWeight;
        Array.Clear(_last);
        Array.Clear(_last2);
    }

    public void Code(ISymbolCoder coder, Codes block, int book)
    {
        if (_neural is not null)
        {
            _neural.Code(new Splitter(this, coder, block, book), block, book);
            return;
        }
        var codes = block[book];
        for (var t = 0; t < codes.Length; t++)
        {
            SetContexts(block, book, t);
            codes[t] = Decide(coder, book, new Level(0, 0, block.Specs[book].Size), codes[t], []);
            Learn(book, codes[t]);
        }
    }

    private static int BitsOf(int size) => size <= 1 ? 0 : BitOperations.Log2((uint)size - 1) + 1;

    /// <summary>One of a number of symbols, in binary decisions from the top bit down.</summary>
    private int Decide(ISymbolCoder coder, int book, Level level, int symbol, ReadOnlySpan<uint> cumulative)
    {
        int low = 0, span = 1 << BitsOf(level.Size), depth = level.Depth;
        for (; span > 1; depth++)
        {
            span /= 2;
            var middle = low + span;
            if (middle >= level.Size)
                continue; // only zero is possible
            var expert = cumulative.Length > 0 ? Expert(cumulative, low, middle, Math.Min(middle + span, level.Size)) : 0;
            if (CodeBit(coder, book, depth, level.Node + (uint)(middle + level.Size), symbol >= middle ? 1 : 0, expert) != 0)
                low = middle;
        }
        return low;
    }

    private void Learn(int book, int code)
    {
        _last2[book] = _last[book];
        _last[book] = code + 1;
    }

    /// <summary>Log odds that the code lies in the upper half, as the neural predictor has it.</summary>
    private static int Expert(ReadOnlySpan<uint> cumulative, int low, int middle, int high)
    {
        ulong upper = cumulative[high] - cumulative[middle];
        ulong all = cumulative[high] - cumulative[low];
        return Logistic.Stretch((int)Math.Min(upper * 65536 / Math.Max(all, 1), 65535));
    }

    private int CodeBit(ISymbolCoder coder, int book, int depth, uint node, int bit, int expert)
    {
        var weights = _weights.AsSpan((book * (_bits + 1) + depth) * (Contexts + 1), Contexts + 1);
        long sum = 0;
        for (var c = 0; c < Contexts; c++)
        {
            _slots[c] = c << _tableBits | (int)((_hashes[c] + node * 0x9E3779B1u) * 0x85EBCA6Bu >> (32 - _tableBits));
            var counter = _counters[_slots[c]];
            var count = (int)(counter & 1023);
            // A counter that has seen little says little.
            _inputs[c] = Logistic.Stretch((int)(counter >> 16)) * count / (count + 2);
            sum += (long)_inputs[c] * weights[c];
        }
        _inputs[Contexts] = expert;
        sum += (long)expert * weights[Contexts];
        var one = Logistic.Squash((int)Math.Clamp(sum / WeightUnit, -Logistic.Limit, Logistic.Limit));
        bit = coder.CodeBit(bit, (uint)one);
        var error = (bit << 16) - one;
        for (var i = 0; i <= Contexts; i++)
            weights[i] += (int)((long)error * _inputs[i] >> 17);
        for (var c = 0; c < Contexts; c++)
            Update(ref _counters[_slots[c]], bit);
        return bit;
    }

    private static void Update(ref uint counter, int bit)
    {
        var probability = (long)(counter >> 10);
        var count = counter & 1023;
        var target = bit != 0 ? (1L << 22) - 1 : 0;
        probability += (target - probability) * 2 / (2 * count + 3);
        counter = (uint)probability << 10 | Math.Min(count + 1, 255);
    }

    private void SetContexts(Codes block, int book, int t)
    {
        var time = (long)t * block.Specs[book].Stride;
        int Lower(int back) => book < back ? 0 : block[book - back][(int)(time / block.Specs[book - back].Stride)] + 1;
        _hashes[0] = Hash(book, 0, 0, 0);
        _hashes[1] = Hash(book, 1, _last[book], 0);
        _hashes[2] = Hash(book, 2, Lower(1), 0);
        _hashes[3] = Hash(book, 3, Lower(1), Lower(2));
        _hashes[4] = Hash(book, 4, _last[book], book > 0 ? Lower(1) : _last2[book]);
    }

    private static uint Hash(int book, int kind, int a, int b)
        => (((uint)book * 31 + (uint)kind) * 0x2545F491u + (uint)a) * 0x9E3779B1u + (uint)b * 0xC2B2AE35u;

    /// <summary>A choice that is split into decisions.</summary>
    /// <param name="Depth">Decisions before it.</param>
    /// <param name="Node">Tells it from the other choices in hashes.</param>
    /// <param name="Size">Symbols.</param>
    private readonly record struct Level(int Depth, uint Node, int Size);

    /// <summary>Stands between the neural predictor and the coder: takes its tables apart into decisions, first the cluster, then the member.</summary>
    private sealed class Splitter(MixingModel model, ISymbolCoder coder, Codes block, int book) : ISymbolCoder
    {
        private int _time;
        private int? _cluster;
        private int _clusters;

        public bool Knows => coder.Knows;

        public int Code(int symbol, ReadOnlySpan<uint> cumulative)
        {
            var size = cumulative.Length - 1;
            if (book == model._nested?.Book)
            {
                model.SetContexts(block, book, _time++);
                symbol = model.Decide(coder, book, new Level(0, 0, size), symbol, cumulative);
                model.Learn(book, symbol);
                return symbol;
            }
            if (_cluster is not { } cluster)
            {
                model.SetContexts(block, book, _time++);
                _cluster = model.Decide(coder, book, new Level(0, 0, _clusters = size), symbol, cumulative);
                return _cluster.Value;
            }
            _cluster = null;
            var member = model.Decide(coder, book, new Level(BitsOf(_clusters), (uint)(cluster + 1) << 16, size), symbol, cumulative);
            model.Learn(book, cluster << 16 | member);
            return member;
        }

        public int CodeUniform(int symbol, int size) => throw new NotSupportedException();

        public int CodeBit(int bit, uint one) => throw new NotSupportedException();
    }
}
