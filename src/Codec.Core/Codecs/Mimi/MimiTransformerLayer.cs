using Codec.Core.Kernels;
using Codec.Core.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Codecs.Mimi;

/// <summary>
/// Pre-norm transformer layer with learned scales on both branches: x + s1 attn(norm1 x), then x + s2 linear2(gelu(linear1(norm2 x))).
/// Checkpoint keys: self_attn.*, norm1.*, norm2.*, linear1.weight, linear2.weight, layer_scale_1.scale, layer_scale_2.scale.
/// </summary>
internal sealed class MimiTransformerLayer : nn.Module, IReducibleLayer
{
    private readonly MimiAttention self_attn;
    private readonly LayerNorm norm1, norm2;
    private readonly Linear linear1, linear2;
    private readonly LayerScale layer_scale_1, layer_scale_2;
    private readonly DotConv[] _inPlace; // on the weights where they lie: they are most of the model
    private Lazy<FrameConv[]> _maps; // of attention in and out, of the feed-forward up and down

    public MimiTransformerLayer(MimiTransformerConfig config, int width) : base(nameof(MimiTransformerLayer))
    {
        self_attn = new MimiAttention(config, width);
        norm1 = nn.LayerNorm(width, eps: 1e-5);
        norm2 = nn.LayerNorm(width, eps: 1e-5);
        linear1 = nn.Linear(width, config.FeedForward, hasBias: false);
        linear2 = nn.Linear(config.FeedForward, width, hasBias: false);
        layer_scale_1 = new LayerScale(width);
        layer_scale_2 = new LayerScale(width);
        _inPlace = [
            DotConv.OfLinear(width, 3 * width, () => self_attn.InWeight),
            DotConv.OfLinear(width, width, () => self_attn.OutWeight, () => layer_scale_1.Scale),
            DotConv.OfLinear(width, config.FeedForward, () => linear1.weight!),
            DotConv.OfLinear(config.FeedForward, width, () => linear2.weight!, () => layer_scale_2.Scale),
        ];
        _maps = new Lazy<FrameConv[]>(() => _inPlace);
        RegisterComponents();
    }

    /// <summary>By libtorch operators.</summary>
    /// <param name="x_BTD">Features of a whole signal.</param>
    public Tensor Forward(Tensor x_BTD)
    {
        using var scope = NewDisposeScope();
        var y_BTD = x_BTD + layer_scale_1.Scale * self_attn.Forward(norm1.forward(x_BTD));
        var hidden = F.gelu(F.linear(norm2.forward(y_BTD), linear1.weight!));
        return (y_BTD + layer_scale_2.Scale * F.linear(hidden, linear2.weight!)).MoveToOuterDisposeScope();
    }

    /// <summary>By own kernels.</summary>
    /// <param name="x_BTD">Frames without gaps.</param>
    /// <param name="state">What the stream remembers; null: these are all frames.</param>
    /// <param name="ringBuffer">See <see cref="MimiConfig.RingBufferStreams"/>.</param>
    public Tensor Run(Tensor x_BTD, StreamState? state, bool ringBuffer)
    {
        using var scope = NewDisposeScope();
        var caches = Enumerable.Range(0, (int)x_BTD.shape[0])
            .Select(item => state is null ? self_attn.NewCache() : state.Slot(this, self_attn.NewCache, $"{item}")).ToArray();
        var (into, output, up, down) = (_maps.Value[0], _maps.Value[1], _maps.Value[2], _maps.Value[3]);
        var attended_BTD = self_attn.Attend(into.Run(norm1.forward(x_BTD)), caches, ringBuffer);
        var y_BTD = output.Run(attended_BTD, x_BTD);
        var hidden_BTF = F.gelu(up.Run(norm2.forward(y_BTD)));
        return down.Run(hidden_BTF, y_BTD).MoveToOuterDisposeScope();
    }

    void IReducibleLayer.Reduce() => _maps = new Lazy<FrameConv[]>(() => [.. _inPlace.Select(map => map.Reduced())]);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            foreach (var map in _maps.IsValueCreated ? _inPlace.Concat(_maps.Value) : _inPlace)
                map.Dispose();
        base.Dispose(disposing);
    }

    private sealed class LayerScale : nn.Module
    {
        private readonly Parameter scale;

        public LayerScale(int width) : base(nameof(LayerScale))
        {
            scale = new Parameter(full(width, 0.01f));
            RegisterComponents();
        }

        public Tensor Scale => scale;
    }
}
