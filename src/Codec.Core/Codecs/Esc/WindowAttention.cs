using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Esc;

/// <summary>
/// Attention among the places of a square window with a learned bias per relative place (Liu et al. 2021, Swin).
/// Keys: relative_position_bias_table, qkv, proj; the published relative_position_index is computed instead of read.
/// </summary>
public sealed class WindowAttention : nn.Module
{
    private readonly Parameter relative_position_bias_table;
    private readonly Linear qkv, proj;
    private readonly int _window, _heads;
    private readonly long[] _index;

    public WindowAttention(int channels, int window, int heads) : base(nameof(WindowAttention))
    {
        (_window, _heads) = (window, heads);
        var span = 2 * window - 1;
        relative_position_bias_table = new Parameter(zeros(span * span, heads));
        qkv = nn.Linear(channels, 3 * channels);
        proj = nn.Linear(channels, channels);
        _index = [.. from a in Enumerable.Range(0, window * window)
                     from b in Enumerable.Range(0, window * window)
                     select (long)((a / window - b / window + window - 1) * span + a % window - b % window + window - 1)];
        RegisterComponents();
    }

    /// <param name="x_NLC">Windows of L = window^2 places.</param>
    /// <param name="mask_WLL">Added to the scores, for the W windows of one item; null for none.</param>
    /// <returns>Same shape.</returns>
    public Tensor Run(Tensor x_NLC, Tensor? mask_WLL)
    {
        using var scope = NewDisposeScope();
        var (count, places, channels) = (x_NLC.shape[0], (long)_window * _window, x_NLC.shape[2]);
        var width = channels / _heads;
        var parts = qkv.forward(x_NLC).view(count, places, 3, _heads, width).permute(2, 0, 3, 1, 4);
        var (q, k, v) = (parts[0] * Math.Pow(width, -0.5), parts[1], parts[2]);
        var bias_HLL = relative_position_bias_table.index_select(0, tensor(_index, device: x_NLC.device)).view(places, places, _heads).permute(2, 0, 1);
        var scores_NHLL = q.matmul(k.transpose(-2, -1)) + bias_HLL;
        if (mask_WLL is not null)
            scores_NHLL = (scores_NHLL.view(-1, mask_WLL.shape[0], _heads, places, places) + mask_WLL.unsqueeze(1)).view(count, _heads, places, places);
        var mixed_NLC = scores_NHLL.softmax(-1).matmul(v).transpose(1, 2).reshape(count, places, channels);
        return proj.forward(mixed_NLC).MoveToOuterDisposeScope();
    }
}
