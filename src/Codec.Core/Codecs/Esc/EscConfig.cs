using System.Text.Json;
using Codec.Audio;

namespace Codec.Core.Codecs.Esc;

/// <summary>What the layers of an ESC model are.</summary>
public enum EscBackbone
{
    /// <summary>Windowed attention (Swin).</summary>
    Transformer,

    /// <summary>Convolutions that see the present and the previous column.</summary>
    Convolution,
}

/// <summary>Shape of an ESC model (Gu and Diao 2024, arXiv 2404.19441). Defaults: the published base model.</summary>
public sealed record EscConfig
{
    /// <summary>Hz.</summary>
    public int SampleRate { get; init; } = 16_000;

    /// <summary>Frequency bins of the spectrum; the transform is 2 (bins - 1) samples long.</summary>
    public int Bins { get; init; } = 192;

    /// <summary>Milliseconds of the window.</summary>
    public int WindowMilliseconds { get; init; } = 20;

    /// <summary>Milliseconds from column to column of the spectrum.</summary>
    public int HopMilliseconds { get; init; } = 5;

    /// <summary>Channels of every scale, finest first; every scale halves the rows.</summary>
    public IReadOnlyList<int> Channels { get; init; } = [45, 72, 96, 144, 192, 384];

    /// <summary>Bins of a patch.</summary>
    public int PatchBins { get; init; } = 3;

    /// <summary>Spectrum columns of a patch.</summary>
    public int PatchColumns { get; init; } = 2;

    public EscBackbone Backbone { get; init; } = EscBackbone.Transformer;

    /// <summary>Attention heads of every scale but the coarsest, finest first.</summary>
    public IReadOnlyList<int> Heads { get; init; } = [3, 6, 12, 24, 24];

    /// <summary>Attention blocks per layer; every second one works on shifted windows.</summary>
    public int Depth { get; init; } = 2;

    /// <summary>Rows and columns of an attention window.</summary>
    public int Window { get; init; } = 4;

    /// <summary>Width of the feed-forward layers over that of the block.</summary>
    public double MlpRatio { get; init; } = 4;

    /// <summary>Kernel of the scaling convolutions, rows and columns.</summary>
    public IReadOnlyList<int> Kernel { get; init; } = [5, 2];

    /// <summary>Residual units per convolution layer.</summary>
    public int ConvolutionDepth { get; init; } = 1;

    /// <summary>Patch columns that are quantized together.</summary>
    public int Overlap { get; init; } = 2;

    /// <summary>Codebooks of a stream, each for its share of the vector.</summary>
    public int Groups { get; init; } = 3;

    public int CodebookSize { get; init; } = 1024;

    /// <summary>D of the entries, one per stream, coarsest first.</summary>
    public IReadOnlyList<int> CodebookDimensions { get; init; } = [32, 32, 16, 12, 8, 6];

    /// <summary>Whether directions are compared.</summary>
    public bool Normalize { get; init; } = true;

    /// <summary>Scales; each adds one stream of codes.</summary>
    public int Streams => Channels.Count;

    /// <summary>Rows of the finest scale.</summary>
    public int Rows => Bins / PatchBins;

    /// <summary>Samples from column to column of the spectrum.</summary>
    public int ColumnHop => HopMilliseconds * SampleRate / 1000;

    /// <summary>Samples of the window.</summary>
    public int WindowLength => WindowMilliseconds * SampleRate / 1000;

    /// <summary>Spectrum columns per frame of codes.</summary>
    public int ColumnsPerFrame => PatchColumns * Overlap;

    /// <summary>Samples per frame of codes.</summary>
    public int HopLength => ColumnHop * ColumnsPerFrame;

    /// <summary>Channels x rows of a scale, 0 = finest.</summary>
    public int VectorLength(int scale) => Channels[scale] * (Rows >> scale);

    /// <exception cref="ConfigException">A value is out of range.</exception>
    public EscConfig Validate()
    {
        Require.InRange(SampleRate, 1000, 768_000);
        Require.InRange(Bins, 2, 1 << 16);
        Require.InRange(PatchBins, 1, Bins);
        Require.InRange(PatchColumns, 1, 64);
        Require.InRange(Overlap, 1, 64);
        Require.InRange(Channels.Count, 2, 12);
        Require.That(Channels.All(c => c is > 0 and <= 8192), nameof(Channels), "1 to 8192 each", string.Join(",", Channels));
        Require.That(Bins % PatchBins == 0 && Rows % (1 << (Streams - 1)) == 0, nameof(Bins), $"a multiple of {PatchBins} x 2^{Streams - 1}", Bins);
        Require.That(ColumnHop > 0 && WindowLength >= ColumnHop && WindowLength <= 2 * (Bins - 1), nameof(WindowMilliseconds),
            $"between the hop and the {2 * (Bins - 1)} samples of the transform", WindowMilliseconds);
        Require.InRange(Groups, 1, 64);
        Require.InRange(CodebookSize, 2, 1 << 20);
        Require.That(CodebookDimensions.Count >= Streams && CodebookDimensions.All(d => d is > 0 and <= 4096), nameof(CodebookDimensions),
            $"one per stream ({Streams})", string.Join(",", CodebookDimensions));
        return Backbone == EscBackbone.Transformer ? ValidateAttention() : ValidateConvolutions();
    }

    private EscConfig ValidateAttention()
    {
        Require.InRange(Depth, 1, 64);
        Require.InRange(Window, 2, 64);
        Require.That(MlpRatio is > 0 and <= 64, nameof(MlpRatio), "in (0, 64]", MlpRatio);
        Require.That(Heads.Count >= Streams - 1 && Heads.All(h => h > 0), nameof(Heads), $"one per scale but the coarsest ({Streams - 1})", string.Join(",", Heads));
        for (var i = 0; i < Streams - 1; i++)
            Require.That(Channels[i] % Heads[i] == 0 && Channels[i + 1] % Heads[i] == 0, nameof(Heads), $"a divisor of {Channels[i]} and {Channels[i + 1]}", Heads[i]);
        return this;
    }

    private EscConfig ValidateConvolutions()
    {
        Require.That(Kernel.Count == 2 && Kernel[0] is >= 5 and < 64 && Kernel[1] is >= 2 and < 64, nameof(Kernel), "two sizes of at least 5 and 2", string.Join(",", Kernel));
        Require.InRange(ConvolutionDepth, 1, 64);
        return this;
    }

    /// <summary>Reads the constructor arguments of the published code.</summary>
    /// <exception cref="ConfigException">A value is missing or out of range.</exception>
    public static EscConfig Read(JsonElement json)
    {
        var fields = new JsonFields(json).ObjectOrThis("model");
        var (published, patch) = (new EscConfig(), fields.Ints("patch_size", [3, 2]));
        Require.That(patch.Count == 2, "patch_size", "two numbers", patch.Count);
        return new EscConfig
        {
            SampleRate = fields.Int("sr", published.SampleRate), Bins = fields.Int("in_freq", published.Bins),
            WindowMilliseconds = fields.Int("win_len", published.WindowMilliseconds), HopMilliseconds = fields.Int("hop_len", published.HopMilliseconds),
            Channels = fields.Ints("h_dims", published.Channels), PatchBins = patch[0], PatchColumns = patch[1],
            Backbone = fields.Text("backbone", "transformer") == "convolution" ? EscBackbone.Convolution : EscBackbone.Transformer,
            Heads = fields.Ints("swin_heads", published.Heads), Depth = fields.Int("swin_depth", published.Depth), Window = fields.Int("window_size", published.Window),
            MlpRatio = fields.Double("mlp_ratio", published.MlpRatio), Kernel = fields.Ints("kernel_size", published.Kernel),
            ConvolutionDepth = fields.Int("conv_depth", published.ConvolutionDepth), Overlap = fields.Int("overlap", published.Overlap),
            Groups = fields.Int("group_size", published.Groups), CodebookSize = fields.Int("codebook_size", published.CodebookSize),
            CodebookDimensions = fields.Ints("codebook_dims", published.CodebookDimensions), Normalize = fields.Flag("l2norm", published.Normalize),
        };
    }
}
