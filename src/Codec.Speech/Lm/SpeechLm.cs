using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>What a model is told besides tokens. Rows match the batch (or are 1).</summary>
/// <param name="Sum">[B, 1, D], added to every position.</param>
/// <param name="Prepend">[B, P, D], put in front; once per session.</param>
/// <param name="Cross">Of models with cross-attention.</param>
/// <param name="SumOverPrefix">Whether the sum reaches the prefix too: it does where the model was trained to put the prefix in front first.</param>
public sealed record LmConditions(Tensor? Sum = null, Tensor? Prepend = null, CrossCondition? Cross = null, bool SumOverPrefix = false);

/// <summary>
/// The speech language model: one embedding per stream, summed; one transformer; a head per stream, or a depth transformer over the
/// streams of a frame. MusicGen-style models have K direct heads, Moshi-style models one (text) and a depth transformer.
/// </summary>
public sealed class SpeechLm : nn.Module
{
    private readonly ModuleList<TokenEmbedding> emb;
    private readonly Transformer transformer;
    private readonly nn.Module<Tensor, Tensor>? out_norm;
    private readonly ModuleList<Projection> linears;
    private readonly DepthTransformer? depth;
    private readonly SpeechLmConfig _config;

    /// <exception cref="Codec.Audio.ConfigException">The configuration is out of range.</exception>
    public SpeechLm(SpeechLmConfig config) : base(nameof(SpeechLm))
    {
        _config = config.Validate();
        var dim = config.Transformer.Dim;
        emb = new ModuleList<TokenEmbedding>(config.Vocabulary.Select(size => new TokenEmbedding(size, dim)).ToArray());
        transformer = new Transformer(config.Transformer);
        out_norm = config.Transformer.NormFirst ? Transformer.BuildNorm(config.Transformer) : null;
        linears = new ModuleList<Projection>(config.Vocabulary.Take(config.DirectHeads).Select(size => new Projection(dim, size, config.HeadBias)).ToArray());
        depth = config.Depth is null ? null : new DepthTransformer(config);
        RegisterComponents();
    }

    public SpeechLmConfig Config => _config;

    /// <summary>K.</summary>
    public int Streams => _config.Vocabulary.Count;

    public Device Device => linears[0].Weight.device;

    /// <summary>Null where the configuration has none.</summary>
    public DepthTransformer? Depth => depth;

    /// <summary>Keys and values of a cross-attention condition.</summary>
    /// <param name="condition_BLD">[B, L, D].</param>
    /// <param name="mask_BL">True where a condition position exists; null = all.</param>
    public CrossCondition Condition(Tensor condition_BLD, Tensor? mask_BL = null) => transformer.Condition(condition_BLD, mask_BL);

    /// <summary>The transformer's output for a chunk of steps.</summary>
    /// <param name="tokens_BKS">int64.</param>
    /// <param name="cache">Sessions; null = offline, over the whole sequence.</param>
    /// <param name="slots">One per row; with a cache only.</param>
    /// <param name="conditions">A prefix is taken at a session's first call only.</param>
    /// <returns>[B, S, D], after the final norm, without the prefix.</returns>
    public Tensor Hidden(Tensor tokens_BKS, KvCache? cache = null, ReadOnlySpan<int> slots = default, LmConditions? conditions = null)
    {
        using var scope = NewDisposeScope();
        var x = Embed(tokens_BKS);
        if (conditions is { Sum: not null, SumOverPrefix: false })
            x = x + conditions.Sum;
        var prefix = conditions?.Prepend is { } prepend && (cache is null || cache.Length(slots[0]) == 0) ? prepend : null;
        if (prefix is not null)
            x = cat([prefix.expand(x.shape[0], -1, -1), x], 1);
        if (conditions is { Sum: not null, SumOverPrefix: true })
            x = x + conditions.Sum;
        var hidden = cache is null ? transformer.Forward(x, null, conditions?.Cross) : Cached(x, cache, slots, conditions?.Cross);
        if (prefix is not null)
            hidden = hidden.narrow(1, prefix.shape[1], tokens_BKS.shape[2]);
        return (out_norm is null ? hidden.alias() : out_norm.forward(hidden)).MoveToOuterDisposeScope();
    }

    /// <summary>Logits of one stream with a direct head.</summary>
    /// <returns>[B, S, V].</returns>
    public Tensor Head(Tensor hidden_BSD, int stream) => linears[stream].forward(hidden_BSD);

    /// <summary>Logits of all direct heads; all must have equal vocabularies.</summary>
    /// <returns>[B, K, S, V]; position s predicts step s + 1.</returns>
    public Tensor Logits(Tensor hidden_BSD)
    {
        using var scope = NewDisposeScope();
        return stack(linears.Select(head => head.forward(hidden_BSD)), 1).MoveToOuterDisposeScope();
    }

    /// <summary>Rounds all linear layers to 8 or 4 bits; embeddings and norms stay.</summary>
    public void Quantize(int bits)
    {
        foreach (var module in modules())
            if (module is Projection layer)
                layer.Quantize(bits);
    }

    /// <summary>Frees all weights at once.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            foreach (var tensor in parameters().Concat<Tensor>(buffers()))
                tensor.Dispose();
        base.Dispose(disposing);
    }

    private Tensor Embed(Tensor tokens_BKS)
    {
        using var scope = NewDisposeScope();
        var x = emb[0].forward(tokens_BKS.select(1, 0));
        for (var k = 1; k < Streams; k++)
            x = x.add_(emb[k].forward(tokens_BKS.select(1, k)));
        return x.MoveToOuterDisposeScope();
    }

    // Long prompts go through rings in pieces.
    private Tensor Cached(Tensor x_BSD, KvCache cache, ReadOnlySpan<int> slots, CrossCondition? cross)
    {
        List<Tensor> outputs = [];
        for (long start = 0; start < x_BSD.shape[1]; start += cache.MaxChunk)
        {
            var count = (int)Math.Min(cache.MaxChunk, x_BSD.shape[1] - start);
            using var step = cache.Begin(slots, count);
            outputs.Add(transformer.Forward(x_BSD.narrow(1, start, count), step, cross));
        }
        return outputs.Count == 1 ? outputs[0] : cat(outputs, 1);
    }
}
