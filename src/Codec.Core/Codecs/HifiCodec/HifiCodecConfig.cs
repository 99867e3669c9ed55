using System.Text.Json;
using Codec.Audio;

namespace Codec.Core.Codecs.HifiCodec;

/// <summary>Shape of a HiFi-Codec model (Yang et al. 2023, arXiv 2305.02765).</summary>
public sealed record HifiCodecConfig
{
    /// <summary>Hz.</summary>
    public required int SampleRate { get; init; }

    /// <summary>Strides of the generator, coarsest first; the encoder mirrors them.</summary>
    public IReadOnlyList<int> Rates { get; init; } = [8, 5, 4, 2];

    /// <summary>Kernels of the strided convolutions.</summary>
    public IReadOnlyList<int> Kernels { get; init; } = [16, 11, 8, 4];

    /// <summary>Channels of the first generator layer; every stride halves them.</summary>
    public int InitialChannels { get; init; } = 512;

    /// <summary>Kernels of the residual blocks behind every stride.</summary>
    public IReadOnlyList<int> BlockKernels { get; init; } = [3, 7, 11];

    /// <summary>Dilations within each residual block.</summary>
    public IReadOnlyList<IReadOnlyList<int>> BlockDilations { get; init; } = [[1, 3, 5], [1, 3, 5], [1, 3, 5]];

    /// <summary>Residual blocks with a second convolution behind every dilated one.</summary>
    public bool DoubleBlocks { get; init; } = true;

    /// <summary>Channel groups, each with its own codebooks.</summary>
    public int Groups { get; init; } = 2;

    public int CodebookSize { get; init; } = 1024;

    /// <summary>Channels of the first encoder layer; every stride doubles them.</summary>
    public int EncoderChannels { get; init; } = 32;

    /// <summary>Channels of a group of the encoder's norms.</summary>
    public int NormChannels { get; init; } = 16;

    /// <summary>Channels of the latent.</summary>
    public int Latent => EncoderChannels << Rates.Count;

    /// <summary>Samples per frame.</summary>
    public int HopLength => Rates.Aggregate(1, (a, b) => a * b);

    /// <exception cref="ConfigException">A value is out of range or contradicts another.</exception>
    public HifiCodecConfig Validate()
    {
        Require.InRange(SampleRate, 1000, 768_000);
        Require.That(Rates.Count is > 0 and <= 12 && Rates.All(r => r is > 0 and <= 1024), nameof(Rates), "1 to 12 strides from 1 to 1024", string.Join(",", Rates));
        Require.That(Kernels.Count == Rates.Count && Kernels.Zip(Rates).All(p => p.First >= p.Second && p.First <= 4096 && (p.First - p.Second) % 2 == 0), nameof(Kernels), "one per stride, larger by an even number", string.Join(",", Kernels));
        Require.InRange(InitialChannels, 1 << Rates.Count, 65_536);
        Require.InRange(EncoderChannels, 1, 4096);
        Require.That(BlockKernels.Count == BlockDilations.Count && BlockKernels.All(k => k is > 0 and < 1024 && k % 2 == 1), nameof(BlockKernels), "odd, one per list of dilations", string.Join(",", BlockKernels));
        Require.That(Groups > 0 && Latent % Groups == 0, nameof(Groups), $"a divisor of {Latent}", Groups);
        Require.InRange(CodebookSize, 2, 1 << 20);
        Require.That(NormChannels > 0 && 2 * EncoderChannels % NormChannels == 0, nameof(NormChannels), $"a divisor of {2 * EncoderChannels}", NormChannels);
        return this;
    }

    /// <summary>Reads the published config.json, or sizes that say where they differ from the published ones.</summary>
    /// <exception cref="ConfigException">A value is missing or out of range.</exception>
    public static HifiCodecConfig Read(JsonElement json)
    {
        var fields = new JsonFields(json);
        return new HifiCodecConfig
        {
            SampleRate = fields.Int("sampling_rate", 24_000), Rates = fields.Ints("upsample_rates", [8, 5, 4, 2]),
            Kernels = fields.Ints("upsample_kernel_sizes", [16, 11, 8, 4]), InitialChannels = fields.Int("upsample_initial_channel", 512),
            BlockKernels = fields.Ints("resblock_kernel_sizes", [3, 7, 11]),
            BlockDilations = fields.IntLists("resblock_dilation_sizes", [[1, 3, 5], [1, 3, 5], [1, 3, 5]]),
            DoubleBlocks = fields.Text("resblock", "1") == "1", Groups = fields.Int("n_code_groups", 2), CodebookSize = fields.Int("n_codes", 1024),
            EncoderChannels = fields.Int("encoder_base_channels", 32), NormChannels = fields.Int("groupnorm_channels_per_group", 16),
        };
    }
}
