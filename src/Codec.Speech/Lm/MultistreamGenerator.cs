using Codec.Speech.Sampling;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>What one call gives for one row.</summary>
/// <param name="Tokens">Text, then the generated audio streams, of one frame; null while the delays fill and for rows that pause.</param>
/// <param name="TextLogits">After guidance; null for rows that pause.</param>
/// <param name="AudioLogits">[streams][V], before guidance; with guidance the null half follows: [2 * streams][V].</param>
public sealed record MultistreamOutput(int[]? Tokens, float[]? TextLogits, float[][]? AudioLogits);

/// <summary>
/// Streams a Moshi-style model: every call takes one frame of the user's tokens and gives one frame of text and audio tokens.
/// Rows are independent sessions: they may pause and start anew at any call, and each gives what it would give alone.
/// </summary>
public sealed class MultistreamGenerator : IDisposable
{
    private const int Free = -2;
    private readonly SpeechLm _model;
    private readonly MultistreamConfig _config;
    private readonly KvCache _cache;
    private readonly Sampler _text, _audio;
    private readonly LmConditions? _conditions;
    private readonly int[][][] _ring; // [row][stream][position modulo ring]
    private readonly long[] _offset;
    private readonly int _generated;
    private readonly int _maxDelay;

    /// <param name="model">In evaluation mode: one direct head (text) and a depth transformer, or none (then text only).</param>
    /// <param name="config">Delays and samplers.</param>
    /// <param name="rows">B.</param>
    /// <param name="conditions">B rows, with guidance 2B: the null conditions after the others.</param>
    /// <param name="maxLength">Positions of a session, where the model's context is unlimited.</param>
    public MultistreamGenerator(SpeechLm model, MultistreamConfig config, int rows, LmConditions? conditions = null, int maxLength = 4096)
    {
        (_model, _config, _conditions) = (model, config.Validate(model.Config), conditions);
        (_text, _audio) = (new Sampler(config.Text), new Sampler(config.Audio));
        _generated = model.Depth?.Streams ?? 0;
        _maxDelay = config.Delays.Max();
        _offset = new long[rows];
        _ring = Enumerable.Range(0, rows).Select(_ => config.Delays.Select(_ => new int[_maxDelay + 2]).ToArray()).ToArray();
        _cache = new KvCache(model.Config.Transformer, Guided ? 2 * rows : rows, maxLength, maxChunk: 1, device: model.Device);
        for (var row = 0; row < rows; row++)
            Reset(row);
    }

    private bool Guided => _config.Text.GuidanceScale != 1;

    private int Rows => _offset.Length;

    /// <summary>Audio streams that the user gives.</summary>
    public int UserStreams => _config.Delays.Count - 1 - _generated;

    /// <summary>Starts a row anew.</summary>
    public void Reset(int row)
    {
        _offset[row] = 0;
        foreach (var stream in _ring[row])
            Array.Fill(stream, Free);
        _cache.Reset(row);
        if (Guided)
            _cache.Reset(row + Rows);
    }

    /// <summary>One frame.</summary>
    /// <param name="user">[row][UserStreams]; the row of a pausing session is not read.</param>
    /// <param name="uniforms">Random number of a row and an order of use: text 0, audio streams 1, 2, ...</param>
    /// <param name="active">Rows that take part; null = all.</param>
    /// <param name="forced">[row][1 + generated streams]: tokens written instead of sampled ones, -2 = free; null = all free.</param>
    /// <returns>One per row.</returns>
    public MultistreamOutput[] Step(int[][] user, Func<int, int, double> uniforms, bool[]? active = null, int[][]? forced = null)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var rows = Enumerable.Range(0, Rows).Where(r => active?[r] ?? true).ToArray();
        var outputs = Enumerable.Repeat(new MultistreamOutput(null, null, null), Rows).ToArray();
        if (rows.Length == 0)
            return outputs;
        foreach (var row in rows)
            for (var j = 0; j < UserStreams; j++)
                Place(row, 1 + _generated + j, _offset[row] + _config.Delays[1 + _generated + j]) = user[row][j];
        var hidden = Temporal(rows).squeeze(1);
        var text = Floats(_model.Head(hidden.unsqueeze(1), 0).squeeze(1));
        var tokens = rows.Select(_ => new int[1 + _generated]).ToArray();
        var textLogits = rows.Select((_, i) => Guide(text, i, rows.Length)).ToArray();
        for (var i = 0; i < rows.Length; i++)
            tokens[i][0] = Choose(_text, textLogits[i], uniforms(rows[i], 0), forced?[rows[i]][0]);
        var audioLogits = Depth(hidden, rows, tokens, uniforms, forced);
        for (var i = 0; i < rows.Length; i++)
        {
            for (var k = 0; k <= _generated; k++)
                Place(rows[i], k, _offset[rows[i]] + 1) = tokens[i][k];
            outputs[rows[i]] = new MultistreamOutput(Emit(rows[i]), textLogits[i], audioLogits[i]);
            _offset[rows[i]]++;
        }
        return outputs;
    }

    public void Dispose() => _cache.Dispose();

    private ref int Place(int row, int stream, long position) => ref _ring[row][stream][position % (_maxDelay + 2)];

    // Frame t of stream k stands at position t + 1 + d_k.
    private int[]? Emit(int row)
    {
        var frame = _offset[row] - _maxDelay;
        return frame < 0 ? null : Enumerable.Range(0, _generated + 1).Select(k => Place(row, k, frame + 1 + _config.Delays[k])).ToArray();
    }

    // Outputs at each row's own position: [rows, or 2 * rows, 1, D].
    private Tensor Temporal(int[] rows)
    {
        var halves = Guided ? 2 : 1;
        var tokens = new long[halves * rows.Length * _config.Delays.Count];
        for (var i = 0; i < tokens.Length; i++)
        {
            var (row, k) = (rows[i / _config.Delays.Count % rows.Length], i % _config.Delays.Count);
            tokens[i] = _offset[row] <= _config.Delays[k] ? _model.Config.Vocabulary[k] : Place(row, k, _offset[row]);
        }
        var input = tensor(tokens, device: _model.Device).view(halves * rows.Length, _config.Delays.Count, 1);
        var slots = Enumerable.Range(0, halves).SelectMany(h => rows.Select(r => r + h * Rows)).ToArray();
        return _model.Hidden(input, _cache, slots, slots.Length == _cache.Slots ? _conditions : Pick(slots));
    }

    private LmConditions? Pick(int[] slots)
    {
        if (_conditions is null)
            return null;
        var index = tensor(slots.Select(s => (long)s).ToArray(), device: _model.Device);
        Tensor Rows(Tensor all) => all.shape[0] == 1 ? all.alias() : all.index_select(0, index);
        var cross = _conditions.Cross;
        return _conditions with
        {
            Sum = _conditions.Sum is null ? null : Rows(_conditions.Sum),
            Prepend = _conditions.Prepend is null ? null : Rows(_conditions.Prepend),
            Cross = cross is null ? null : new CrossCondition(cross.Layers.Select(l => (Rows(l.Keys), Rows(l.Values))).ToArray(), cross.Mask is null ? null : Rows(cross.Mask)),
        };
    }

    private float[][]?[] Depth(Tensor hidden, int[] rows, int[][] tokens, Func<int, int, double> uniforms, int[][]? forced)
    {
        var halves = Guided ? 2 : 1;
        var logits = rows.Select(_ => new float[halves * _generated][]).ToArray();
        if (_model.Depth is null)
            return logits;
        using var frame = _model.Depth.Begin();
        for (var k = 0; k < _generated; k++)
        {
            var stream = k;
            var previous = tensor(Enumerable.Range(0, halves).SelectMany(_ => tokens.Select(t => (long)t[stream])).ToArray(), device: _model.Device);
            var rowsLogits = Floats(frame.Next(hidden, previous));
            for (var i = 0; i < rows.Length; i++)
            {
                for (var h = 0; h < halves; h++)
                    logits[i][h * _generated + k] = (float[])rowsLogits[i + h * rows.Length].Clone();
                tokens[i][k + 1] = Choose(_audio, Guide(rowsLogits, i, rows.Length), uniforms(rows[i], k + 1), forced?[rows[i]][k + 1]);
            }
        }
        return logits;
    }

    private float[] Guide(float[][] logits, int row, int rows)
    {
        if (Guided)
            Sampler.Guide(logits[row], logits[row + rows], _config.Text.GuidanceScale);
        return logits[row];
    }

    private static int Choose(Sampler sampler, float[] logits, double uniform, int? forced)
        => forced is { } token && token != Free ? token : sampler.Sample(logits, uniform);

    private static float[][] Floats(Tensor logits_NV)
    {
        var all = logits_NV.cpu().contiguous().data<float>().ToArray();
        return all.Chunk((int)logits_NV.shape[1]).ToArray();
    }
}
