using Codec.Core.Layers;
using Codec.Core.Layers.Seanet;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Mimi;

/// <summary>The network. Checkpoint keys as published, but for the codebooks, which are stored as sums and counts.</summary>
public sealed class MimiModel : nn.Module
{
    private readonly SeanetEncoder encoder;
    private readonly SeanetDecoder decoder;
    private readonly MimiTransformer encoder_transformer, decoder_transformer;
    private readonly Downsampler downsample;
    private readonly Upsampler upsample;
    private readonly SplitQuantizer quantizer;

    public MimiModel(MimiConfig config) : base(nameof(MimiModel))
    {
        var width = config.Seanet.Dimension;
        encoder = new SeanetEncoder(config.Seanet);
        encoder_transformer = new MimiTransformer(config.Transformer, width);
        downsample = new Downsampler(width, config.Downsampling);
        quantizer = new SplitQuantizer(config);
        upsample = new Upsampler(width, config.Downsampling);
        decoder_transformer = new MimiTransformer(config.Transformer, width);
        decoder = new SeanetDecoder(config.Seanet);
        RegisterComponents();
        eval();
    }

    public SeanetEncoder Encoder => encoder;

    public SeanetDecoder Decoder => decoder;

    public MimiTransformer EncoderTransformer => encoder_transformer;

    public MimiTransformer DecoderTransformer => decoder_transformer;

    public SeanetConv1d Downsample => downsample.Conv;

    public SeanetConvTranspose1d Upsample => upsample.Convtr;

    public SplitQuantizer Quantizer => quantizer;

    /// <summary>Audio to latent by own kernels.</summary>
    /// <param name="audio_BSC">[B, S, 1], a multiple of the hop in all; any piece of it in a stream.</param>
    /// <param name="state">What the stream remembers; null: this is all audio.</param>
    /// <param name="ringBuffer">See <see cref="MimiConfig.RingBufferStreams"/>.</param>
    /// <returns>[B, T, D].</returns>
    public Tensor Encode(Tensor audio_BSC, StreamState? state, bool ringBuffer)
    {
        using var scope = NewDisposeScope();
        var frames_BTD = encoder.Run(audio_BSC, state);
        return downsample.Conv.Run(encoder_transformer.Run(frames_BTD, state, ringBuffer), state).MoveToOuterDisposeScope();
    }

    /// <summary>Quantized latent to audio by own kernels.</summary>
    /// <param name="latent_BTD">Frames without gaps.</param>
    /// <param name="state">What the stream remembers; null: these are all frames.</param>
    /// <param name="ringBuffer">See <see cref="MimiConfig.RingBufferStreams"/>.</param>
    /// <returns>[B, S, 1].</returns>
    public Tensor Decode(Tensor latent_BTD, StreamState? state, bool ringBuffer)
    {
        using var scope = NewDisposeScope();
        var frames_BTD = upsample.Convtr.Run(latent_BTD, state);
        return decoder.Run(decoder_transformer.Run(frames_BTD, state, ringBuffer), state).MoveToOuterDisposeScope();
    }

    /// <summary>Keys: conv.conv.conv.weight.</summary>
    private sealed class Downsampler : nn.Module
    {
        private readonly SeanetConv1d conv;

        public Downsampler(int width, int factor) : base(nameof(Downsampler))
        {
            conv = new SeanetConv1d(new SeanetConvConfig(width, width, 2 * factor) { Stride = factor, Bias = false, Causal = true, PadMode = PadMode.Replicate });
            RegisterComponents();
        }

        public SeanetConv1d Conv => conv;
    }

    /// <summary>Keys: convtr.convtr.convtr.weight.</summary>
    private sealed class Upsampler : nn.Module
    {
        private readonly SeanetConvTranspose1d convtr;

        public Upsampler(int width, int factor) : base(nameof(Upsampler))
        {
            convtr = new SeanetConvTranspose1d(new SeanetConvConfig(width, width, 2 * factor) { Stride = factor, Bias = false, Causal = true, Depthwise = true });
            RegisterComponents();
        }

        public SeanetConvTranspose1d Convtr => convtr;
    }
}
