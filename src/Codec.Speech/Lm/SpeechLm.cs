using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

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
    private readonly ConditionEncoder? conditioner;
    private readonly TokenEmbedding? book_emb;
    private readonly DraftHeads? draft;
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
        conditioner = config.Conditions is null ? null : new ConditionEncoder(config.Conditions, config.Transformer);
        book_emb = config.BookPositions ? new TokenEmbedding(config.Vocabulary.Count, dim) : null;
        draft = config.DraftHeads > 0 ? new DraftHeads(dim, config.DraftHeads) : null;
        RegisterComponents();
    }

    public SpeechLmConfig Config => _config;

    /// <summary>K.</summary>
    public int Streams => _config.Vocabulary.Count;

    public Device Device => linears[0].Weight.device;

    /// <summary>Null where the configuration has none.</summary>
    public DepthTransformer? Depth => depth;

    /// <summary>Null where the configuration has none.</summary>
    public DraftHeads? Draft => draft;

    /// <summary>Null where the configuration has no conditions of its own.</summary>
    public ConditionEncoder? Conditioner => conditioner;

    /// <summary>Embedding of one stream: [V + 1, D], the start token last.</summary>
    public Tensor Embedding(int stream) => emb[stream].Weight;

    /// <summary>The output layer of one stream.</summary>
    public Projection Output(int stream) => linears[stream];

    /// <summary>Conditions of our own models; the caller disposes what they hold, keys and values of cross-attention included.</summary>
    /// <param name="rows">One per row of the batch.</param>
    /// <exception cref="Codec.Audio.ConfigException">The model takes no such conditions.</exception>
    public LmConditions Encode(IReadOnlyList<LmCondition> rows)
        => (conditioner ?? throw new Codec.Audio.ConfigException("conditions: expected a model that was trained with some, found none"))
            .Encode(rows, Embed, (text, mask) => Condition(text, mask));

    /// <summary>Keys and values of a cross-attention condition.</summary>
    /// <param name="condition_BLD">[B, L, D].</param>
    /// <param name="mask_BL">True where a condition position exists; null = all.</param>
    public CrossCondition Condition(Tensor condition_BLD, Tensor? mask_BL = null) => transformer.Condition(condition_BLD, mask_BL);

    /// <summary>The transformer's output for a chunk of steps.</summary>
    /// <param name="tokens_BKS">int64.</param>
    /// <param name="cache">Sessions; null = offline, over the whole sequence.</param>
    /// <param name="slots">One per row; with a cache only.</param>
    /// <param name="conditions">A prefix is taken at a session's first call only.</param>
    /// <param name="chunk">Positions that are not one step after the other; with a cache only.</param>
    /// <param name="layers">Layers run, from the first; 0 = all.</param>
    /// <returns>[B, S, D], after the final norm, without the prefix.</returns>
    public Tensor Hidden(Tensor tokens_BKS, KvCache? cache = null, ReadOnlySpan<int> slots = default, LmConditions? conditions = null, LmChunk? chunk = null, int layers = 0)
    {
        if (cache is null)
            return HiddenAt(tokens_BKS, null, conditions);
        using var scope = NewDisposeScope();
        var prefix = conditions?.Prepend is { } prepend && cache.Length(slots[0]) == 0 ? prepend : null;
        if (prefix is not null && conditions!.PrependMask_BP is not null)
        {
            ReadPrefixes(cache, slots, conditions);
            prefix = null;
        }
        var book = chunk?.Book is { } books ? tensor(books, device: tokens_BKS.device).unsqueeze(0) : null;
        var hidden = Cached(Input(tokens_BKS, conditions, prefix, book), cache, slots, conditions?.Cross, chunk, layers);
        return Finish(hidden, prefix, tokens_BKS.shape[2]).MoveToOuterDisposeScope();
    }

    /// <summary>Offline, where positions are not 0, 1, 2, ... or do not see all before them.</summary>
    /// <returns>[B, S, D].</returns>
    public Tensor HiddenAt(Tensor tokens_BKS, LmPositions? at, LmConditions? conditions = null)
    {
        using var scope = NewDisposeScope();
        var x = Input(tokens_BKS, conditions, conditions?.Prepend, at?.Book_BS);
        if (conditions?.Prepend is not null)
            at = conditions.Extend(at, transformer, tokens_BKS.shape[2]);
        return Finish(transformer.Forward(x, null, conditions?.Cross, 0, at), conditions?.Prepend, tokens_BKS.shape[2]).MoveToOuterDisposeScope();
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

    private Tensor Input(Tensor tokens_BKS, LmConditions? conditions, Tensor? prefix, Tensor? book_BS)
    {
        var x = Embed(tokens_BKS);
        if (book_emb is not null && book_BS is not null)
            x = x + book_emb.forward(book_BS);
        if (conditions is { Sum: not null, SumOverPrefix: false })
            x = x + conditions.Sum;
        if (prefix is not null)
            x = cat([prefix.expand(x.shape[0], -1, -1), x], 1);
        return conditions is { Sum: not null, SumOverPrefix: true } ? x + conditions.Sum : x;
    }

    private Tensor Finish(Tensor hidden, Tensor? prefix, long steps)
    {
        if (prefix is not null)
            hidden = hidden.narrow(1, prefix.shape[1], steps);
        return out_norm is null ? hidden.alias() : out_norm.forward(hidden);
    }

    // Rows of different length: each prefix by itself.
    private void ReadPrefixes(KvCache cache, ReadOnlySpan<int> slots, LmConditions conditions)
    {
        for (var row = 0; row < slots.Length; row++)
        {
            var prefix = conditions.Prefix(row);
            if (conditions is { Sum: not null, SumOverPrefix: true })
                prefix = prefix + conditions.Sum.narrow(0, conditions.Sum.shape[0] == 1 ? 0 : row, 1);
            Cached(prefix, cache, [slots[row]], conditions.Cross?.Row(row), null, 0);
        }
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
    private Tensor Cached(Tensor x_BSD, KvCache cache, ReadOnlySpan<int> slots, CrossCondition? cross, LmChunk? chunk, int layers)
    {
        List<Tensor> outputs = [];
        for (long start = 0; start < x_BSD.shape[1]; start += cache.MaxChunk)
        {
            var count = (int)Math.Min(cache.MaxChunk, x_BSD.shape[1] - start);
            var part = count == x_BSD.shape[1] ? chunk : chunk?.Slice((int)start, count);
            using var step = cache.Begin(slots, count, part?.Visible, at: part?.At);
            outputs.Add(transformer.Forward(x_BSD.narrow(1, start, count), step, cross, 0, null, layers));
        }
        return outputs.Count == 1 ? outputs[0] : cat(outputs, 1);
    }
}
