using Codec.Training.Codecs;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Losses;

/// <summary>The weighted reconstruction terms of a codec: mel, STFT, waveform.</summary>
public sealed class ReconstructionLoss : IDisposable
{
    private readonly LossConfig _config;
    private readonly MelLoss _mel;
    private readonly StftLoss? _stft;

    public ReconstructionLoss(int sampleRate, LossConfig config, Device device)
    {
        _config = config;
        _mel = new MelLoss(sampleRate, config.MelWindows, config.MelBands, device);
        _stft = config.Stft > 0 ? new StftLoss(config.StftWindows, device) : null;
    }

    /// <param name="output_BS">Audio under training, [B, S].</param>
    /// <param name="target_BS">Same shape.</param>
    /// <param name="values">Takes the unweighted terms by name.</param>
    /// <returns>Scalar, weighted.</returns>
    public Tensor Compute(Tensor output_BS, Tensor target_BS, IDictionary<string, double> values)
    {
        var mel = _mel.Compute(output_BS, target_BS);
        values["mel"] = mel.item<float>();
        var total = mel * _config.Mel;
        if (_stft is not null)
        {
            var stft = _stft.Compute(output_BS, target_BS);
            values["stft"] = stft.item<float>();
            total = total + stft * _config.Stft;
        }
        if (_config.Waveform > 0)
        {
            var waveform = (output_BS - target_BS).abs().mean();
            values["waveform"] = waveform.item<float>();
            total = total + waveform * _config.Waveform;
        }
        return total;
    }

    public void Dispose()
    {
        _mel.Dispose();
        _stft?.Dispose();
    }
}
