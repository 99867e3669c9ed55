using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Codecs.Esc;

/// <summary>x + attention(norm1 x) within windows, shifted in every second block; then x + mlp(norm2 x). Keys: norm1, attn, norm2, mlp.</summary>
public sealed class SwinBlock : nn.Module
{
    private const float Hidden = -100; // the published score of a place that is no neighbour

    private readonly LayerNorm norm1, norm2;
    private readonly WindowAttention attn;
    private readonly FeedForward mlp;
    private readonly int _window, _shift;

    public SwinBlock(int channels, int heads, int window, bool shifted, double mlpRatio) : base(nameof(SwinBlock))
    {
        (_window, _shift) = (window, shifted ? window / 2 : 0);
        norm1 = nn.LayerNorm(channels);
        attn = new WindowAttention(channels, window, heads);
        norm2 = nn.LayerNorm(channels);
        mlp = new FeedForward(channels, (int)(channels * mlpRatio));
        RegisterComponents();
    }

    /// <param name="x_BHWC">Any height and width: filled with zeros to whole windows behind the norm.</param>
    /// <returns>Same shape.</returns>
    public Tensor Run(Tensor x_BHWC)
    {
        using var scope = NewDisposeScope();
        var (batch, height, width, channels) = (x_BHWC.shape[0], x_BHWC.shape[1], x_BHWC.shape[2], x_BHWC.shape[3]);
        var (rows, columns) = (RoundUp(height), RoundUp(width));
        var y = F.pad(norm1.forward(x_BHWC), [0, 0, 0, columns - width, 0, rows - height]);
        if (_shift > 0)
            y = y.roll([-_shift, -_shift], [1, 2]);
        var windows = y.view(batch, rows / _window, _window, columns / _window, _window, channels).permute(0, 1, 3, 2, 4, 5);
        var mixed = attn.Run(windows.reshape(-1, _window * _window, channels), _shift > 0 ? Mask((int)rows, (int)columns).to(x_BHWC.device) : null);
        y = mixed.view(batch, rows / _window, columns / _window, _window, _window, channels).permute(0, 1, 3, 2, 4, 5).reshape(batch, rows, columns, channels);
        if (_shift > 0)
            y = y.roll([_shift, _shift], [1, 2]);
        y = x_BHWC + y.narrow(1, 0, height).narrow(2, 0, width);
        return (y + mlp.forward(norm2.forward(y))).MoveToOuterDisposeScope();
    }

    private long RoundUp(long size) => (size + _window - 1) / _window * _window;

    /// <summary>What the shift brought together from opposite edges must not see each other [windows, L, L].</summary>
    private Tensor Mask(int rows, int columns)
    {
        using var scope = NewDisposeScope();
        int Region(int at, int size) => at < size - _window ? 0 : at < size - _shift ? 1 : 2;
        var regions = new float[rows * columns];
        for (var h = 0; h < rows; h++)
            for (var w = 0; w < columns; w++)
                regions[h * columns + w] = 3 * Region(h, rows) + Region(w, columns);
        var windows_WL = tensor(regions).view(rows / _window, _window, columns / _window, _window).permute(0, 2, 1, 3).reshape(-1, _window * _window);
        return (windows_WL.unsqueeze(1).ne(windows_WL.unsqueeze(2)).to(float32) * Hidden).MoveToOuterDisposeScope();
    }

    /// <summary>Keys: linear_1, linear_2.</summary>
    private sealed class FeedForward : nn.Module<Tensor, Tensor>
    {
        private readonly Linear linear_1, linear_2;

        public FeedForward(int channels, int hidden) : base(nameof(FeedForward))
        {
            linear_1 = nn.Linear(channels, hidden);
            linear_2 = nn.Linear(hidden, channels);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            using var scope = NewDisposeScope();
            return linear_2.forward(F.gelu(linear_1.forward(x))).MoveToOuterDisposeScope();
        }
    }
}
