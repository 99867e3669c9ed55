using System.Text.Json;
using Codec.Audio;
using Codec.Core.Layers;

namespace Codec.Core.Codecs.Vocos;

/// <summary>How a Vocos head turns features into samples.</summary>
public enum VocosHeadKind
{
    /// <summary>Magnitude and phase of an STFT.</summary>
    Stft,

    /// <summary>MDCT coefficients through sign(x)(exp|x| - 1).</summary>
    ImdctSymExp,

    /// <summary>MDCT coefficients as exp(m) cos(p).</summary>
    ImdctCos,
}

/// <summary>The ConvNeXt stack that Vocos, WavTokenizer and Language-Codec share.</summary>
public sealed record VocosBackboneConfig
{
    /// <summary>Channels of the features.</summary>
    public required int InputChannels { get; init; }

    public required int Dim { get; init; }

    /// <summary>Inner channels of a ConvNeXt block.</summary>
    public required int IntermediateDim { get; init; }

    /// <summary>ConvNeXt blocks.</summary>
    public required int Layers { get; init; }

    /// <summary>Rows of the adaptive layer norms, one per bandwidth; null: plain layer norms.</summary>
    public int? AdaNormEmbeddings { get; init; }

    /// <summary>Residual blocks and attention in front of the ConvNeXt blocks (WavTokenizer).</summary>
    public bool PositionNet { get; init; }

    /// <exception cref="ConfigException">A value is out of range.</exception>
    public VocosBackboneConfig Validate()
    {
        Require.InRange(InputChannels, 1, 65_536);
        Require.InRange(Dim, 1, 65_536);
        Require.InRange(IntermediateDim, 1, 1 << 18);
        Require.InRange(Layers, 0, 256);
        Require.InRange(AdaNormEmbeddings ?? 1, 1, 4096, nameof(AdaNormEmbeddings));
        Require.That(!PositionNet || Dim % 32 == 0, nameof(Dim), "a multiple of 32 with a position net", Dim);
        return this;
    }

    /// <summary>Reads the constructor arguments of the published code.</summary>
    internal static VocosBackboneConfig Read(JsonFields fields, int inputChannels, bool positionNet = false) => new VocosBackboneConfig
    {
        InputChannels = fields.Int("input_channels", inputChannels), Dim = fields.Int("dim", 512), IntermediateDim = fields.Int("intermediate_dim", 1536),
        Layers = fields.Int("num_layers", 8), AdaNormEmbeddings = fields.IntOrNull("adanorm_num_embeddings"), PositionNet = positionNet,
    }.Validate();
}

/// <summary>The layer from features to samples.</summary>
public sealed record VocosHeadConfig
{
    public VocosHeadKind Kind { get; init; }

    public required int Dim { get; init; }

    /// <summary>Length of the STFT window or of an MDCT frame.</summary>
    public required int FrameLength { get; init; }

    /// <summary>Samples from frame to frame; of an MDCT half its frame.</summary>
    public required int HopLength { get; init; }

    public FramePadding Padding { get; init; } = FramePadding.Same;

    /// <exception cref="ConfigException">A value is out of range.</exception>
    public VocosHeadConfig Validate()
    {
        Require.InRange(FrameLength, 4, 1 << 16);
        Require.InRange(HopLength, 1, FrameLength);
        Require.That(Kind == VocosHeadKind.Stft || FrameLength == 2 * HopLength, nameof(HopLength), "half the frame of an MDCT", HopLength);
        return this;
    }

    /// <summary>Reads the constructor arguments of the published code.</summary>
    internal static VocosHeadConfig Read(JsonFields fields, string className)
    {
        var mdct = fields.IntOrNull("mdct_frame_len");
        return new VocosHeadConfig
        {
            Kind = className switch
            {
                "ISTFTHead" => VocosHeadKind.Stft,
                "IMDCTSymExpHead" => VocosHeadKind.ImdctSymExp,
                "IMDCTCosHead" => VocosHeadKind.ImdctCos,
                _ => throw new ConfigException($"head: expected ISTFTHead, IMDCTSymExpHead or IMDCTCosHead, found {className}"),
            },
            Dim = fields.Int("dim", 512), FrameLength = mdct ?? fields.Int("n_fft", 1024), HopLength = mdct / 2 ?? fields.Int("hop_length", 256),
            Padding = ReadPadding(fields),
        }.Validate();
    }

    /// <summary>"same" or "center".</summary>
    internal static FramePadding ReadPadding(JsonFields fields) => fields.Text("padding", "same") switch
    {
        "same" => FramePadding.Same,
        "center" => FramePadding.Center,
        var other => throw new ConfigException($"padding: expected same or center, found {other}"),
    };
}

/// <summary>Mel features.</summary>
public sealed record VocosMelConfig
{
    /// <summary>Hz.</summary>
    public int SampleRate { get; init; } = 24_000;

    public int FrameLength { get; init; } = 1024;

    public int HopLength { get; init; } = 256;

    public int Bands { get; init; } = 100;

    public FramePadding Padding { get; init; } = FramePadding.Center;

    /// <summary>Reads the constructor arguments of the published code.</summary>
    internal static VocosMelConfig Read(JsonFields fields) => new()
    {
        SampleRate = fields.Int("sample_rate", 24_000), FrameLength = fields.Int("n_fft", 1024), HopLength = fields.Int("hop_length", 256),
        Bands = fields.Int("n_mels", 100), Padding = VocosHeadConfig.ReadPadding(fields),
    };
}

/// <summary>A whole Vocos model (Siuzdak 2023, arXiv 2306.00814).</summary>
public sealed record VocosConfig
{
    /// <summary>Mel features; null for a model that decodes EnCodec codes.</summary>
    public VocosMelConfig? Mel { get; init; }

    /// <summary>kbit/s of the EnCodec codes, one per row of the adaptive norms.</summary>
    public IReadOnlyList<double> Bandwidths { get; init; } = [];

    public required VocosBackboneConfig Backbone { get; init; }

    public required VocosHeadConfig Head { get; init; }

    /// <summary>Reads a configuration: the published YAML as JSON (class_path and init_args), or plain arguments.</summary>
    /// <exception cref="ConfigException">A value is missing or out of range.</exception>
    public static VocosConfig Read(JsonElement json)
    {
        var fields = new JsonFields(json);
        var features = fields.ObjectOrNull("feature_extractor");
        var args = features?.ObjectOrThis("init_args");
        var mel = args is not null && (args.Has("n_mels") || features!.Text("class_path", "").EndsWith("MelSpectrogramFeatures", StringComparison.Ordinal))
            ? VocosMelConfig.Read(args) : null;
        var backbone = fields.ObjectOrNull("backbone") ?? throw new ConfigException("backbone: expected an object, found nothing");
        var head = fields.ObjectOrNull("head") ?? throw new ConfigException("head: expected an object, found nothing");
        return new VocosConfig
        {
            Mel = mel, Bandwidths = (args ?? fields).Doubles("bandwidths", []),
            Backbone = VocosBackboneConfig.Read(backbone.ObjectOrThis("init_args"), mel?.Bands ?? 128),
            Head = VocosHeadConfig.Read(head.ObjectOrThis("init_args"), head.Text("class_path", fields.Text("head_class", "ISTFTHead")).Split('.')[^1]),
        };
    }
}
