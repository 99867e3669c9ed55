using System.Text.Json;
using System.Text.Json.Serialization;
using Codec.Audio;
using Codec.Speech.Repair;
using Codec.Training.Lm;
using Codec.Training.Optimization;

namespace Codec.Training.Repair;

/// <summary>A training run of a model that makes up codes which were lost ("masked") or not sent ("fine").</summary>
public sealed record RepairTrainConfig
{
    /// <summary>What is trained: "masked" or "fine".</summary>
    public required string Kind { get; init; }

    public int Dim { get; init; } = 128;

    public int Layers { get; init; } = 4;

    public int Heads { get; init; } = 4;

    public int Hidden { get; init; } = 256;

    /// <summary>Frames on either side that a frame sees in every layer; "fine" sees those before alone.</summary>
    public int Window { get; init; } = 32;

    /// <summary>Token shards, folders of them, or manifests (.jsonl) of audio, which are tokenized first; relative to the config file.</summary>
    public required IReadOnlyList<string> Train { get; init; }

    /// <summary>The same of held-out speakers.</summary>
    public required IReadOnlyList<string> Validation { get; init; }

    /// <summary>Checkpoint of the codec: a native one.</summary>
    public required string Codec { get; init; }

    /// <summary>Model to go on from, e.g. one for an earlier state of the codec: its latents move little. Null = train anew.</summary>
    public string? InitialWeights { get; init; }

    /// <summary>Folder for the shards of manifests; relative to the config file.</summary>
    public string Cache { get; init; } = "runs/tokens";

    /// <summary>Folder of the run; relative to the config file.</summary>
    public required string Run { get; init; }

    /// <summary>Longest stretch of a recording in one sequence, base frames.</summary>
    public int MaxFrames { get; init; } = 150;

    /// <summary>Frames in a batch, padding included.</summary>
    public int BatchFrames { get; init; } = 2400;

    public long Steps { get; init; } = 1500;

    public Schedule Schedule { get; init; } = new() { LearningRate = 2e-3 };

    public AdamWConfig Optimizer { get; init; } = new() { Beta1 = 0.9, Beta2 = 0.95, WeightDecay = 0.05, AverageDecay = 0.99 };

    public double MaxGradientNorm { get; init; } = 1;

    public int Seed { get; init; } = 1;

    public double CheckpointMinutes { get; init; } = 4;

    public long ValidateEvery { get; init; } = 500;

    public long LogEvery { get; init; } = 50;

    /// <summary>Threads of libtorch; 0 = the machine's choice.</summary>
    public int Threads { get; init; }

    [JsonIgnore] public RepairKind RepairKind => Kind == "masked" ? RepairKind.Masked : RepairKind.Fine;

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        WriteIndented = true,
    };

    /// <summary>Whether a config file asks for a repair model.</summary>
    /// <exception cref="ConfigException">No JSON.</exception>
    public static bool Fits(string path) => LmTrainConfig.KindOf(path) is "masked" or "fine";

    /// <summary>Reads a config; its relative paths are resolved against its folder.</summary>
    /// <exception cref="ConfigException">Not a config, or a value is out of range.</exception>
    public static RepairTrainConfig Load(string path)
    {
        try
        {
            var config = JsonSerializer.Deserialize<RepairTrainConfig>(File.ReadAllText(path), Json) ?? throw new ConfigException($"{path}: empty");
            var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
            string Absolute(string relative) => Path.GetFullPath(relative, folder);
            return (config with
            {
                Train = config.Train.Select(Absolute).ToArray(),
                Validation = config.Validation.Select(Absolute).ToArray(),
                Codec = Absolute(config.Codec),
                InitialWeights = config.InitialWeights is null ? null : Absolute(config.InitialWeights),
                Cache = Absolute(config.Cache),
                Run = Absolute(config.Run),
            }).Validate();
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"{path}: {e.Message}", e);
        }
    }

    public string ToJson() => JsonSerializer.Serialize(this, Json);

    /// <summary>The model's shape for a codec.</summary>
    public RepairConfig Model(int latentDim, int books) => new()
    {
        Kind = RepairKind, LatentDim = latentDim, Books = books, Dim = Dim, Layers = Layers, Heads = Heads, Hidden = Hidden,
        Past = Window, Future = RepairKind == RepairKind.Masked ? Window : 0,
    };

    /// <exception cref="ConfigException">A value is out of range.</exception>
    public RepairTrainConfig Validate()
    {
        Require.That(Kind is "masked" or "fine", nameof(Kind), "masked or fine", Kind);
        Model(1, 2).Validate();
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
