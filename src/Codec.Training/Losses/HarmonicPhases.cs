using System.Numerics.Tensors;
using Codec.Core.Codecs.Native;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;
using Tensor = TorchSharp.torch.Tensor;

namespace Codec.Training.Losses;

/// <summary>
/// Phases of a voice's harmonics against the original's, for one batch. A decoder that counts periods itself cannot know where the original's
/// begin, and a listener does not hear it; how the harmonics lie to each other is the shape of the period. So the fundamental is first turned, in every spectrum, to where
/// all harmonics together agree best (harmonic h turns h times as far); what still differs is the loss. In a share of the items the turn is
/// carried out (<see cref="Guide"/>): their periods lie where the original's do, so that losses of short windows need not blur them.
/// </summary>
public sealed class HarmonicPhases : IDisposable
{
    private const int Turns = 256; // places of the fundamental that are tried
    private const int Near = 12;   // a spectrum's own best place lies at most so many from that of its neighbourhood

    private readonly NativeConfig _config;
    private readonly Tensor _target_BS;
    private readonly int _anchored;

    /// <param name="config">Of the decoder.</param>
    /// <param name="target_BS">The original.</param>
    /// <param name="anchoredShare">Of the batch.</param>
    public HarmonicPhases(NativeConfig config, Tensor target_BS, double anchoredShare)
        => (_config, _target_BS, _anchored) = (config, target_BS, (int)Math.Round(anchoredShare * target_BS.shape[0]));

    /// <summary>1 - cos of what differs, mean over voiced bins weighted by the square root of the original's magnitude; null before <see cref="Guide"/> or without a voice.</summary>
    public Tensor? Loss { get; private set; }

    /// <summary>A <see cref="PhaseGuide"/>: sets <see cref="Loss"/>, and turns the anchored items.</summary>
    public Tensor Guide(Tensor phases_BNK, ReadOnlySpan<double> hertz_BN)
    {
        using var scope = NewDisposeScope();
        var (b, n, bins) = ((int)phases_BNK.shape[0], (int)phases_BNK.shape[1], (int)phases_BNK.shape[2]);
        var harmonics = Harmonics(hertz_BN, bins);
        Tensor original_BNK, weight_BNK, away_BNK;
        float[] real, imaginary;
        using (no_grad())
        {
            original_BNK = Spectra(n).narrow(2, 0, bins);
            weight_BNK = original_BNK.abs().sqrt() * tensor(harmonics, [b, n, bins], device: phases_BNK.device).sign();
            original_BNK = original_BNK.angle();
            away_BNK = original_BNK - phases_BNK;
            real = (weight_BNK * away_BNK.cos()).cpu().data<float>().ToArray();
            imaginary = (weight_BNK * away_BNK.sin()).cpu().data<float>().ToArray();
        }
        var shift = new float[b * n * bins];
        var sums = new HarmonicSums(real, imaginary, harmonics, bins);
        for (var item = 0; item < b; item++)
            Turn(sums, hertz_BN.Slice(item * n, n), item * n, shift);
        var shift_BNK = tensor(shift, [b, n, bins], device: phases_BNK.device);
        var sum = weight_BNK.sum();
        if (sum.item<float>() > 0)
            Loss = ((1 - (phases_BNK + shift_BNK - original_BNK).cos()) * weight_BNK).sum().div(sum).DetachFromDisposeScope(); // the decoder's scope ends before it is used
        if (_anchored < b)
            shift_BNK.narrow(0, _anchored, b - _anchored).zero_();
        return shift_BNK.MoveToOuterDisposeScope();
    }

    public void Dispose() => Loss?.Dispose();

    /// <summary>Of the original, where the decoder's are: spectrum n covers a window from n * hop on, of audio that lags by the delay.</summary>
    private Tensor Spectra(int count)
    {
        var (hop, window) = (_config.StftHop, _config.WindowLength);
        var padded_BS = F.pad(_target_BS, [_config.DelaySamples, Math.Max(0, count * hop + window - _config.DelaySamples - _target_BS.shape[1])]);
        return fft.rfft(padded_BS.unfold(1, window, hop).narrow(1, 0, count) * hann_window(window, device: _target_BS.device));
    }

    /// <summary>Harmonic that a bin belongs to; 0 where there is no voice.</summary>
    private float[] Harmonics(ReadOnlySpan<double> hertz, int bins)
    {
        var harmonics = new float[hertz.Length * bins];
        for (var i = 0; i < hertz.Length; i++)
            for (var k = 0; hertz[i] > 0 && k < bins; k++)
                harmonics[i * bins + k] = Math.Max(1, (int)(k * (double)_config.SampleRate / _config.WindowLength / hertz[i] + 0.5));
        return harmonics;
    }

    private static void Turn(HarmonicSums sums, ReadOnlySpan<double> hertz, int first, float[] shift)
    {
        var scores = new float[hertz.Length][];
        for (var i = 0; i < hertz.Length; i++)
            scores[i] = hertz[i] > 0 ? sums.Scores(first + i) : new float[Turns];
        var around = new float[Turns];
        for (var i = 0; i < hertz.Length; i++)
        {
            if (hertz[i] <= 0)
                continue;
            scores[i].CopyTo(around, 0);
            foreach (var beside in (ReadOnlySpan<int>)[i - 1, i + 1])
                if (beside >= 0 && beside < hertz.Length)
                    TensorPrimitives.MultiplyAdd(scores[beside], 0.5f, around, around);
            var (rough, best) = (TensorPrimitives.IndexOfMax<float>(around), 0);
            for (var d = -Near; d <= Near; d++)
                if (scores[i][(rough + d) & (Turns - 1)] > scores[i][(rough + best) & (Turns - 1)])
                    best = d;
            sums.Shift(first + i, rough + best, shift);
        }
    }

    /// <summary>How well spectra agree for every turn of the fundamental.</summary>
    private sealed class HarmonicSums(float[] real, float[] imaginary, float[] harmonics, int bins)
    {
        private static readonly float[] Cosines = [.. Enumerable.Range(0, Turns).Select(i => (float)Math.Cos(2 * Math.PI * i / Turns))];

        public float[] Scores(int spectrum)
        {
            var scores = new float[Turns];
            for (var k = 0; k < bins;)
            {
                var (h, re, im) = ((int)harmonics[spectrum * bins + k], 0f, 0f);
                for (; k < bins && (int)harmonics[spectrum * bins + k] == h; k++)
                    (re, im) = (re + real[spectrum * bins + k], im + imaginary[spectrum * bins + k]);
                // Real part of (re + i im) e^(-2 pi i h turn); the sine is the cosine a quarter earlier.
                for (var turn = 0; turn < Turns; turn++)
                    scores[turn] += re * Cosines[(h * turn) & (Turns - 1)] + im * Cosines[(h * turn - Turns / 4) & (Turns - 1)];
            }
            return scores;
        }

        public void Shift(int spectrum, int turn, float[] shift)
        {
            for (var k = spectrum * bins; k < (spectrum + 1) * bins; k++)
                shift[k] = (float)(2 * Math.PI * (((int)harmonics[k] * turn) & (Turns - 1)) / Turns);
        }
    }
}
