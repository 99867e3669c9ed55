using System.Text.Json;
using System.Text.Json.Serialization;
using Codec.Audio;
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

    /// <summary>Token shards, or folders of them; relative to the config file.</summary>
    public required IReadOnlyList<string> Train { get; init; }

    /// <summary>Shards of held-out speakers.</summary>
    public required IReadOnlyList<string> Validation { get; init; }

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
            }).Validate();
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw new ConfigException($"{path}: {e.Message}", e);
        }
    }

    public string ToJson() => JsonSerializer.Serialize(this, Json);

    /// <exception cref="ConfigException">A value is out of range.</exception>
    public LmTrainConfig Validate()
    {
        Require.That(Kind == "lm", nameof(Kind), "lm", Kind);
        Model.Validate();
        // Their positions carry true frame indexes and several queries per pass: no training for them here.
        Require.That(Pattern is not PatternSpec.Stack and not PatternSpec.StackDelay, nameof(Pattern), "a pattern with one position per step", Pattern.GetType().Name);
        Require.That(!Model.CrossAttention, nameof(Model.CrossAttention), "false", true);
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
