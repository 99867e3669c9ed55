using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>
/// Predicts the streams of one frame in order. Step k reads the temporal output and the token of stream k before it, sees the
/// steps before it, and has weights of its own.
/// </summary>
public sealed class DepthTransformer : nn.Module
{
    private readonly ModuleList<Projection> inputs;
    private readonly ModuleList<TokenEmbedding> emb;
    private readonly Transformer transformer;
    private readonly ModuleList<Projection> linears;
    private readonly DepthConfig _config;

    public DepthTransformer(SpeechLmConfig model) : base(nameof(DepthTransformer))
    {
        _config = model.Depth!;
        var dim = _config.Transformer.Dim;
        inputs = new ModuleList<Projection>(Enumerable.Range(0, _config.Transformer.WeightSets)
            .Select(_ => new Projection(model.Transformer.Dim, dim, false)).ToArray());
        emb = new ModuleList<TokenEmbedding>(Enumerable.Range(0, _config.Streams)
            .Select(k => new TokenEmbedding(model.Vocabulary[k], dim, _config.LowRank)).ToArray());
        transformer = new Transformer(_config.Transformer);
        linears = new ModuleList<Projection>(Enumerable.Range(0, _config.Streams)
            .Select(k => new Projection(dim, model.Vocabulary[k + 1], model.HeadBias)).ToArray());
        RegisterComponents();
    }

    /// <summary>Streams that it predicts.</summary>
    public int Streams => _config.Streams;

    /// <summary>Embedding of the token that step <paramref name="step"/> reads: [V + 1, D or rank].</summary>
    public Tensor Embedding(int step) => emb[step].Weight;

    /// <summary>The output layer of a step.</summary>
    public Projection Output(int step) => linears[step];

    /// <summary>Logits of all streams of known frames (training).</summary>
    /// <param name="hidden_ND">Temporal outputs, one row per frame.</param>
    /// <param name="tokens_KN">int64 [>= Streams, N]: stream 0 first; row k is the input of step k.</param>
    /// <returns>One [N, V] per stream.</returns>
    public Tensor[] Forward(Tensor hidden_ND, Tensor tokens_KN)
    {
        using var frame = Begin();
        return Enumerable.Range(0, Streams).Select(k => frame.Next(hidden_ND, tokens_KN[k])).ToArray();
    }

    /// <summary>Starts a frame.</summary>
    public Frame Begin() => new(this);

    /// <summary>One frame in progress. Dispose it after the last step.</summary>
    public sealed class Frame : IDisposable
    {
        private readonly DepthTransformer _depth;
        private readonly GrowingStore _store;
        private int _step;

        internal Frame(DepthTransformer depth)
        {
            _depth = depth;
            _store = new GrowingStore(depth._config.Transformer.Layers);
        }

        /// <summary>Logits of the next stream.</summary>
        /// <param name="hidden_ND">Temporal outputs.</param>
        /// <param name="previous_N">int64: tokens of the stream before.</param>
        /// <returns>[N, V].</returns>
        public Tensor Next(Tensor hidden_ND, Tensor previous_N)
        {
            using var scope = NewDisposeScope();
            var set = _depth._config.WeightSet(_step);
            var x = (_depth.inputs[set].forward(hidden_ND) + _depth.emb[_step].forward(previous_N)).unsqueeze(1);
            x = _depth.transformer.Forward(x, _store, null, set);
            return _depth.linears[_step++].forward(x.squeeze(1)).MoveToOuterDisposeScope();
        }

        public void Dispose() => _store.Dispose();
    }
}
