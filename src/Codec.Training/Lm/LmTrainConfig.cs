using System.Text.Json;
using System.Text.Json.Serialization;
using Codec.Audio;
using Codec.Core.Codecs;
using Codec.Speech.Lm;
using Codec.Speech.Patterns;
using Codec.Training.Optimization;

namespace Codec.Training.Lm;

/// <summary>A training run of a token language model.</summary>
public sealed record LmTrainConfig
{
    /// <summary>What is trained: "lm".</summary>
    public string Kind { get; init; } = "lm";

    public required TransformerConfig Model { get; init; }

    public PatternSpec Pattern { get; init; } = new PatternSpec.Delay();

    /// <summary>Transcripts, speakers and reference frames that the model is told; null = none. Speakers: any number above 0, the data's count is taken.</summary>
    public ConditionConfig? Conditions { get; init; }

    /// <summary>Share of rows that are told nothing, so that guidance has a null condition; as many again lack the text alone.</summary>
    public double ConditionDropout { get; init; } = 0.1;

    /// <summary>A transformer over the books of a step after the first; its weight sets are set to the books that follow. Null = a head per book.</summary>
    public TransformerConfig? Depth { get; init; }

    /// <summary>Heads that guess further steps, for drafts.</summary>
    public int DraftHeads { get; init; }

    /// <summary>Tell the model frame and book of every step instead of the step's number.</summary>
    public bool BookPositions { get; init; }

    /// <summary>Start embeddings and heads from the codec's codebooks and the biases from the codes' frequencies, instead of from noise.</summary>
    public bool CodebookStart { get; init; }

    /// <summary>Start as a smoothed bigram counted on the training tokens: for models with a depth transformer, or of one book.</summary>
    public bool CountStart { get; init; }

    /// <summary>Token shards, folders of them, or manifests (.jsonl) of audio, which are tokenized first; relative to the config file.</summary>
    public required IReadOnlyList<string> Train { get; init; }

    /// <summary>The same of held-out speakers.</summary>
    public required IReadOnlyList<string> Validation { get; init; }

    /// <summary>Checkpoint of the codec that tokenizes manifests; null where there are only shards.</summary>
    public string? Codec { get; init; }

    /// <summary>Folder for the shards of manifests; relative to the config file.</summary>
    public string Cache { get; init; } = "runs/tokens";

    /// <summary>Folder of the run; relative to the config file.</summary>
    public required string Run { get; init; }

    /// <summary>The first books only; 0 = all.</summary>
    public int Books { get; init; }

    /// <summary>Longest stretch of a recording in one sequence, base frames.</summary>
    public int MaxFrames { get; init; } = 500;

    /// <summary>Frames in a batch, padding included.</summary>
    public int BatchFrames { get; init; } = 4000;

    public long Steps { get; init; } = 10000;

    public Schedule Schedule { get; init; } = new();

    public AdamWConfig Optimizer { get; init; } = new() { Beta1 = 0.9, Beta2 = 0.95, WeightDecay = 0.1 };

    public double MaxGradientNorm { get; init; } = 1;

    public int Seed { get; init; } = 1;

    public double CheckpointMinutes { get; init; } = 4;

    public long ValidateEvery { get; init; } = 500;

    /// <summary>Batches per validation; 0 = all.</summary>
    public int ValidationBatches { get; init; } = 20;

    public long LogEvery { get; init; } = 50;

    /// <summary>Threads of libtorch; 0 = the machine's choice.</summary>
    public int Threads { get; init; }

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        AllowOutOfOrderMetadataProperties = true,
        WriteIndented = true,
    };

    /// <summary>Reads a config; its relative paths are resolved against its folder.</summary>
    /// <exception cref="ConfigException">Not a config, or a value is out of range.</exception>
    public static LmTrainConfig Load(string path)
    {
        if (!File.Exists(path))
            throw new ConfigException($"{path}: expected a training config, found nothing");
        try
        {
            var config = JsonSerializer.Deserialize<LmTrainConfig>(File.ReadAllText(path), Json) ?? throw new ConfigException($"{path}: empty");
            var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
            string Absolute(string relative) => Path.GetFullPath(relative, folder);
            return (config with
            {
                Train = config.Train.Select(Absolute).ToArray(),
                Validation = config.Validation.Select(Absolute).ToArray(),
                Run = Absolute(config.Run),
                Codec = config.Codec is null ? null : Absolute(config.Codec),
                Cache = Absolute(config.Cache),
            }).Validate();
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw new ConfigException($"{path}: {e.Message}", e);
        }
    }

    /// <summary>Whether a config file asks for a language model.</summary>
    /// <exception cref="ConfigException">No JSON object.</exception>
    public static bool IsLm(string path) => KindOf(path) == "lm";

    /// <summary>The member "kind" of a config file; null where it has none.</summary>
    /// <exception cref="ConfigException">No JSON.</exception>
    internal static string? KindOf(string path)
    {
        if (!File.Exists(path))
            throw new ConfigException($"{path}: expected a training config, found nothing");
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllText(path), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("kind", out var kind)
                && kind.ValueKind == JsonValueKind.String ? kind.GetString() : null;
        }
        catch (JsonException e)
        {
            throw new ConfigException($"{path}: {e.Message}", e);
        }
    }

    /// <summary>Tokenizes the manifests among the data.</summary>
    /// <param name="progress">0 to 1, for each manifest.</param>
    /// <returns>The same run on shards alone.</returns>
    /// <exception cref="ConfigException">Manifests without a codec.</exception>
    public LmTrainConfig Tokenized(Action<double>? progress = null)
    {
        if (!Train.Concat(Validation).Any(TokenData.IsManifest))
            return this;
        using var codec = CodecCatalog.Load(Codec ?? throw new ConfigException("codec: expected a checkpoint to tokenize manifests with, found nothing"));
        return this with { Train = TokenData.Shards(codec, Train, Cache, progress), Validation = TokenData.Shards(codec, Validation, Cache, progress) };
    }

    public string ToJson() => JsonSerializer.Serialize(this, Json);

    /// <exception cref="ConfigException">A value is out of range.</exception>
    public LmTrainConfig Validate()
    {
        Require.That(Kind == "lm", nameof(Kind), "lm", Kind);
        Model.Validate();
        Conditions?.Validate();
        Depth?.Validate();
        Require.InRange(ConditionDropout, 0, 0.5);
        Require.InRange(DraftHeads, 0, 16);
        Require.That(!Model.CrossAttention || Conditions is { Text: true }, nameof(Model.CrossAttention), "false without a text condition", true);
        Require.That(Depth is null || Pattern is PatternSpec.Parallel or PatternSpec.Delay, nameof(Depth), "a parallel or delay pattern", Pattern.GetType().Name);
        Require.That(DraftHeads == 0 || (Depth is null && Pattern is not (PatternSpec.Stack or PatternSpec.StackDelay)), nameof(DraftHeads), "direct heads and one position per step", DraftHeads);
        Require.That(!CountStart || (Depth is not null && !CodebookStart), nameof(CountStart), "a depth transformer and no codebook start", CountStart);
        Require.That(!CodebookStart || Codec is not null, nameof(CodebookStart), "the codec's checkpoint", "no codec");
        Require.Positive(Steps);
        Require.Positive(MaxFrames);
        Require.That(BatchFrames >= MaxFrames, nameof(BatchFrames), $">= MaxFrames ({MaxFrames})", BatchFrames);
        Require.Positive(MaxGradientNorm);
        Require.Positive(ValidateEvery);
        Require.Positive(LogEvery);
        Schedule.Validate();
        return this;
    }
}
