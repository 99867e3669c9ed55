using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Codecs.Snac;

/// <summary>
/// Attention within windows of frames, with rotary positions that start anew in every window, and a residual.
/// Keys: norm, to_qkv, rel_pos.inv_freq, to_out.
/// </summary>
public sealed class LocalAttention : nn.Module<Tensor, Tensor>
{
    private const int HeadDim = 64;

    private readonly LayerNorm norm;
    private readonly Linear to_qkv;
    private readonly RotaryFrequencies rel_pos;
    private readonly Linear to_out;
    private readonly int _heads, _window;

    public LocalAttention(int channels, int window) : base(nameof(LocalAttention))
    {
        (_heads, _window) = (Math.Max(1, channels / HeadDim), window);
        norm = nn.LayerNorm(channels);
        to_qkv = nn.Linear(channels, 3 * channels, hasBias: false);
        rel_pos = new RotaryFrequencies(channels / _heads);
        to_out = nn.Linear(channels, channels, hasBias: false);
        RegisterComponents();
    }

    /// <param name="x_BCT">Features. A last window that is not full is filled with zeros, as encoded audio is.</param>
    /// <returns>Same shape.</returns>
    public override Tensor forward(Tensor x_BCT)
    {
        using var scope = NewDisposeScope();
        var (batch, channels, frames) = (x_BCT.shape[0], x_BCT.shape[1], x_BCT.shape[2]);
        var missing = (_window - frames % _window) % _window;
        var x_BTC = F.pad(x_BCT.transpose(1, 2), [0, 0, 0, missing]);
        var windows = (frames + missing) / _window;
        var parts = to_qkv.forward(norm.forward(x_BTC)).view(batch * windows, _window, 3, _heads, channels / _heads).permute(2, 0, 3, 1, 4);
        var (q, k, v) = (rel_pos.Rotate(parts[0]), rel_pos.Rotate(parts[1]), parts[2].contiguous());
        var mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, frames + missing, channels);
        var y_BTC = to_out.forward(mixed) + x_BTC;
        return y_BTC.narrow(1, 0, frames).transpose(1, 2).MoveToOuterDisposeScope();
    }

    /// <summary>Rotary positions 0..window-1, halves layout. Key: inv_freq.</summary>
    private sealed class RotaryFrequencies : nn.Module
    {
        private readonly Tensor inv_freq;

        public RotaryFrequencies(int dimension) : base(nameof(RotaryFrequencies))
        {
            inv_freq = tensor([.. Enumerable.Range(0, dimension / 2).Select(i => (float)Math.Pow(10_000, -2.0 * i / dimension))])
                .DetachFromDisposeScope();
            RegisterComponents();
        }

        public Tensor Rotate(Tensor x_NHTD)
        {
            using var scope = NewDisposeScope();
            var angles = arange(x_NHTD.shape[2], dtype: float32, device: x_NHTD.device).outer(inv_freq.to(float32));
            angles = cat([angles, angles], -1);
            var halves = x_NHTD.chunk(2, -1);
            var turned = cat([-halves[1], halves[0]], -1);
            return (x_NHTD * angles.cos() + turned * angles.sin()).to(x_NHTD.dtype).MoveToOuterDisposeScope();
        }
    }
}
