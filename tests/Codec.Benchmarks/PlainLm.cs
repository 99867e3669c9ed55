using Codec.Speech.Lm;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Benchmarks;

/// <summary>
/// The same model as one writes it in libtorch: linear layers, fused attention over a preallocated cache, a few operators per layer. The yardstick
/// of the speed table. One step for all rows; positions are the same.
/// </summary>
internal sealed class PlainLm : IDisposable
{
    private readonly SpeechLm _model;
    private readonly TransformerConfig _config;
    private readonly Dictionary<string, Tensor> _weights;
    private readonly Tensor[] _keys, _values;
    private readonly Tensor _rates;
    private readonly int _rows;
    private int _length;

    public PlainLm(SpeechLm model, int rows, int capacity, int length)
    {
        (_model, _config, _rows, _length) = (model, model.Config.Transformer, rows, length);
        _weights = model.named_parameters().ToDictionary(p => p.name, p => (Tensor)p.parameter);
        Tensor[] Store() => Enumerable.Range(0, _config.Layers).Select(_ => zeros(rows, _config.Heads, capacity, _config.HeadDim).DetachFromDisposeScope()).ToArray();
        (_keys, _values) = (Store(), Store());
        _rates = pow(_config.MaxPeriod, arange(_config.HeadDim / 2, ScalarType.Float32) / -(_config.HeadDim / 2)).DetachFromDisposeScope();
    }

    /// <returns>[rows, K, V].</returns>
    public Tensor Step(Tensor tokens_BK)
    {
        using var scope = NewDisposeScope();
        var x = _weights["emb.0.weight"].index_select(0, tokens_BK.select(1, 0));
        for (var k = 1; k < _model.Streams; k++)
            x = x.add_(_weights[$"emb.{k}.weight"].index_select(0, tokens_BK.select(1, k)));
        var angle = _rates * _length;
        var turn = complex(angle.cos(), angle.sin());
        for (var i = 0; i < _config.Layers; i++)
            x = Layer(i, x, turn);
        _length++;
        x = Norm(x, "out_norm");
        return stack(Enumerable.Range(0, _model.Streams).Select(k => F.linear(x, _weights[$"linears.{k}.weight"])).ToArray(), 1).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        foreach (var tensor in _keys.Concat(_values).Append(_rates))
            tensor.Dispose();
    }

    private Tensor Layer(int i, Tensor x, Tensor turn)
    {
        using var scope = NewDisposeScope();
        var name = $"transformer.layers.{i}";
        var joined = F.linear(Norm(x, name + ".norm1"), _weights[name + ".self_attn.in_projs.0.weight"]).view(_rows, 3, _config.Heads, _config.HeadDim);
        var turned = (joined.narrow(1, 0, 2).reshape(_rows, 2, _config.Heads, _config.HeadDim / 2, 2).view_as_complex() * turn).view_as_real().flatten(3);
        _keys[i].select(2, _length).copy_(turned.select(1, 1));
        _values[i].select(2, _length).copy_(joined.select(1, 2));
        var seen = F.scaled_dot_product_attention(turned.select(1, 0).unsqueeze(2), _keys[i].narrow(2, 0, _length + 1), _values[i].narrow(2, 0, _length + 1));
        x = x + F.linear(seen.view(_rows, -1), _weights[name + ".self_attn.out_projs.0.weight"]);
        var halves = F.linear(Norm(x, name + ".norm2"), _weights[name + ".feed_forward.0.linear_in.weight"]).chunk(2, -1);
        return (x + F.linear(F.silu(halves[0]).mul_(halves[1]), _weights[name + ".feed_forward.0.linear_out.weight"])).MoveToOuterDisposeScope();
    }

    private Tensor Norm(Tensor x, string name)
        => x * x.square().mean([-1], keepdim: true).add_(_config.NormEps).rsqrt_() * _weights[name + ".weight"];
}
