using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Mimi;

/// <summary>Transformer over frames. Checkpoint keys: transformer.layers.L.*.</summary>
public sealed class MimiTransformer : nn.Module
{
    private readonly Body transformer;

    public MimiTransformer(MimiTransformerConfig config, int width) : base(nameof(MimiTransformer))
    {
        transformer = new Body(config, width);
        RegisterComponents();
    }

    /// <summary>By libtorch operators; differentiable, any device.</summary>
    /// <param name="x_BTD">Features of a whole signal.</param>
    /// <param name="observe">Sees index and output of every layer.</param>
    public Tensor Forward(Tensor x_BTD, Action<int, Tensor>? observe = null) => transformer.Chain(x_BTD, (layer, x) => layer.Forward(x), observe);

    /// <summary>Inference by own kernels.</summary>
    /// <param name="x_BTD">Frames without gaps.</param>
    /// <param name="state">What the stream remembers; null: these are all frames.</param>
    /// <param name="ringBuffer">See <see cref="MimiConfig.RingBufferStreams"/>.</param>
    public Tensor Run(Tensor x_BTD, StreamState? state = null, bool ringBuffer = false)
        => transformer.Chain(x_BTD, (layer, x) => layer.Run(x, state, ringBuffer), null);

    private sealed class Body : nn.Module
    {
        private readonly ModuleList<MimiTransformerLayer> layers;

        public Body(MimiTransformerConfig config, int width) : base(nameof(Body))
        {
            layers = new ModuleList<MimiTransformerLayer>([.. Enumerable.Range(0, config.Layers).Select(_ => new MimiTransformerLayer(config, width))]);
            RegisterComponents();
        }

        public Tensor Chain(Tensor x_BTD, Func<MimiTransformerLayer, Tensor, Tensor> run, Action<int, Tensor>? observe)
        {
            using var scope = NewDisposeScope();
            var y_BTD = x_BTD;
            for (var i = 0; i < layers.Count; i++)
            {
                var next_BTD = run(layers[i], y_BTD);
                if (i > 0)
                    y_BTD.Dispose();
                y_BTD = next_BTD;
                observe?.Invoke(i, y_BTD);
            }
            return y_BTD.MoveToOuterDisposeScope();
        }
    }
}
