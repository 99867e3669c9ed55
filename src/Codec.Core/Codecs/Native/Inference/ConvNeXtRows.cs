using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Codec.Core.Kernels;

namespace Codec.Core.Codecs.Native.Inference;

/// <summary>A <see cref="Layers.ConvNeXtBlock"/> on padded float32 rows.</summary>
internal sealed unsafe class ConvNeXtRows : IDisposable
{
    private readonly AlignedFloats _taps, _bias, _gamma; // taps [K][C]
    private readonly RowNorm _norm;
    private readonly RowLinear _expand, _reduce;
    private readonly int _kernel, _padded;

    /// <param name="weights">Of the model.</param>
    /// <param name="prefix">Of the block's keys.</param>
    /// <param name="width">C.</param>
    /// <param name="kernel">Frames seen by the depthwise convolution.</param>
    public ConvNeXtRows(NativeWeights weights, string prefix, int width, int kernel)
    {
        (_kernel, _padded) = (kernel, RowLinear.Pad(width));
        _taps = new AlignedFloats((long)kernel * _padded);
        var taps_CK = weights[prefix + "dwconv.weight"];
        for (var c = 0; c < width; c++)
            for (var k = 0; k < kernel; k++)
                _taps.Pointer[k * _padded + c] = taps_CK[c * kernel + k];
        (_bias, _gamma) = (Padded(weights[prefix + "dwconv.bias"]), Padded(weights[prefix + "gamma"]));
        _norm = weights.Norm(prefix + "norm");
        _expand = weights.Linear(prefix + "pwconv1");
        _reduce = weights.Linear(prefix + "pwconv2");
    }

    /// <summary>Floats of the history: K - 1 rows.</summary>
    public int History => (_kernel - 1) * _padded;

    /// <summary>Floats of the inner layer's rows.</summary>
    public int Inner => _expand.Padded;

    /// <summary>Runs over rows in place.</summary>
    /// <param name="x">[rows][padded width].</param>
    /// <param name="rows">How many.</param>
    /// <param name="turn">Gives the last rows before these, which become the last of these.</param>
    /// <param name="layer">Number of the block's history.</param>
    /// <param name="normed">Room for [rows][padded width].</param>
    /// <param name="inner">Room for [rows][<see cref="Inner"/>].</param>
    public void Run(float* x, int rows, RowTurn turn, int layer, float* normed, float* inner)
    {
        fixed (float* past = turn.Enter(layer))
        {
            for (var row = 0; row < rows; row++)
                Convolve(x, row, past, normed + (long)row * _padded);
            Remember(x, rows, past);
        }
        turn.Leave(layer);
        _norm.Run(normed, _padded, normed, _padded, rows);
        _expand.Run(normed, _padded, rows, new GeluSink(inner, Inner));
        _reduce.Run(inner, Inner, rows, new ResidualSink(x, _padded, _gamma.Pointer));
    }

    public void Dispose()
    {
        foreach (var part in (IDisposable[])[_taps, _bias, _gamma, _norm, _expand, _reduce])
            part.Dispose();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Convolve(float* x, int row, float* past, float* y)
    {
        float* taps = _taps.Pointer, bias = _bias.Pointer;
        for (var i = 0; i < _padded; i += RowTile.Lanes)
        {
            var sum = Vector512.Load(bias + i);
            for (var k = 0; k < _kernel; k++)
            {
                var source = row - (_kernel - 1) + k;
                float* from = source < 0 ? past + (source + _kernel - 1) * _padded : x + (long)source * _padded;
                sum = Vector512.FusedMultiplyAdd(Vector512.Load(taps + k * _padded + i), Vector512.Load(from + i), sum);
            }
            Vector512.Store(sum, y + i);
        }
    }

    private void Remember(float* x, int rows, float* past)
    {
        var kept = Math.Max(0, _kernel - 1 - rows);
        var fresh = _kernel - 1 - kept;
        new Span<float>(past + (_kernel - 1 - kept) * _padded, kept * _padded).CopyTo(new Span<float>(past, kept * _padded));
        new Span<float>(x + (long)(rows - fresh) * _padded, fresh * _padded).CopyTo(new Span<float>(past + kept * _padded, fresh * _padded));
    }

    private AlignedFloats Padded(float[] values)
    {
        var padded = new AlignedFloats(_padded);
        values.CopyTo(new Span<float>(padded.Pointer, values.Length));
        return padded;
    }
}
