using Codec.Core.Kernels;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Codecs.Mimi;

/// <summary>
/// Causal self-attention over a window with rotary positions on interleaved pairs (Su et al. 2021). Checkpoint keys: in_proj_weight
/// (q, k, v stacked), out_proj.weight.
/// </summary>
internal sealed class MimiAttention : nn.Module
{
    private readonly Parameter in_proj_weight;
    private readonly Linear out_proj;
    private readonly MimiTransformerConfig _config;
    private readonly int _dimension;

    public MimiAttention(MimiTransformerConfig config, int width) : base(nameof(MimiAttention))
    {
        (_config, _dimension) = (config, width / config.Heads);
        in_proj_weight = new Parameter(empty(3 * width, width).uniform_(-1 / Math.Sqrt(width), 1 / Math.Sqrt(width)));
        out_proj = nn.Linear(width, width, hasBias: false);
        RegisterComponents();
    }

    public Tensor InWeight => in_proj_weight;

    public Tensor OutWeight => out_proj.weight!;

    /// <summary>By libtorch operators: a whole signal.</summary>
    /// <param name="x_BTD">Features.</param>
    public Tensor Forward(Tensor x_BTD)
    {
        using var scope = NewDisposeScope();
        var (batch, frames, width) = (x_BTD.shape[0], x_BTD.shape[1], x_BTD.shape[2]);
        var parts = F.linear(x_BTD, in_proj_weight).view(batch, frames, 3, _config.Heads, _dimension).permute(2, 0, 3, 1, 4);
        var angle = arange(frames, device: x_BTD.device).unsqueeze(1) * tensor(Frequencies(), device: x_BTD.device);
        var distance = arange(frames, device: x_BTD.device).unsqueeze(1) - arange(frames, device: x_BTD.device);
        var seen = distance.ge(0) & distance.lt(_config.Context);
        var y = F.scaled_dot_product_attention(Rotate(parts[0], angle), Rotate(parts[1], angle), parts[2], seen);
        return F.linear(y.transpose(1, 2).reshape(batch, frames, width), out_proj.weight!).MoveToOuterDisposeScope();
    }

    /// <summary>By own kernels: projections done, any chunk of a stream.</summary>
    /// <param name="parts_BTP">q, k, v.</param>
    /// <param name="caches">One per item.</param>
    /// <param name="ringBuffer">See <see cref="MimiConfig.RingBufferStreams"/>.</param>
    /// <returns>[B, T, D] before the output projection.</returns>
    public unsafe Tensor Attend(Tensor parts_BTP, KeyValueCache[] caches, bool ringBuffer)
    {
        var width = _config.Heads * _dimension;
        var y_BTD = empty(parts_BTP.shape[0], parts_BTP.shape[1], width);
        var (parts, y) = (new FrameMemory(parts_BTP), new FrameMemory(y_BTD));
        var frames = (int)parts.Rows;
        for (var item = 0; item < caches.Length && frames > 0; item++)
        {
            var cache = caches[item];
            var start = cache.Next;
            cache.Reserve(frames);
            for (var t = 0; t < frames; t++)
            {
                float* row = parts.At(item, t);
                Rotate(row, start + t, (float)(1 / Math.Sqrt(_dimension)));
                Rotate(row + width, start + t, 1);
                cache.Append(row + width, row + 2 * width);
            }
            var (from, to) = ((nint)parts.At(item, 0), (nint)y.At(item, 0));
            RowBlocks.Run((long)frames * _config.Heads, 2L * _dimension * Math.Min(start + frames, _config.Context), (first, last) =>
            {
                for (var i = first; i < last; i++)
                {
                    var (t, head) = ((int)(i / _config.Heads), (int)(i % _config.Heads));
                    var window = ringBuffer ? _config.Context - (frames - 1 - t) : _config.Context;
                    cache.Attend(head, (float*)from + t * 3L * width + head * _dimension, start + t, Math.Max(window, 1), (float*)to + (long)t * width + head * _dimension);
                }
            });
        }
        return y_BTD;
    }

    public KeyValueCache NewCache() => new(_config.Heads, _dimension, _config.Context);

    /// <summary>Radians per frame of each pair.</summary>
    private float[] Frequencies()
        => Enumerable.Range(0, _dimension / 2).Select(i => (float)Math.Pow(_config.MaxPeriod, -2.0 * i / _dimension)).ToArray();

    private static Tensor Rotate(Tensor x_BHTD, Tensor angle_TP)
    {
        var pairs = x_BHTD.reshape([.. x_BHTD.shape[..^1], x_BHTD.shape[^1] / 2, 2]);
        var (even, odd, cos, sin) = (pairs.select(-1, 0), pairs.select(-1, 1), angle_TP.cos(), angle_TP.sin());
        return stack([even * cos - odd * sin, even * sin + odd * cos], -1).reshape(x_BHTD.shape);
    }

    private unsafe void Rotate(float* row, long position, float scale)
    {
        for (var i = 0; i < _dimension / 2; i++)
        {
            var (sin, cos) = Math.SinCos(position * Math.Pow(_config.MaxPeriod, -2.0 * i / _dimension));
            var (s, c) = ((float)sin * scale, (float)cos * scale);
            for (float* p = row + 2 * i; p < row + _config.Heads * _dimension; p += _dimension)
                (p[0], p[1]) = (p[0] * c - p[1] * s, p[0] * s + p[1] * c);
        }
    }
}
