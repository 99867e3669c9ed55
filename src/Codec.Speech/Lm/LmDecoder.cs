using Codec.Audio;
using Codec.Core.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>
/// One step after the other on the CPU with our own kernels over the model's weights: no tensor and no allocation per step, so that a
/// step waits for memory alone. Rows are sessions that go in step. The model must outlive it and keep its weights.
/// </summary>
public sealed unsafe class LmDecoder : IDisposable
{
    private readonly SpeechLm _model;
    private readonly TransformerConfig _config;
    private readonly DecoderLayer[] _layers;
    private readonly KeyValueCache[] _caches; // [row * layers + layer]
    private readonly long[] _positions;
    private readonly float[] _work;
    private readonly float[] _rates;
    private readonly DecoderNorm? _norm;
    private readonly DecoderMatrix[] _heads;
    private readonly Tensor[] _embeddings;
    private readonly nint[] _tables;

    /// <param name="model">In evaluation mode; <see cref="Fits"/> must hold.</param>
    /// <param name="rows">Sessions.</param>
    /// <param name="capacity">Positions of a session for which memory is taken at once; an unlimited context may grow beyond.</param>
    public LmDecoder(SpeechLm model, int rows, int capacity)
    {
        Require.That(Fits(model), "model", "one that the step kernels know", "another");
        Require.Positive(rows);
        (_model, _config, Rows) = (model, model.Config.Transformer, rows);
        var parts = new DecoderParts(model);
        _layers = Enumerable.Range(0, _config.Layers).Select(i => new DecoderLayer(parts, $"transformer.layers.{i}", _config)).ToArray();
        _norm = parts.Norm("out_norm", _config);
        _heads = Enumerable.Range(0, model.Streams).Select(k => parts.Matrix($"linears.{k}")).ToArray();
        _embeddings = Enumerable.Range(0, model.Streams).Select(model.Embedding).ToArray();
        _tables = _embeddings.Select(e => (nint)ChannelPattern.Pointer(e)).ToArray();
        var kept = Math.Min(capacity, (_config.Context ?? capacity) + 64);
        _caches = Enumerable.Range(0, rows * _config.Layers).Select(_ => Reserved(kept)).ToArray();
        _positions = new long[rows];
        var width = Math.Max((_config.Heads + 2 * _config.KvHeads) * _config.HeadDim, _config.Activation == Activation.GatedSilu ? 2 * _config.Hidden : _config.Hidden);
        _work = GC.AllocateArray<float>(rows * (2 * _config.Dim + 2 * width), pinned: true);
        _rates = Enumerable.Range(0, _config.HeadDim / 2).Select(i => (float)Math.Pow(_config.MaxPeriod, -2.0 * i / _config.HeadDim)).ToArray();
    }

    public int Rows { get; }

    /// <summary>Bytes of weights that a step reads.</summary>
    public long BytesPerStep => _layers.Sum(l => l.Bytes) + _heads.Sum(h => h.Bytes);

    /// <summary>Whether the kernels know a model: on the CPU, float32, self-attention alone, one set of weights, direct heads.</summary>
    public static bool Fits(SpeechLm model)
    {
        var config = model.Config.Transformer;
        return MatVec.Takes(model.Embedding(0).narrow(0, 0, 1), model.Output(0).Weight) && config is { CrossAttention: false, NormFirst: true, QueryKeyNorm: false, LayerScale: false, WeightSets: 1 }
            && config.Positions is PositionKind.Rotary or PositionKind.None && model.Depth is null && !model.Config.BookPositions;
    }

    /// <summary>Takes over a session from a cache, so that a prompt is read in one pass before.</summary>
    public void Import(KvCache cache, int slot, int row)
    {
        using var scope = NewDisposeScope();
        _positions[row] = cache.Length(slot);
        for (var layer = 0; layer < _config.Layers; layer++)
        {
            var (keys, values) = (cache.Read(layer, slot).transpose(0, 1).contiguous(), cache.Read(layer, slot, values: true).transpose(0, 1).contiguous());
            float* key = ChannelPattern.Pointer(keys), value = ChannelPattern.Pointer(values);
            var target = _caches[row * _config.Layers + layer];
            for (long t = 0; t < keys.shape[0]; t++, key += _config.KvHeads * _config.HeadDim, value += _config.KvHeads * _config.HeadDim)
            {
                target.Reserve(1);
                target.Append(key, value);
            }
        }
    }

    /// <summary>One step of every row.</summary>
    /// <param name="tokens_BK">[rows, K]; the start token or -1 (nothing) where a book has no code.</param>
    /// <param name="logits_BKV">[rows, K, V]; books of one size.</param>
    /// <param name="sum_BD">[rows, D], added to every position; empty = nothing.</param>
    public void Step(ReadOnlySpan<int> tokens_BK, Span<float> logits_BKV, ReadOnlySpan<float> sum_BD = default)
    {
        var (dim, books) = (_config.Dim, _model.Streams);
        ArgumentOutOfRangeException.ThrowIfNotEqual(tokens_BK.Length, Rows * books);
        fixed (float* work = _work, logits = logits_BKV, sum = sum_BD)
        {
            float* x = work, n = x + Rows * dim, wide = n + Rows * dim;
            for (var row = 0; row < Rows; row++)
                Embed(tokens_BK.Slice(row * books, books), x + row * dim, sum_BD.IsEmpty ? null : sum + row * dim);
            for (var layer = 0; layer < _layers.Length; layer++)
                Layer(layer, x, n, wide);
            if (_norm is null)
                Buffer.MemoryCopy(x, n, Rows * dim * sizeof(float), Rows * dim * sizeof(float));
            else
                _norm.Apply(x, n, Rows, dim);
            var vocabulary = _model.Config.Vocabulary[0];
            ArgumentOutOfRangeException.ThrowIfLessThan(logits_BKV.Length, Rows * books * vocabulary);
            for (var k = 0; k < books; k++)
                _heads[k].Multiply(n, logits + (long)k * vocabulary, Rows, (long)books * vocabulary);
        }
        for (var row = 0; row < Rows; row++)
            _positions[row]++;
    }

    public void Dispose()
    {
        foreach (var cache in _caches)
            cache.Dispose();
    }

    private KeyValueCache Reserved(int capacity)
    {
        var cache = new KeyValueCache(_config.KvHeads, _config.HeadDim, _config.Context ?? int.MaxValue);
        cache.Reserve(capacity);
        return cache;
    }

    private void Embed(ReadOnlySpan<int> tokens, float* x, float* sum)
    {
        new Span<float>(x, _config.Dim).Clear();
        for (var k = 0; k < tokens.Length; k++)
            if (tokens[k] >= 0)
                DecoderMath.Add(x, (float*)_tables[k] + (long)tokens[k] * _config.Dim, _config.Dim);
        if (sum != null)
            DecoderMath.Add(x, sum, _config.Dim);
    }

    private void Layer(int index, float* x, float* n, float* wide)
    {
        var layer = _layers[index];
        var (dim, head, heads, keyHeads) = (_config.Dim, _config.HeadDim, _config.Heads, _config.KvHeads);
        var width = (heads + 2 * keyHeads) * head;
        layer.Norm1.Apply(x, n, Rows, dim);
        layer.In.Multiply(n, wide, Rows);
        for (var row = 0; row < Rows; row++)
        {
            float* query = wide + row * width, key = query + heads * head;
            if (_config.Positions == PositionKind.Rotary)
                DecoderMath.Rotate(query, heads + keyHeads, head, _positions[row], _rates);
            var cache = _caches[row * _config.Layers + index];
            cache.Reserve(1);
            cache.Append(key, key + keyHeads * head);
            DecoderMath.Scale(query, heads * head, (float)(1 / Math.Sqrt(head)));
            for (var h = 0; h < heads; h++)
                cache.Attend(h / (heads / keyHeads), query + h * head, cache.Next - 1, _config.Context ?? int.MaxValue, n + row * dim + h * head);
        }
        layer.Out.Multiply(n, wide, Rows);
        DecoderMath.Add(x, wide, Rows * dim);
        layer.Norm2.Apply(x, n, Rows, dim);
        layer.Up.Multiply(n, wide, Rows);
        var hidden = _config.Hidden;
        // In place: row r of the result never lies behind row r of the gated input.
        for (var row = 0; row < Rows; row++)
            DecoderMath.Activate(_config.Activation, wide + (long)row * (_config.Activation == Activation.GatedSilu ? 2 * hidden : hidden), wide + (long)row * hidden, hidden);
        layer.Down.Multiply(wide, n, Rows);
        DecoderMath.Add(x, n, Rows * dim);
    }
}
