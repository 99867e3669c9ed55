using Codec.Audio;
using Codec.Core.Checkpoints;

namespace Codec.Speech.Lm;

/// <summary>What a checkpoint's tensors do not tell.</summary>
public sealed record SpeechLmOptions
{
    public required int Heads { get; init; }

    /// <summary>Of the depth transformer, where there is one.</summary>
    public int DepthHeads { get; init; } = 1;

    public PositionKind Positions { get; init; } = PositionKind.Sinusoidal;

    public double MaxPeriod { get; init; } = 10000;

    public double PositionScale { get; init; } = 1;

    /// <summary>Positions that one position sees, itself included; null = all.</summary>
    public int? Context { get; init; }

    /// <summary>Of feed-forward blocks without gate.</summary>
    public Activation Activation { get; init; } = Activation.Gelu;

    /// <summary>Epsilon of RMS norms (LayerNorm has 1e-5).</summary>
    public double RmsEps { get; init; } = 1e-8;

    /// <summary>Weight set of each stream of the depth transformer; null = one after the other.</summary>
    public IReadOnlyList<int>? DepthWeightSchedule { get; init; }

    public PositionKind DepthPositions { get; init; } = PositionKind.None;
}

/// <summary>Loads speech language models in the naming of audiocraft, Hugging Face (MusicGen) or Moshi.</summary>
public static class SpeechLmCheckpoint
{
    /// <summary>A model in evaluation mode, its shape read from the tensors.</summary>
    /// <exception cref="CheckpointException">Keys or shapes that fit no model.</exception>
    /// <exception cref="ConfigException">Options that do not fit the tensors.</exception>
    public static SpeechLm Load(Checkpoint checkpoint, SpeechLmOptions options)
    {
        var canonical = SpeechLmKeys.Canonical(checkpoint);
        var model = new SpeechLm(ReadConfig(canonical, options));
        canonical.LoadInto(model);
        model.eval();
        return model;
    }

    /// <summary>The shape of a model whose tensors have our names.</summary>
    internal static SpeechLmConfig ReadConfig(Checkpoint checkpoint, SpeechLmOptions options)
    {
        var tensors = checkpoint.Tensors;
        var streams = Count(tensors, "emb.{0}.weight");
        var depthStreams = Count(tensors, "depth.linears.{0}.weight");
        var depth = depthStreams == 0 ? null : new DepthConfig
        {
            Transformer = ReadTransformer(checkpoint, "depth.transformer.", options with
            {
                Heads = options.DepthHeads, Positions = options.DepthPositions, Context = null,
            }),
            Streams = depthStreams,
            WeightSchedule = options.DepthWeightSchedule,
            LowRank = tensors.TryGetValue("depth.emb.0.low_rank.weight", out var map) ? (int)map.Shape[1] : 0,
        };
        return new SpeechLmConfig
        {
            Transformer = ReadTransformer(checkpoint, "transformer.", options),
            Vocabulary = Enumerable.Range(0, streams).Select(k => (int)Shape(checkpoint, $"emb.{k}.weight")[0] - 1).ToArray(),
            DirectHeads = Count(tensors, "linears.{0}.weight"),
            HeadBias = tensors.ContainsKey("linears.0.bias"),
            Depth = depth,
        };
    }

    private static TransformerConfig ReadTransformer(Checkpoint checkpoint, string prefix, SpeechLmOptions options)
    {
        var tensors = checkpoint.Tensors;
        var first = prefix + "layers.0.";
        bool Has(string name) => tensors.ContainsKey(first + name);
        var projection = Shape(checkpoint, first + "self_attn.in_projs.0.weight");
        var (dim, width) = ((int)projection[1], (int)projection[0]);
        Require.That(options.Heads > 0 && dim % options.Heads == 0, nameof(options.Heads), $"a divisor of {dim}", options.Heads);
        var hidden = (int)Shape(checkpoint, first + "feed_forward.0.linear_out.weight")[1];
        var gated = Shape(checkpoint, first + "feed_forward.0.linear_in.weight")[0] == 2 * hidden;
        var layerNorm = Has("norm1.bias");
        return new TransformerConfig
        {
            Dim = dim,
            Layers = Count(tensors, prefix + "layers.{0}.norm1.weight"),
            Heads = options.Heads,
            KeyValueHeads = (width - dim) / 2 / (dim / options.Heads),
            Hidden = hidden,
            Activation = gated ? Activation.GatedSilu : options.Activation,
            Norm = layerNorm ? Norm.Layer : Norm.Rms,
            NormEps = layerNorm ? 1e-5 : options.RmsEps,
            NormFirst = prefix != "transformer." || tensors.ContainsKey("out_norm.weight"),
            Positions = options.Positions,
            MaxPeriod = options.MaxPeriod,
            PositionScale = options.PositionScale,
            Context = options.Context,
            AttentionBias = Has("self_attn.in_projs.0.bias"),
            FeedForwardBias = Has("feed_forward.0.linear_in.bias"),
            QueryKeyNorm = Has("self_attn.q_layer_norm.weight"),
            LayerScale = Has("layer_scale_1.scale"),
            CrossAttention = Has("cross_attention.in_projs.0.weight"),
            WeightSets = Count(tensors, first + "self_attn.in_projs.{0}.weight"),
        };
    }

    private static int Count(IReadOnlyDictionary<string, CheckpointTensor> tensors, string pattern)
    {
        var count = 0;
        while (tensors.ContainsKey(string.Format(pattern, count)))
            count++;
        return count;
    }

    private static IReadOnlyList<long> Shape(Checkpoint checkpoint, string key)
        => checkpoint.Tensors.TryGetValue(key, out var tensor) && tensor.Shape.Count >= 2 ? tensor.Shape
            : throw new CheckpointException(checkpoint.FilePath, $"expected a matrix {key}, found {tensor?.ToString() ?? "nothing"}");
}
