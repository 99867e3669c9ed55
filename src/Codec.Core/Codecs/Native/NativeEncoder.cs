using Codec.Core.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Codecs.Native;

/// <summary>Audio to latent frames: log-magnitude spectra, stacked per frame, through causal blocks.</summary>
public sealed class NativeEncoder : nn.Module<Tensor, StreamState?, Tensor>
{
    private readonly Linear embed, project;
    private readonly LayerNorm embed_norm, norm;
    private readonly ConvNeXtStack stack;
    private readonly Tensor window;
    private readonly NativeConfig _config;

    // Log magnitudes of speech between digital silence and full scale, brought to about unit variance.
    // (Kept scalars: TorchSharp may collect one made in passing while libtorch still reads it.)
    private static readonly Scalar Floor = 1e-4, Offset = 2.0, Scale = 0.4;

    public NativeEncoder(NativeConfig config) : base(nameof(NativeEncoder))
    {
        _config = config;
        embed = nn.Linear(config.SpectraPerFrame * config.Bins, config.EncoderWidth);
        embed_norm = nn.LayerNorm(config.EncoderWidth);
        stack = new ConvNeXtStack(config.EncoderWidth, config.EncoderBlocks, config.Expansion, config.Kernel);
        norm = nn.LayerNorm(config.EncoderWidth);
        project = nn.Linear(config.EncoderWidth, config.LatentDim);
        window = hann_window(config.WindowLength);
        RegisterComponents();
    }

    /// <param name="audio_BS">[B, S], S a multiple of the hop.</param>
    /// <param name="state">Stream memory; null = offline, silence before the start.</param>
    /// <returns>[B, T, D], T = S / hop; frame t has seen samples before (t + 1) * hop only.</returns>
    public override Tensor forward(Tensor audio_BS, StreamState? state)
    {
        using var scope = NewDisposeScope();
        var (b, samples) = (audio_BS.shape[0], audio_BS.shape[1]);
        var context = _config.WindowLength - _config.StftHop;
        var past = state?.Slot(this, () => new TensorSlot(zeros(b, context, audio_BS.dtype, audio_BS.device)));
        var joined_BS = past is null ? F.pad(audio_BS, [context, 0]) : cat([past.Value, audio_BS], 1);
        past?.Set(joined_BS.narrow(1, joined_BS.shape[1] - context, context));

        var frames_BNW = joined_BS.unfold(1, _config.WindowLength, _config.StftHop) * window;
        var magnitude_BNF = fft.rfft(frames_BNW).abs();
        var log_BNF = magnitude_BNF.clamp_min(Floor).log().add(Offset).mul(Scale);
        var x_BTC = log_BNF.reshape(b, samples / _config.HopLength, _config.SpectraPerFrame * _config.Bins);
        x_BTC = stack.forward(embed_norm.forward(LinearFunction.Forward(embed, x_BTC, training)), state);
        return LinearFunction.Forward(project, norm.forward(x_BTC), training).MoveToOuterDisposeScope();
    }
}
