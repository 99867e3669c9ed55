using Codec.Core.Kernels;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Layers.Seanet;

/// <summary>
/// LSTM over frames with a skip connection: lstm(x) + x; where it runs both ways, the skip is x twice along the channels.
/// Checkpoint keys: lstm.{weight_ih, weight_hh, bias_ih, bias_hh}_l0, ...
/// </summary>
public sealed class SeanetLstm : nn.Module<Tensor, Tensor>, IFrameLayer, IReducibleLayer
{
    private readonly LSTM lstm;
    private readonly int _layers;
    private readonly bool _bidirectional;
    private readonly Lazy<LstmKernel[]> _packed;
    private bool _reduced;

    public SeanetLstm(int channels, int layers, bool bidirectional = false) : base(nameof(SeanetLstm))
    {
        (_layers, _bidirectional) = (layers, bidirectional);
        lstm = nn.LSTM(channels, channels, layers, bidirectional: bidirectional);
        _packed = new Lazy<LstmKernel[]>(Pack);
        RegisterComponents();
    }

    /// <param name="x_BCT">Features.</param>
    /// <returns>Same shape; twice the channels where it runs both ways.</returns>
    public override Tensor forward(Tensor x_BCT)
    {
        using var scope = NewDisposeScope();
        var x_TBC = x_BCT.permute(2, 0, 1);
        var (y_TBC, _, _) = lstm.call(x_TBC);
        return (y_TBC + (_bidirectional ? cat([x_TBC, x_TBC], -1) : x_TBC)).permute(1, 2, 0).MoveToOuterDisposeScope();
    }

    public Tensor Run(Tensor x_BTC, StreamState? state, bool elu = false)
    {
        if (_bidirectional && state is not null)
            throw new NotSupportedException("an LSTM that runs both ways cannot be streamed");
        using var scope = NewDisposeScope();
        var y_BTC = _bidirectional ? forward(x_BTC.transpose(1, 2)).transpose(1, 2).contiguous() : RunForward(x_BTC, state).add_(x_BTC);
        return FrameNorm.Finish(y_BTC, null, elu).MoveToOuterDisposeScope();
    }

    void IReducibleLayer.Reduce() => _reduced = true;

    protected override void Dispose(bool disposing)
    {
        if (disposing && _packed.IsValueCreated)
            foreach (var layer in _packed.Value)
                layer.Dispose();
        base.Dispose(disposing);
    }

    private Tensor RunForward(Tensor x_BTC, StreamState? state)
    {
        var batch = (int)x_BTC.shape[0];
        var memory = state is null ? new Memory(_packed.Value, batch) : state.Slot(this, () => new Memory(_packed.Value, batch));
        var y_BTC = x_BTC;
        for (var layer = 0; layer < _layers; layer++)
            y_BTC = _packed.Value[layer].Run(y_BTC, memory.Layers[layer]);
        return y_BTC;
    }

    private LstmKernel[] Pack()
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var weights = lstm.state_dict();
        return Enumerable.Range(0, _layers)
            .Select(l => new LstmKernel(weights[$"weight_ih_l{l}"], weights[$"weight_hh_l{l}"], weights[$"bias_ih_l{l}"] + weights[$"bias_hh_l{l}"], _reduced))
            .ToArray();
    }

    /// <summary>h and c of every layer.</summary>
    private sealed class Memory : IStreamSlot
    {
        public Memory(LstmKernel[] layers, int batch) => Layers = Array.ConvertAll(layers, l => new float[2 * batch * l.Hidden]);

        private Memory(float[][] layers) => Layers = layers;

        public float[][] Layers { get; }

        public IStreamSlot Fork() => new Memory(Array.ConvertAll(Layers, l => l.ToArray()));

        public void Dispose()
        {
        }
    }
}
