using System.Runtime.InteropServices;
using Codec.Core.Codecs.Native;
using Codec.Evaluation.Metrics;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Training.Losses;

/// <summary>
/// Cross-entropy of the fundamental frequencies that a decoder tells for its excitation against those that YIN finds in the original
/// (<see cref="PitchTracker"/>), with targets blurred over neighbouring classes (CREPE, Kim et al. 2018).
/// </summary>
public sealed class PitchLoss(NativeConfig config, ExcitationConfig excitation)
{
    // The tracker compares what lies in two windows some periods apart: the middle of what it sees, in its frames of 10 ms.
    private const double TrackerMiddle = 2;

    /// <param name="pitch_BNC">Scores of the classes and of "unvoiced" for every spectrum of the decoded audio with its delay.</param>
    /// <param name="target_BS">The original.</param>
    /// <returns>Mean over the spectra that the original covers; scalar.</returns>
    public Tensor Compute(Tensor pitch_BNC, Tensor target_BS)
    {
        using var scope = NewDisposeScope();
        var (b, n, c) = ((int)pitch_BNC.shape[0], (int)pitch_BNC.shape[1], (int)pitch_BNC.shape[2]);
        using var flat_BS = target_BS.detach().cpu().contiguous();
        var samples = MemoryMarshal.Cast<byte, float>(flat_BS.bytes);
        var length = samples.Length / b;
        var (targets, judged) = (new float[b * n * c], 0);
        for (var item = 0; item < b; item++)
        {
            var hertz = PitchTracker.Track(samples.Slice(item * length, length), config.SampleRate);
            for (var i = 0; i < n; i++)
                if (Frame(i) is var frame && frame >= 0 && frame < hertz.Length)
                {
                    Fill(targets.AsSpan((item * n + i) * c, c), hertz[frame]);
                    judged++;
                }
        }
        var target_BNC = tensor(targets, [b, n, c], device: pitch_BNC.device);
        return ((F.log_softmax(pitch_BNC, 2) * target_BNC).sum() / -Math.Max(1, judged)).MoveToOuterDisposeScope();
    }

    /// <summary>Frame of the tracker whose middle is next to that of a spectrum.</summary>
    private int Frame(int spectrum)
    {
        var middle = (double)spectrum * config.StftHop + config.WindowLength / 2.0 - config.DelaySamples;
        return (int)Math.Round(middle * 100 / config.SampleRate - TrackerMiddle);
    }

    private void Fill(Span<float> target, double hertz)
    {
        if (hertz < excitation.LowestHertz || hertz > excitation.HighestHertz)
        {
            target[^1] = 1;
            return;
        }
        var (place, sum) = (excitation.PlaceOf(hertz), 0.0);
        for (var i = 0; i < excitation.Classes; i++)
            sum += Math.Exp(-0.5 * (i - place) * (i - place));
        for (var i = 0; i < excitation.Classes; i++)
            target[i] = (float)(Math.Exp(-0.5 * (i - place) * (i - place)) / sum);
    }
}
