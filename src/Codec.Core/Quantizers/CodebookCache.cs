using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Codec.Core.Quantizers;

/// <summary>
/// Keeps the <see cref="CodebookIndex"/> of a codebook that does not change (inference), and notices when it did:
/// other storage, or other values at 64 probed places, mean a new index.
/// </summary>
public sealed class CodebookCache
{
    private const int Probes = 64;
    private readonly Lock _lock = new();
    private CodebookIndex? _index;
    private float[] _probes = [];
    private nint _storage;

    /// <param name="codebook_VD">The stored codebook, float32.</param>
    /// <param name="prepare">What is searched, computed from the codebook, e.g. its normalised rows; null = itself.</param>
    public CodebookIndex Get(Tensor codebook_VD, Func<Tensor, Tensor>? prepare = null)
    {
        if (codebook_VD.device_type != TorchSharp.DeviceType.CPU || codebook_VD.dtype != ScalarType.Float32 || !codebook_VD.is_contiguous())
            return Build(codebook_VD, prepare);
        lock (_lock)
        {
            var values = MemoryMarshal.Cast<byte, float>(codebook_VD.bytes);
            var probes = Probe(values);
            var storage = Address(values);
            if (_index is null || storage != _storage || !probes.AsSpan().SequenceEqual(_probes))
                (_index, _storage, _probes) = (Build(codebook_VD, prepare), storage, probes);
            return _index;
        }
    }

    private static CodebookIndex Build(Tensor codebook_VD, Func<Tensor, Tensor>? prepare)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return CodebookIndex.Of(prepare is null ? codebook_VD : prepare(codebook_VD));
    }

    private static float[] Probe(ReadOnlySpan<float> values)
    {
        var probes = new float[Math.Min(Probes, values.Length)];
        for (var i = 0; i < probes.Length; i++)
            probes[i] = values[(int)((long)i * values.Length / probes.Length)];
        return probes;
    }

    private static unsafe nint Address(ReadOnlySpan<float> values)
    {
        fixed (float* p = values)
            return (nint)p;
    }
}
