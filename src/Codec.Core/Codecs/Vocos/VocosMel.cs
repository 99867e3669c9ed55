using Codec.Core.Layers;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Codecs.Vocos;

/// <summary>
/// Log-mel features: magnitudes through HTK triangles without area normalisation. Keys of the published checkpoints:
/// mel_spec.spectrogram.window, mel_spec.mel_scale.fb.
/// </summary>
public sealed class VocosMel : nn.Module<Tensor, Tensor>
{
    private const double Floor = 1e-7;

    private readonly MelSpectrum mel_spec;

    public VocosMel(VocosMelConfig config) : base(nameof(VocosMel))
    {
        mel_spec = new MelSpectrum(config);
        RegisterComponents();
    }

    /// <param name="audio_BS">[B, S].</param>
    /// <returns>[B, Bands, T]: natural logarithm of the mel magnitudes.</returns>
    public override Tensor forward(Tensor audio_BS)
    {
        using var scope = NewDisposeScope();
        return Linear(audio_BS).clamp_min(Floor).log().MoveToOuterDisposeScope();
    }

    /// <summary>Mel magnitudes [B, Bands, T].</summary>
    public Tensor Linear(Tensor audio_BS) => mel_spec.forward(audio_BS);

    private sealed class MelSpectrum : nn.Module<Tensor, Tensor>
    {
        private readonly StoredWindow spectrogram;
        private readonly StoredBank mel_scale;
        private readonly VocosMelConfig _config;

        public MelSpectrum(VocosMelConfig config) : base(nameof(MelSpectrum))
        {
            _config = config;
            spectrogram = new StoredWindow(config.FrameLength);
            mel_scale = new StoredBank(config);
            RegisterComponents();
        }

        public override Tensor forward(Tensor audio_BS)
        {
            using var scope = NewDisposeScope();
            var center = _config.Padding == FramePadding.Center;
            var pad = center ? _config.FrameLength / 2 : (_config.FrameLength - _config.HopLength) / 2;
            var padded = F.pad(audio_BS.unsqueeze(1), [pad, pad], PaddingModes.Reflect).squeeze(1);
            var spectrum = stft(padded, _config.FrameLength, _config.HopLength, _config.FrameLength, spectrogram.window,
                center: false, normalized: false, onesided: true, return_complex: true);
            return mel_scale.fb.t().matmul(spectrum.abs()).MoveToOuterDisposeScope();
        }

        private sealed class StoredWindow : nn.Module
        {
            public readonly Tensor window;

            public StoredWindow(int size) : base(nameof(StoredWindow))
            {
                window = hann_window(size).DetachFromDisposeScope();
                RegisterComponents();
            }
        }

        private sealed class StoredBank : nn.Module
        {
            public readonly Tensor fb;

            public StoredBank(VocosMelConfig config) : base(nameof(StoredBank))
            {
                fb = HtkTriangles(config.FrameLength / 2 + 1, config.Bands, config.SampleRate).DetachFromDisposeScope();
                RegisterComponents();
            }
        }
    }

    /// <summary>[bins, bands] triangles with corners evenly spaced in 2595 log10(1 + f / 700), peak 1.</summary>
    private static Tensor HtkTriangles(int bins, int bands, int sampleRate)
    {
        static double Mel(double hz) => 2595 * Math.Log10(1 + hz / 700);
        var nyquist = sampleRate / 2.0;
        var corners = Enumerable.Range(0, bands + 2).Select(i => 700 * (Math.Pow(10, Mel(nyquist) * i / (bands + 1) / 2595) - 1)).ToArray();
        var values = new float[bins * bands];
        for (var bin = 0; bin < bins; bin++)
        {
            var hz = nyquist * bin / (bins - 1);
            for (var band = 0; band < bands; band++)
            {
                var up = (hz - corners[band]) / (corners[band + 1] - corners[band]);
                var down = (corners[band + 2] - hz) / (corners[band + 2] - corners[band + 1]);
                values[bin * bands + band] = (float)Math.Max(0, Math.Min(up, down));
            }
        }
        return tensor(values, [bins, bands]);
    }
}
