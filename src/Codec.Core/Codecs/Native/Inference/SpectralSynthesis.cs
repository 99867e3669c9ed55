using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Codec.Core.Kernels;

namespace Codec.Core.Codecs.Native.Inference;

/// <summary>The end of the decoder: log magnitudes and phases to samples by inverse transforms, windows and overlap-add. Has no weights.</summary>
internal sealed unsafe class SpectralSynthesis : IDisposable
{
    private readonly int _bins, _length, _hop;
    private readonly AlignedFloats _window;

    /// <param name="length">Samples of a window.</param>
    /// <param name="hop">Samples from one window to the next.</param>
    public SpectralSynthesis(int length, int hop)
    {
        (_bins, _length, _hop) = (length / 2 + 1, length, hop);
        // Overlap-added squared Hann windows sum to 0.375 * length / hop: divided out here once.
        _window = HannWindow.Of(length, 0.375 * length / hop);
    }

    /// <summary>Samples that windows reach into what follows: what must be remembered.</summary>
    public int Overlap => _length - _hop;

    /// <summary>Spectra to samples; the unfinished tail stays with the layer's memory.</summary>
    /// <param name="polar">[spectra][step]: log magnitudes, then phases; a whole vector may be read behind the last.</param>
    /// <param name="step">Floats from one spectrum to the next.</param>
    /// <param name="spectra">How many.</param>
    /// <param name="turn">Gives the memory.</param>
    /// <param name="layer">Its number.</param>
    /// <param name="room">Memory to work in.</param>
    /// <param name="samples">[spectra * hop], the result.</param>
    /// <param name="added">[spectra][2 addedBins]: what is added to the lowest bins, real parts, then imaginary ones; null: nothing.</param>
    /// <param name="addedBins">How many.</param>
    public void Run(float* polar, nint step, int spectra, RowTurn turn, int layer, RowRoom room, Span<float> samples, float* added = null, int addedBins = 0)
    {
        var padded = RowLinear.Pad(_bins);
        float* re = room.Get(RowRoom.Real, (long)_bins * LaneFourier.Lanes);
        float* im = room.Get(RowRoom.Imaginary, (long)_bins * LaneFourier.Lanes);
        float* windows = room.Get(RowRoom.Windows, (long)LaneFourier.Lanes * _length + 2 * padded);
        float* parts = windows + LaneFourier.Lanes * _length;
        float* sum = room.Get(RowRoom.Main, Overlap + samples.Length);
        var transform = room.Transform(_length);
        var tail = turn.Enter(layer);
        tail.CopyTo(new Span<float>(sum, Overlap));
        new Span<float>(sum + Overlap, samples.Length).Clear();
        for (var first = 0; first < spectra; first += LaneFourier.Lanes)
        {
            var count = Math.Min(LaneFourier.Lanes, spectra - first);
            for (var lane = 0; lane < count; lane++)
            {
                Cartesian(polar + (first + lane) * step, _bins, parts, parts + padded);
                if (added is not null)
                {
                    Add(added + (long)(first + lane) * 2 * addedBins, parts, addedBins);
                    Add(added + ((long)(first + lane) * 2 + 1) * addedBins, parts + padded, addedBins);
                }
                Scatter(parts, _bins, re + lane);
                Scatter(parts + padded, _bins, im + lane);
            }
            transform.Windows(re, im, _window.Pointer, windows, count);
            for (var lane = 0; lane < count; lane++)
                Add(windows + lane * _length, sum + (first + lane) * _hop, _length);
        }
        new Span<float>(sum, samples.Length).CopyTo(samples);
        new Span<float>(sum + samples.Length, Overlap).CopyTo(tail);
        turn.Leave(layer);
    }

    public void Dispose() => _window.Dispose();

    /// <param name="polar">Log magnitudes, then phases.</param>
    /// <param name="re">Real parts, up to a whole number of vectors.</param>
    /// <param name="im">Imaginary parts.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Cartesian(float* polar, int bins, float* re, float* im)
    {
        for (var i = 0; i < bins; i += RowTile.Lanes)
        {
            var log = Vector512.Max(Vector512.Min(Vector512.Load(polar + i), Vector512.Create(NativeDecoder.MaxLogMagnitude)), Vector512.Create(-87f));
            var magnitude = VectorMath.Exp(log);
            var (sin, cos) = VectorMath.SinCos(Vector512.Load(polar + bins + i));
            Vector512.Store(magnitude * cos, re + i);
            Vector512.Store(magnitude * sin, im + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scatter(float* from, int count, float* to)
    {
        for (var i = 0; i < count; i++)
            to[i * LaneFourier.Lanes] = from[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Add(float* from, float* to, int count)
    {
        var i = 0;
        for (; i + RowTile.Lanes <= count; i += RowTile.Lanes)
            Vector512.Store(Vector512.Load(to + i) + Vector512.Load(from + i), to + i);
        for (; i < count; i++)
            to[i] += from[i];
    }
}
