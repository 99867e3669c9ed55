using System.Text.Json;
using System.Text.Json.Serialization;
using Codec.Audio;
using Codec.Core.Codecs.Native;
using Codec.Training.Data;
using Codec.Training.Optimization;

namespace Codec.Training.Codecs;

/// <summary>A training run of a native codec.</summary>
public sealed record CodecTrainConfig
{
    /// <summary>What is trained: "codec".</summary>
    public string Kind { get; init; } = "codec";

    public NativeConfig Model { get; init; } = new();

    /// <summary>Manifest or folder of training audio; relative to the config file.</summary>
    public required string Train { get; init; }

    /// <summary>Manifest or folder of held-out speakers; relative to the config file.</summary>
    public required string Validation { get; init; }

    /// <summary>Source of the manifest that is validated on; empty = all.</summary>
    public string ValidationSource { get; init; } = "";

    /// <summary>Files per validation pass.</summary>
    public int ValidationFiles { get; init; } = 16;

    /// <summary>Folder of the run: checkpoints, logs, audio; relative to the config file.</summary>
    public required string Run { get; init; }

    /// <summary>Folder for decoded audio; relative to the config file.</summary>
    public string Cache { get; init; } = "runs/cache";

    /// <summary>Weights that the run starts from; null = random.</summary>
    public string? InitialWeights { get; init; }

    /// <summary>Only the decoder learns: encoder and books, and so the codes, stay what <see cref="InitialWeights"/> made them.</summary>
    public bool DecoderOnly { get; init; }

    /// <summary>
    /// Encoder and decoder learn, the books stay what <see cref="InitialWeights"/> made them: codes go on to mean what they meant.
    /// With <see cref="QuantizeFrom"/> they first learn from latents that no book has touched.
    /// </summary>
    public bool KeepBooks { get; init; }

    /// <summary>Entries of books follow the latents.</summary>
    internal bool BooksLearn => !DecoderOnly && !KeepBooks;

    public long Steps { get; init; } = 10000;
    public int BatchSize { get; init; } = 16;

    /// <summary>Seconds of a crop.</summary>
    public double CropSeconds { get; init; } = 0.5;

    /// <summary>Steps without quantizer, after which books that learn start from k-means; 0 with <see cref="InitialWeights"/> begins with theirs.</summary>
    public long QuantizeFrom { get; init; } = 500;

    /// <summary>Chance that an item keeps all books; the others keep a uniform number.</summary>
    public double AllBooksShare { get; init; } = 0.5;

    public Schedule Schedule { get; init; } = new();
    public AdamWConfig Optimizer { get; init; } = new();
    public double MaxGradientNorm { get; init; } = 1;
    public LossConfig Loss { get; init; } = new();
    public AdversarialConfig? Adversarial { get; init; }

    /// <summary>How the low band of a model that has one is trained.</summary>
    public LowbandTrainConfig Lowband { get; init; } = new();
    public AugmentationConfig Augmentation { get; init; } = new();

    /// <summary>Weight per second of audio by source of the manifest; 1 where none is given.</summary>
    public IReadOnlyDictionary<string, double> SourceWeights { get; init; } = new Dictionary<string, double>();

    public int Seed { get; init; } = 1;
    public double CheckpointMinutes { get; init; } = 4;
    public long ValidateEvery { get; init; } = 2000;
    public long LogEvery { get; init; } = 50;

    /// <summary>Threads of libtorch; 0 = the machine's choice.</summary>
    public int Threads { get; init; }

    /// <summary>Parts of a batch that are learned from side by side, each on a thread of its own; 0: on a CPU as many as there are threads, if they divide the batch. Losses that are relative to a batch are relative to a part.</summary>
    public int Parts { get; init; }

    /// <summary>Products of wide layers, of discriminators too, are of numbers rounded to bfloat16 where the processor has instructions for it; weights, sums, norms and losses are float32 all the same.</summary>
    [JsonPropertyName("bfloat16")]
    public bool BFloat16 { get; init; }

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };

    /// <summary>Reads a config; its relative paths are resolved against its folder.</summary>
    /// <exception cref="ConfigException">Not a config, or a value is out of range.</exception>
    public static CodecTrainConfig Load(string path)
    {
        if (!File.Exists(path))
            throw new ConfigException($"{path}: expected a training config, found nothing");
        try
        {
            var config = JsonSerializer.Deserialize<CodecTrainConfig>(File.ReadAllText(path), Json)
                ?? throw new ConfigException($"{path}: empty");
            var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
            string Absolute(string relative) => Path.GetFullPath(relative, folder);
            return (config with
            {
                Train = Absolute(config.Train),
                Validation = Absolute(config.Validation),
                Run = Absolute(config.Run),
                Cache = Absolute(config.Cache),
                InitialWeights = config.InitialWeights is null ? null : Absolute(config.InitialWeights),
            }).Validate();
        }
        catch (JsonException e)
        {
            throw new ConfigException($"{path}: {e.Message}", e);
        }
    }

    public string ToJson() => JsonSerializer.Serialize(this, Json);

    /// <exception cref="ConfigException">A value is out of range.</exception>
    public CodecTrainConfig Validate()
    {
        Require.That(Kind == "codec", nameof(Kind), "codec", Kind);
        Model.Validate();
        Require.That(!DecoderOnly || InitialWeights is not null, nameof(InitialWeights), "weights whose codes are kept (decoder_only)", "null");
        Require.That(!KeepBooks || InitialWeights is not null, nameof(InitialWeights), "weights whose books are kept (keep_books)", "null");
        Require.Positive(Steps);
        Require.InRange(BatchSize, 1, 4096);
        Require.That(Parts == 0 || Parts > 0 && BatchSize % Parts == 0, nameof(Parts), $"0 or a divisor of batch_size ({BatchSize})", Parts);
        Require.InRange(CropSeconds, 0.05, 60);
        Lowband.Validate();
        Require.That(Model.Excitation is null || CropSeconds >= 0.1, nameof(CropSeconds), "at least 0.1, for the pitch that an excitation learns", CropSeconds);
        Require.InRange(AllBooksShare, 0, 1);
        Require.Positive(MaxGradientNorm);
        Require.Positive(ValidateEvery);
        Require.Positive(LogEvery);
        Schedule.Validate();
        Loss.Validate();
        Adversarial?.Validate();
        Augmentation.Validate();
        return this;
    }
}

/// <summary>Reconstruction terms.</summary>
public sealed record LossConfig
{
    public double Mel { get; init; } = 1;
    public IReadOnlyList<int> MelWindows { get; init; } = [128, 256, 512, 1024, 2048];
    public IReadOnlyList<int> MelBands { get; init; } = [10, 20, 40, 80, 160];

    /// <summary>Weight of the audible disturbance as P.862 models it, 16 kHz only (see <see cref="Losses.LoudnessLoss"/>).</summary>
    public double Loudness { get; init; }

    /// <summary>Weight of spectral convergence plus log-magnitude distance of full STFTs (Yamamoto et al. 2020).</summary>
    public double Stft { get; init; }

    public IReadOnlyList<int> StftWindows { get; init; } = [256, 512, 1024];

    /// <summary>Weight of the mean absolute difference of samples.</summary>
    public double Waveform { get; init; }

    public double Commitment { get; init; } = 1;

    /// <summary>Weight of the pitch that the decoder tells, where it has an excitation (see <see cref="Losses.PitchLoss"/>), and of the sizes that its low band expects; not balanced.</summary>
    public double Pitch { get; init; } = 0.02;

    /// <summary>Weights are shares of the gradient at the output instead of factors (see <see cref="Losses.LossBalancer"/>).</summary>
    public bool Balance { get; init; }

    public LossConfig Validate()
    {
        Require.That(MelWindows.All(w => w >= 8 && w % 4 == 0), nameof(MelWindows), "multiples of 4 from 8", string.Join(", ", MelWindows));
        Require.That(MelWindows.Count == MelBands.Count && MelWindows.Count > 0, nameof(MelBands), $"{MelWindows.Count} entries", MelBands.Count);
        return this;
    }
}

/// <summary>What items of a batch see of the low band.</summary>
public sealed record LowbandTrainConfig
{
    /// <summary>Share of the items that have it.</summary>
    public double Share { get; init; } = 0.65;

    /// <summary>Books of these items: at least so many.</summary>
    public int LeastBooks { get; init; } = 3;

    /// <summary>Books of these items: at most so many.</summary>
    public int MostBooks { get; init; } = 5;

    /// <summary>Smallest factor of the quantization steps; drawn evenly by logarithm.</summary>
    public double Finest { get; init; } = 0.6;

    /// <summary>Largest factor.</summary>
    public double Coarsest { get; init; } = 2;

    /// <summary>The sizes that codes let expect do not change, so that files with a low band that were made with the initial weights keep their steps.</summary>
    public bool KeepLevels { get; init; }

    public LowbandTrainConfig Validate()
    {
        Require.InRange(Share, 0, 1);
        Require.That(LeastBooks >= 1 && MostBooks >= LeastBooks, nameof(LeastBooks), $"at least 1 and at most {nameof(MostBooks)}", LeastBooks);
        Require.Positive(Finest);
        Require.That(Coarsest >= Finest, nameof(Coarsest), $"at least {nameof(Finest)}", Coarsest);
        return this;
    }

    internal int Draw(Random draw, int books) => Math.Min(books, draw.Next(LeastBooks, MostBooks + 1));
}

/// <summary>Discriminators and when they join.</summary>
public sealed record AdversarialConfig
{
    /// <summary>First step with discriminators.</summary>
    public long From { get; init; }

    /// <summary>Weight of the whole term among those of <see cref="LossConfig"/>, or its share where these are balanced.</summary>
    public double Weight { get; init; } = 1;

    /// <summary>Factor of being taken for real.</summary>
    public double GeneratorWeight { get; init; } = 0.1;

    /// <summary>Factor of having the features of the real.</summary>
    public double FeatureWeight { get; init; } = 0.2;

    /// <summary>Discriminators learn every n-th step.</summary>
    public int Every { get; init; } = 1;

    public double LearningRate { get; init; } = 3e-4;

    /// <summary>Windows of the spectrogram discriminators, samples.</summary>
    public IReadOnlyList<int> Windows { get; init; } = [256, 512, 1024];

    /// <summary>Windows of the frame discriminators (<see cref="Discriminators.FrameDiscriminator"/>, the cheap kind), samples.</summary>
    public IReadOnlyList<int> FrameWindows { get; init; } = [];

    /// <summary>Periods of the waveform discriminators (Kong et al. 2020), samples.</summary>
    public IReadOnlyList<int> Periods { get; init; } = [];

    public int Channels { get; init; } = 32;

    public AdversarialConfig Validate()
    {
        Require.InRange(Every, 1, 1000);
        Require.Positive(LearningRate);
        Require.InRange(Channels, 1, 1024);
        Require.That(Windows.Concat(FrameWindows).All(w => w >= 16 && w % 8 == 0), nameof(Windows), "multiples of 8 from 16", string.Join(", ", Windows.Concat(FrameWindows)));
        Require.That(Windows.Count + FrameWindows.Count + Periods.Count > 0, nameof(Windows), "at least one discriminator", 0);
        return this;
    }
}
