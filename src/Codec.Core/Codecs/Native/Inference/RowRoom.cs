using Codec.Core.Kernels;

namespace Codec.Core.Codecs.Native.Inference;

/// <summary>Memory that one thread works in; grows to what the largest call needs and is kept for the next one.</summary>
internal sealed unsafe class RowRoom : IDisposable
{
    public const int Main = 0, Normed = 1, Inner = 2, Samples = 3, Spectra = 4, Head = 5, Real = 6, Imaginary = 7, Windows = 8, Scores = 9, Codes = 10, Coefficients = 11, Lowband = 12;

    private readonly AlignedFloats?[] _parts = new AlignedFloats?[Lowband + 1];
    private LaneSpectrum? _transform;
    private int _windowLength;

    /// <param name="part">Which.</param>
    /// <param name="count">Floats.</param>
    public float* Get(int part, long count) => AlignedFloats.Grow(ref _parts[part], count).Pointer;

    public LaneSpectrum Transform(int windowLength)
    {
        if (_transform is null || _windowLength != windowLength)
        {
            _transform?.Dispose();
            (_transform, _windowLength) = (new LaneSpectrum(windowLength), windowLength);
        }
        return _transform;
    }

    public void Dispose()
    {
        _transform?.Dispose();
        foreach (var part in _parts)
            part?.Dispose();
    }
}
