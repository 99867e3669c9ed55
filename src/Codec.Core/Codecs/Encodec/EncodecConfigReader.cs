using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Codec.Audio;
using Codec.Core.Checkpoints;
using Codec.Core.Layers;
using Codec.Core.Layers.Seanet;

namespace Codec.Core.Codecs.Encodec;

/// <summary>
/// The config of a checkpoint: sizes from its shapes; what shapes cannot say (causality, padding, rates) from the config.json
/// beside it (Hugging Face's or the reference's constructor arguments), from audiocraft's xp.cfg inside it, or else from the published model that it looks like.
/// </summary>
public static class EncodecConfigReader
{
    /// <param name="canonical">See <see cref="EncodecKeys.Canonical"/>.</param>
    /// <exception cref="CheckpointException">No EnCodec, or sizes that contradict each other.</exception>
    public static EncodecConfig Read(Checkpoint canonical)
    {
        var seanet = SeanetShapes.Read(canonical) ?? throw new CheckpointException(canonical.FilePath, "is no EnCodec checkpoint: no SEANet encoder in it");
        var books = Enumerable.Range(0, 256).TakeWhile(k => canonical.Tensors.ContainsKey(BookKey(k))).Count();
        if (books == 0)
            throw new CheckpointException(canonical.FilePath, "is no EnCodec checkpoint: no codebooks in it");
        var config = Guess(seanet, books, (int)canonical.Tensors[BookKey(0)].Shape[0]);
        try
        {
            if (canonical.Metadata.GetValueOrDefault("xp.cfg") is string yaml)
                return FromYaml(config, yaml).Validate();
            if (canonical.Sibling("config.json") is { } file)
                return FromJson(config, JsonFile.Read(file)).Validate();
            return config.Validate();
        }
        catch (ConfigException e)
        {
            throw new CheckpointException(canonical.FilePath, $"its config: {e.Message}", e);
        }
    }

    /// <summary>Hugging Face's config.json, or the reference's constructor arguments; anything else changes nothing.</summary>
    public static EncodecConfig FromJson(EncodecConfig config, JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
            return config;
        if (Text(json, "model_type") == "encodec")
            return FromHub(config, json);
        return json.TryGetProperty("ratios", out _) && json.TryGetProperty("n_filters", out _) ? FromReference(config, json) : config;
    }

    private static EncodecConfig FromHub(EncodecConfig config, JsonElement json) => config with
    {
        SampleRate = (int)(Number(json, "sampling_rate") ?? config.SampleRate),
        Normalize = Flag(json, "normalize") ?? config.Normalize,
        SegmentSeconds = Number(json, "chunk_length_s"),
        Overlap = Number(json, "overlap") ?? config.Overlap,
        Bandwidths = Numbers(json, "target_bandwidths"),
        Seanet = config.Seanet with
        {
            Causal = Flag(json, "use_causal_conv") ?? true,
            PadMode = Mode(Text(json, "pad_mode") ?? "reflect"),
            DilationBase = (int)(Number(json, "dilation_growth_rate") ?? 2),
            TrimRightRatio = Number(json, "trim_right_ratio") ?? 1,
        },
    };

    private static EncodecConfig FromReference(EncodecConfig config, JsonElement json) => config with
    {
        SampleRate = (int)(Number(json, "sample_rate") ?? config.SampleRate),
        Normalize = Flag(json, "normalize") ?? false,
        SegmentSeconds = Number(json, "segment"),
        Overlap = Number(json, "overlap") ?? config.Overlap,
        Bandwidths = Numbers(json, "target_bandwidths"),
        Seanet = config.Seanet with
        {
            Causal = Flag(json, "causal") ?? false,
            PadMode = Mode(Text(json, "pad_mode") ?? "reflect"),
            DilationBase = (int)(Number(json, "dilation_base") ?? 2),
            TrimRightRatio = Number(json, "trim_right_ratio") ?? 1,
        },
    };

    /// <summary>The few lines of audiocraft's configuration that shapes cannot say.</summary>
    private static EncodecConfig FromYaml(EncodecConfig config, string yaml)
    {
        string? Value(string key) => Regex.Match(yaml, $@"^\s*{Regex.Escape(key)}:\s*([^\s$][^\s]*)\s*$", RegexOptions.Multiline, TimeSpan.FromSeconds(1)) is { Success: true } m ? m.Groups[1].Value : null;
        double? Real(string key) => double.TryParse(Value(key), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : null;
        return config with
        {
            SampleRate = (int)(Real("sample_rate") ?? config.SampleRate),
            Normalize = Value("renormalize") is "true",
            SegmentSeconds = null,
            Seanet = config.Seanet with
            {
                Causal = Value("causal") is "true",
                PadMode = Mode(Value("pad_mode") ?? "constant"),
                DilationBase = (int)(Real("dilation_base") ?? 2),
                TrimRightRatio = Real("trim_right_ratio") ?? 1,
            },
        };
    }

    /// <summary>The published models tell themselves apart by norm, channels and shortcut.</summary>
    private static EncodecConfig Guess(SeanetConfig seanet, int books, int codebookSize)
    {
        var stereo = seanet.TimeGroupNorm || seanet.Channels == 2;
        var music = !stereo && seanet.TrueSkip;
        return new EncodecConfig
        {
            Seanet = seanet with { Causal = !stereo && !music, PadMode = music ? PadMode.Zero : PadMode.Reflect },
            SampleRate = stereo ? 48000 : music ? 32000 : 24000,
            Books = books,
            CodebookSize = codebookSize,
            Normalize = stereo,
            SegmentSeconds = stereo ? 1 : null,
        };
    }

    private static string BookKey(int book) => $"quantizer.quantizers.{book}.codebook.weight";

    private static PadMode Mode(string name) => name switch
    {
        "reflect" => PadMode.Reflect,
        "constant" or "zeros" => PadMode.Zero,
        "replicate" or "edge" => PadMode.Replicate,
        _ => throw new ConfigException($"pad_mode: expected reflect, constant or replicate, found {name}"),
    };

    private static string? Text(JsonElement json, string name) => json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static double? Number(JsonElement json, string name) => json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;

    private static bool? Flag(JsonElement json, string name) => json.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : null;

    private static double[] Numbers(JsonElement json, string name)
        => json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Array
            ? value.EnumerateArray().Where(v => v.ValueKind == JsonValueKind.Number).Select(v => v.GetDouble()).ToArray() : [];
}
