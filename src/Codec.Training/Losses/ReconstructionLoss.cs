using Codec.Training.Codecs;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Losses;

/// <summary>One term of a loss.</summary>
/// <param name="Name">In logs and saved state.</param>
/// <param name="Loss">Scalar, unweighted.</param>
/// <param name="Weight">Its weight, or its share where the gradients are balanced.</param>
public sealed record LossTerm(string Name, Tensor Loss, double Weight);

/// <summary>The weighted reconstruction terms of a codec: mel, loudness, STFT, waveform.</summary>
public sealed class ReconstructionLoss : IDisposable
{
    private readonly LossConfig _config;
    private readonly MelLoss _mel;
    private readonly LoudnessLoss? _loudness;
    private readonly StftLoss? _stft;

    public ReconstructionLoss(int sampleRate, LossConfig config, Device device)
    {
        _config = config;
        _mel = new MelLoss(sampleRate, config.MelWindows, config.MelBands, device);
        _loudness = config.Loudness > 0 ? new LoudnessLoss(sampleRate, device) : null;
        _stft = config.Stft > 0 ? new StftLoss(config.StftWindows, device) : null;
    }

    /// <param name="output_BS">Audio under training, [B, S].</param>
    /// <param name="target_BS">Same shape.</param>
    /// <param name="values">Takes the unweighted terms by name.</param>
    /// <returns>Unweighted terms with their weights.</returns>
    public IReadOnlyList<LossTerm> Compute(Tensor output_BS, Tensor target_BS, IDictionary<string, double> values)
    {
        var terms = new List<LossTerm>();
        void Add(string name, double weight, Func<Tensor> compute)
        {
            if (weight <= 0)
                return;
            var loss = compute();
            values[name] = loss.item<float>();
            terms.Add(new LossTerm(name, loss, weight));
        }
        Add("mel", _config.Mel, () => _mel.Compute(output_BS, target_BS));
        Add("loudness", _config.Loudness, () => _loudness!.Compute(output_BS, target_BS));
        Add("stft", _config.Stft, () => _stft!.Compute(output_BS, target_BS));
        Add("waveform", _config.Waveform, () => (output_BS - target_BS).abs().mean());
        return terms;
    }

    public void Dispose()
    {
        _mel.Dispose();
        _loudness?.Dispose();
        _stft?.Dispose();
    }
}
