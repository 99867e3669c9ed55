using System.Text.Json;
using Codec.Audio;

namespace Codec.Core.Codecs.Lfsc;

/// <summary>The activation of a low-frame-rate codec's layers.</summary>
public enum LfscActivation
{
    /// <summary>Leaky ReLU with libtorch's own slope, 0.01.</summary>
    LeakyRelu,

    Elu,

    /// <summary>Snake with a learned frequency per channel.</summary>
    Snake,
}

/// <summary>Shape of a low-frame-rate speech codec (Casanova et al. 2024, arXiv 2409.12117). Defaults: the published model.</summary>
public sealed record LfscConfig
{
    /// <summary>Hz.</summary>
    public int SampleRate { get; init; } = 22_050;

    /// <summary>Strides of the decoder, coarsest first; the encoder mirrors them.</summary>
    public IReadOnlyList<int> Rates { get; init; } = [8, 8, 4, 2, 2];

    /// <summary>Channels of the first encoder layer; every stride doubles them.</summary>
    public int EncoderChannels { get; init; } = 48;

    /// <summary>Channels of the first decoder layer; every stride halves them.</summary>
    public int DecoderChannels { get; init; } = 1024;

    /// <summary>Kernels of the first layer of both sides, the encoder's last, and the decoder's last.</summary>
    public int InputKernel { get; init; } = 7;

    public int LatentKernel { get; init; } = 7;

    public int OutputKernel { get; init; } = 3;

    /// <summary>Kernels of the parallel residual blocks.</summary>
    public IReadOnlyList<int> BlockKernels { get; init; } = [3, 7, 11];

    /// <summary>Dilations of the encoder's residual blocks.</summary>
    public IReadOnlyList<int> EncoderDilations { get; init; } = [1];

    /// <summary>Dilations of the decoder's residual blocks.</summary>
    public IReadOnlyList<int> DecoderDilations { get; init; } = [1, 3, 5];

    public LfscActivation Activation { get; init; } = LfscActivation.LeakyRelu;

    /// <summary>Bounds the waveform by tanh; else by cutting.</summary>
    public bool BoundByTanh { get; init; } = true;

    /// <summary>Groups of latent channels, one book each.</summary>
    public int Groups { get; init; } = 8;

    /// <summary>Levels of the scalars of a group.</summary>
    public IReadOnlyList<int> Levels { get; init; } = [8, 7, 6, 6];

    /// <summary>Samples per frame.</summary>
    public int HopLength => Rates.Aggregate(1, (a, b) => a * b);

    /// <summary>Channels of the latent.</summary>
    public int Latent => Groups * Levels.Count;

    /// <exception cref="ConfigException">A value is out of range.</exception>
    public LfscConfig Validate()
    {
        Require.InRange(SampleRate, 1000, 768_000);
        Require.That(Rates.Count is > 0 and < 12 && Rates.All(r => r is >= 1 and <= 1024) && Rates.Aggregate(1L, (a, b) => a * b) <= 1 << 20,
            nameof(Rates), "1 to 11 strides of 1 to 1024", string.Join(",", Rates));
        Require.InRange(EncoderChannels, 1, 4096);
        Require.InRange(DecoderChannels, 1 << Rates.Count, 65_536);
        foreach (var kernel in new[] { InputKernel, LatentKernel, OutputKernel }.Concat(BlockKernels))
            Require.That(kernel is > 0 and < 1024 && kernel % 2 == 1, nameof(BlockKernels), "odd kernels below 1024", kernel);
        Require.That(BlockKernels.Count > 0, nameof(BlockKernels), "at least one", BlockKernels.Count);
        Require.That(EncoderDilations.Concat(DecoderDilations).All(d => d is > 0 and <= 4096) && EncoderDilations.Count > 0 && DecoderDilations.Count > 0,
            nameof(DecoderDilations), "1 to 4096", string.Join(",", DecoderDilations));
        Require.InRange(Groups, 1, 256);
        Require.That(Levels.Count is > 0 and <= 64 && Levels.All(l => l is >= 2 and <= 4096) && Levels.Aggregate(1L, (a, b) => a * b) <= 1 << 20,
            nameof(Levels), "at least 2 each and a product of at most 2^20", string.Join(",", Levels));
        return this;
    }

    /// <summary>Reads the published model configuration (as JSON).</summary>
    /// <exception cref="ConfigException">A value is missing or out of range.</exception>
    public static LfscConfig Read(JsonElement json)
    {
        var (root, published) = (new JsonFields(json), new LfscConfig());
        var (encoder, decoder, quantizer) = (root.ObjectOrThis("audio_encoder"), root.ObjectOrThis("audio_decoder"), root.ObjectOrThis("vector_quantizer"));
        return new LfscConfig
        {
            SampleRate = root.Int("sample_rate", published.SampleRate), Rates = decoder.Ints("up_sample_rates", [8, 8, 2, 2]),
            EncoderChannels = encoder.Int("base_channels", 32), DecoderChannels = decoder.Int("base_channels", 512),
            InputKernel = encoder.Int("in_kernel_size", published.InputKernel), LatentKernel = encoder.Int("out_kernel_size", published.LatentKernel),
            OutputKernel = decoder.Int("out_kernel_size", published.OutputKernel), BlockKernels = decoder.Ints("resblock_kernel_sizes", published.BlockKernels),
            EncoderDilations = encoder.Ints("resblock_dilation_sizes", [1, 3, 5]), DecoderDilations = decoder.Ints("resblock_dilation_sizes", [1, 3, 5]),
            Activation = decoder.Text("activation", "lrelu") switch
            {
                "lrelu" => LfscActivation.LeakyRelu,
                "elu" => LfscActivation.Elu,
                "snake" => LfscActivation.Snake,
                var other => throw new ConfigException($"activation: expected lrelu, elu or snake, found {other}"),
            },
            BoundByTanh = decoder.Text("output_activation", "tanh") == "tanh",
            Groups = quantizer.Int("num_groups", published.Groups), Levels = quantizer.Ints("num_levels_per_group", published.Levels),
        };
    }
}
