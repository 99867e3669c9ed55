using System.Runtime.Intrinsics;

namespace Codec.Core.Kernels;

/// <summary>
/// Keys and values of one stream for causal attention over a window, and the attention itself. Keys lie transposed in blocks of 16
/// positions, so that one vector holds one score per key. Blocks are counted from the start of the stream: a query has the same bits
/// whatever call it came with.
/// </summary>
internal sealed unsafe class KeyValueCache : IStreamSlot
{
    private const int Lanes = DenseTile.Lanes;
    private static readonly Vector512<int> LaneNumbers = Vector512<int>.Indices;

    private readonly int _heads, _dimension, _padded, _context;
    private float[] _keys = [];   // [block][head][dimension][16]
    private float[] _values = []; // [position][head][padded dimension]
    private long _firstBlock;     // of those that are kept
    private int _blocks;          // kept

    /// <param name="heads">Heads.</param>
    /// <param name="dimension">Of a head.</param>
    /// <param name="context">Keys that a query may see, its own included.</param>
    public KeyValueCache(int heads, int dimension, int context)
        => (_heads, _dimension, _padded, _context) = (heads, dimension, (dimension + Lanes - 1) / Lanes * Lanes, context);

    /// <summary>Position of the next key.</summary>
    public long Next { get; private set; }

    /// <summary>Makes room for keys at positions Next to Next + count - 1 and forgets what no later query sees.</summary>
    public void Reserve(int count)
    {
        var keep = Math.Max(0, Next - _context + 1) / Lanes;
        var drop = (int)Math.Min(Math.Max(keep - _firstBlock, 0), _blocks);
        var needed = (int)((Next + count + Lanes - 1) / Lanes - (_firstBlock + drop));
        var (keyBlock, valueBlock) = (_heads * _dimension * Lanes, _heads * _padded * Lanes);
        var (keys, values) = (_keys, _values);
        if (keys.Length < needed * keyBlock)
            (_keys, _values) = (new float[needed * keyBlock], new float[needed * valueBlock]);
        if (drop > 0 || !ReferenceEquals(keys, _keys))
        {
            Array.Copy(keys, drop * keyBlock, _keys, 0, (_blocks - drop) * keyBlock);
            Array.Copy(values, drop * valueBlock, _values, 0, (_blocks - drop) * valueBlock);
        }
        (_firstBlock, _blocks) = (_firstBlock + drop, needed);
    }

    /// <summary>Stores the key and value [heads x dimension] of the next position; room must be reserved.</summary>
    public void Append(float* key, float* value)
    {
        var (block, lane) = ((int)(Next / Lanes - _firstBlock), (int)(Next % Lanes));
        var row = block * Lanes + lane;
        for (var h = 0; h < _heads; h++)
            for (var d = 0; d < _dimension; d++)
            {
                _keys[((block * _heads + h) * _dimension + d) * Lanes + lane] = key[h * _dimension + d];
                _values[(row * _heads + h) * _padded + d] = value[h * _dimension + d];
            }
        Next++;
    }

    /// <summary>Softmax-weighted sum of the values that a query sees.</summary>
    /// <param name="head">Which head.</param>
    /// <param name="query">[dimension], scaled by 1 / sqrt(dimension).</param>
    /// <param name="position">Of the query; its key must be stored.</param>
    /// <param name="window">Keys that it sees, its own included.</param>
    /// <param name="result">[dimension].</param>
    public void Attend(int head, float* query, long position, int window, float* result)
    {
        var from = Math.Max(0, position - window + 1);
        var (first, last) = (from / Lanes, position / Lanes);
        var count = (int)(last - first + 1);
        var weights = count <= 256 ? stackalloc float[count * Lanes] : new float[count * Lanes];
        fixed (float* w = weights, keys = _keys, values = _values)
        {
            var sum = Weights(w, keys + ((first - _firstBlock) * _heads + head) * _dimension * Lanes, query, count, (int)(from - first * Lanes), (int)(position - first * Lanes));
            float* value = values + (((first - _firstBlock) * Lanes) * _heads + head) * _padded;
            Mix(w, value, (int)(from - first * Lanes), (int)(position - first * Lanes), 1 / sum, result);
        }
    }

    public IStreamSlot Fork() => new KeyValueCache(_heads, _dimension, _context)
    {
        _keys = [.. _keys], _values = [.. _values], _firstBlock = _firstBlock, _blocks = _blocks, Next = Next,
    };

    public void Dispose()
    {
    }

    /// <summary>exp(score - largest) of the keys low to high of a run of blocks, 0 for the others; returns their sum.</summary>
    private float Weights(float* weights, float* keys, float* query, int blocks, int low, int high)
    {
        var best = Vector512.Create(float.NegativeInfinity);
        Scores(weights, keys, query, blocks);
        for (var b = 0; b < blocks; b++)
        {
            var score = Vector512.Load(weights + b * Lanes);
            score = Vector512.ConditionalSelect(Visible(b, low, high), score, Vector512.Create(float.NegativeInfinity));
            Vector512.Store(score, weights + b * Lanes);
            best = Vector512.Max(best, score);
        }
        var largest = best[0];
        for (var lane = 1; lane < Lanes; lane++)
            largest = Math.Max(largest, best[lane]);
        var sum = Vector512<float>.Zero;
        for (var b = 0; b < blocks; b++)
        {
            var exponent = Vector512.Max(Vector512.Load(weights + b * Lanes) - Vector512.Create(largest), Vector512.Create(-87f));
            var weight = Vector512.ConditionalSelect(Visible(b, low, high), VectorMath.Exp(exponent), Vector512<float>.Zero);
            Vector512.Store(weight, weights + b * Lanes);
            sum += weight;
        }
        var total = 0f;
        for (var lane = 0; lane < Lanes; lane++)
            total += sum[lane];
        return total;
    }

    /// <summary>query . key for every key of a run of blocks, four blocks at a time: one alone would wait for its own sum.</summary>
    private void Scores(float* scores, float* keys, float* query, int blocks)
    {
        var step = (long)_heads * _dimension * Lanes;
        var b = 0;
        for (; b + 4 <= blocks; b += 4)
        {
            float* key = keys + b * step;
            Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
            for (var d = 0; d < _dimension; d++, key += Lanes)
            {
                var q = Vector512.Create(query[d]);
                s0 = Vector512.FusedMultiplyAdd(q, Vector512.Load(key), s0);
                s1 = Vector512.FusedMultiplyAdd(q, Vector512.Load(key + step), s1);
                s2 = Vector512.FusedMultiplyAdd(q, Vector512.Load(key + 2 * step), s2);
                s3 = Vector512.FusedMultiplyAdd(q, Vector512.Load(key + 3 * step), s3);
            }
            Vector512.Store(s0, scores + b * Lanes);
            Vector512.Store(s1, scores + (b + 1) * Lanes);
            Vector512.Store(s2, scores + (b + 2) * Lanes);
            Vector512.Store(s3, scores + (b + 3) * Lanes);
        }
        for (; b < blocks; b++)
        {
            var score = Vector512<float>.Zero;
            for (var d = 0; d < _dimension; d++)
                score = Vector512.FusedMultiplyAdd(Vector512.Create(query[d]), Vector512.Load(keys + b * step + d * Lanes), score);
            Vector512.Store(score, scores + b * Lanes);
        }
    }

    private static Vector512<float> Visible(int block, int low, int high)
    {
        var position = LaneNumbers + Vector512.Create(block * Lanes);
        return (Vector512.GreaterThanOrEqual(position, Vector512.Create(low)) & Vector512.LessThanOrEqual(position, Vector512.Create(high))).AsSingle();
    }

    private void Mix(float* weights, float* values, int low, int high, float scale, float* result)
    {
        var step = (long)_heads * _padded;
        var d = 0;
        for (; d + 4 * Lanes <= _dimension; d += 4 * Lanes)
        {
            Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
            for (var j = low; j <= high; j++)
            {
                float* value = values + j * step + d;
                var w = Vector512.Create(weights[j]);
                s0 = Vector512.FusedMultiplyAdd(w, Vector512.Load(value), s0);
                s1 = Vector512.FusedMultiplyAdd(w, Vector512.Load(value + Lanes), s1);
                s2 = Vector512.FusedMultiplyAdd(w, Vector512.Load(value + 2 * Lanes), s2);
                s3 = Vector512.FusedMultiplyAdd(w, Vector512.Load(value + 3 * Lanes), s3);
            }
            var factor = Vector512.Create(scale);
            Vector512.Store(s0 * factor, result + d);
            Vector512.Store(s1 * factor, result + d + Lanes);
            Vector512.Store(s2 * factor, result + d + 2 * Lanes);
            Vector512.Store(s3 * factor, result + d + 3 * Lanes);
        }
        for (; d < _dimension; d += Lanes)
        {
            var sum = Vector512<float>.Zero;
            for (var j = low; j <= high; j++)
                sum = Vector512.FusedMultiplyAdd(Vector512.Create(weights[j]), Vector512.Load(values + j * step + d), sum);
            sum *= Vector512.Create(scale);
            if (d + Lanes <= _dimension)
                Vector512.Store(sum, result + d);
            else
                for (var lane = 0; d + lane < _dimension; lane++)
                    result[d + lane] = sum[lane];
        }
    }
}
