using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>Self-attention, optional cross-attention, feed-forward; normalised before or after each block.</summary>
public sealed class TransformerLayer : nn.Module
{
    private readonly Attention self_attn;
    private readonly Attention? cross_attention;
    private readonly nn.Module<Tensor, Tensor> norm1, norm2;
    private readonly LayerNorm? norm_cross;
    private readonly ModuleList<FeedForward> feed_forward;
    private readonly LayerScale? layer_scale_1, layer_scale_cross, layer_scale_2;
    private readonly bool _normFirst;
    private readonly int _index;

    public TransformerLayer(TransformerConfig config, int index) : base(nameof(TransformerLayer))
    {
        (_normFirst, _index) = (config.NormFirst, index);
        self_attn = new Attention(config);
        norm1 = Transformer.BuildNorm(config);
        norm2 = Transformer.BuildNorm(config);
        feed_forward = new ModuleList<FeedForward>(Enumerable.Range(0, config.WeightSets).Select(_ => new FeedForward(config)).ToArray());
        if (config.CrossAttention)
        {
            cross_attention = new Attention(config with { WeightSets = 1 }, cross: true);
            norm_cross = nn.LayerNorm(config.Dim);
        }
        if (config.LayerScale)
        {
            layer_scale_1 = new LayerScale(config.Dim);
            layer_scale_2 = new LayerScale(config.Dim);
            layer_scale_cross = config.CrossAttention ? new LayerScale(config.Dim) : null;
        }
        RegisterComponents();
    }

    /// <summary>Keys and values of a condition for this layer; null without cross-attention.</summary>
    public (Tensor Keys, Tensor Values)? Condition(Tensor condition_BLD) => cross_attention?.ProjectCondition(condition_BLD);

    /// <param name="x_BSD">Features.</param>
    /// <param name="call">Positions, cache and condition of this call.</param>
    /// <returns>Same shape.</returns>
    internal Tensor Forward(Tensor x_BSD, TransformerCall call)
    {
        using var scope = NewDisposeScope();
        var x = x_BSD;
        if (_normFirst)
        {
            x = x + Scaled(layer_scale_1, Self(norm1.forward(x), call));
            if (call.Cross is not null)
                x = x + Scaled(layer_scale_cross, Cross(norm_cross!.forward(x), call));
            x = x + Scaled(layer_scale_2, feed_forward[call.Set].forward(norm2.forward(x)));
        }
        else
        {
            x = norm1.forward(x + Scaled(layer_scale_1, Self(x, call)));
            // Post-norm models query the condition with the layer's input: kept for checkpoint parity.
            if (call.Cross is not null)
                x = norm_cross!.forward(x + Scaled(layer_scale_cross, Cross(x_BSD, call)));
            x = norm2.forward(x + Scaled(layer_scale_2, feed_forward[call.Set].forward(x)));
        }
        return x.MoveToOuterDisposeScope();
    }

    private static Tensor Scaled(LayerScale? scale, Tensor x) => scale is null ? x : scale.forward(x);

    private Tensor Self(Tensor x_BSD, TransformerCall call)
    {
        using var scope = NewDisposeScope();
        var (query, key, value) = self_attn.Project(x_BSD, call.Rotation, call.Set, call.KeyRotation);
        var sources = call.Step?.Store(_index, key, value) ?? [new AttentionSource(key, value, call.Mask)];
        return self_attn.Attend(query, sources, call.Set).MoveToOuterDisposeScope();
    }

    private Tensor Cross(Tensor x_BSD, TransformerCall call)
    {
        using var scope = NewDisposeScope();
        var (keys, values) = call.Cross!.Layers[_index];
        return cross_attention!.Attend(cross_attention.ProjectQuery(x_BSD), [new AttentionSource(keys, values, call.Cross.Mask)]).MoveToOuterDisposeScope();
    }
}

/// <summary>What one forward call carries through the layers.</summary>
internal sealed record TransformerCall(Tensor? Rotation, Tensor? KeyRotation, Tensor? Mask, IKeyValueStore? Step, CrossCondition? Cross, int Set);

/// <summary>Keys and values of a cross-attention condition, computed once per session. Dispose after the sessions.</summary>
/// <param name="Layers">[B, H, L, d] each.</param>
/// <param name="Mask">[B, 1, 1, L], 0 or -infinity; null = all visible.</param>
public sealed record CrossCondition(IReadOnlyList<(Tensor Keys, Tensor Values)> Layers, Tensor? Mask) : IDisposable
{
    /// <summary>Views of one row, for the current dispose scope.</summary>
    internal CrossCondition Row(int row)
    {
        Tensor One(Tensor all) => all.shape[0] == 1 ? all : all.narrow(0, row, 1);
        return new CrossCondition(Layers.Select(l => (One(l.Keys), One(l.Values))).ToArray(), Mask is null ? null : One(Mask));
    }

    public void Dispose()
    {
        foreach (var (keys, values) in Layers)
        {
            keys.Dispose();
            values.Dispose();
        }
        Mask?.Dispose();
    }
}

/// <summary>A decoder-only transformer: every model of this room is made of it.</summary>
public sealed class Transformer : nn.Module
{
    private readonly ModuleList<TransformerLayer> layers;
    private readonly TransformerConfig _config;

    /// <exception cref="Codec.Audio.ConfigException">The configuration is out of range.</exception>
    public Transformer(TransformerConfig config) : base(nameof(Transformer))
    {
        _config = config.Validate();
        layers = new ModuleList<TransformerLayer>(Enumerable.Range(0, config.Layers).Select(i => new TransformerLayer(config, i)).ToArray());
        RegisterComponents();
    }

    public TransformerConfig Config => _config;

    /// <summary>Keys and values of a condition for all layers, detached from dispose scopes.</summary>
    /// <param name="condition_BLD">[B, L, D].</param>
    /// <param name="mask_BL">True where a condition position exists; null = all.</param>
    public CrossCondition Condition(Tensor condition_BLD, Tensor? mask_BL = null)
    {
        using var scope = NewDisposeScope();
        var mask = mask_BL is null ? null
            : zeros_like(mask_BL, ScalarType.Float32).masked_fill_(mask_BL.logical_not(), float.NegativeInfinity).unsqueeze(1).unsqueeze(1);
        return new CrossCondition(layers.Select(layer =>
        {
            var (keys, values) = layer.Condition(condition_BLD)!.Value;
            return (keys.DetachFromDisposeScope(), values.DetachFromDisposeScope());
        }).ToArray(), mask?.DetachFromDisposeScope());
    }

    /// <summary>All layers; the final norm belongs to the model.</summary>
    /// <param name="x_BSD">Features.</param>
    /// <param name="step">Where keys and values go; null = offline: causal over the chunk, positions from 0.</param>
    /// <param name="cross">Condition of models with cross-attention.</param>
    /// <param name="set">Weight set.</param>
    /// <param name="at">Offline: positions and mask in place of 0, 1, 2, ... and a causal one.</param>
    /// <param name="layers">Layers run, from the first; 0 = all.</param>
    /// <returns>[B, S, D].</returns>
    internal Tensor Forward(Tensor x_BSD, IKeyValueStore? step, CrossCondition? cross, int set, LmPositions? at = null, int layers = 0)
    {
        using var scope = NewDisposeScope();
        var steps = x_BSD.shape[1];
        var queries = step?.Positions ?? at?.Query_BS ?? arange(steps, ScalarType.Int64, x_BSD.device).unsqueeze(0);
        var keys = step is null ? at?.Key_BS : step.KeyPositions;
        var mask = step is null ? at?.Mask_B1SS ?? CausalMask(steps, x_BSD.device) : null;
        var rotary = _config.Positions.HasFlag(PositionKind.Rotary);
        var call = new TransformerCall(rotary ? Rotation(queries) : null, rotary && keys is not null ? Rotation(keys) : null, mask, step, cross, set);
        var x = _config.Positions.HasFlag(PositionKind.Sinusoidal) ? x_BSD + Sinusoids(queries, _config.Dim, _config.MaxPeriod) * _config.PositionScale : x_BSD;
        foreach (var layer in layers == 0 ? this.layers : this.layers.Take(layers))
        {
            var next = layer.Forward(x, call);
            if (!ReferenceEquals(x, x_BSD))
                x.Dispose();
            x = next;
        }
        return x.MoveToOuterDisposeScope();
    }

    /// <summary>As above, with a session cache or offline.</summary>
    public Tensor Forward(Tensor x_BSD, KvStep? step = null, CrossCondition? cross = null) => Forward(x_BSD, step, cross, 0);

    internal static nn.Module<Tensor, Tensor> BuildNorm(TransformerConfig config)
        => config.Norm == Norm.Rms ? new RmsNorm(config.Dim, config.NormEps) : nn.LayerNorm(config.Dim, config.NormEps);

    /// <summary>[cos(p w_i), sin(p w_i)], w_i = maxPeriod^(-i / (dim/2 - 1)), all cosines first.</summary>
    /// <param name="positions_BS">Absolute positions.</param>
    /// <returns>[B, S, dim].</returns>
    public static Tensor Sinusoids(Tensor positions_BS, int dim, double maxPeriod)
    {
        using var scope = NewDisposeScope();
        var half = dim / 2;
        var rates = pow(maxPeriod, arange(half, ScalarType.Float32, positions_BS.device) / -Math.Max(1, half - 1));
        var phase = positions_BS.to(ScalarType.Float32).unsqueeze(-1) * rates;
        return cat([phase.cos(), phase.sin()], -1).MoveToOuterDisposeScope();
    }

    // e^(i angle) for angle p * maxPeriod^(-2i/d), [B, S, 1, d/2].
    private Tensor Rotation(Tensor positions_BS)
    {
        var half = _config.HeadDim / 2;
        var rates = pow(_config.MaxPeriod, arange(half, ScalarType.Float32, positions_BS.device) / -half);
        var angle = (positions_BS.to(ScalarType.Float32).unsqueeze(-1) * rates).unsqueeze(2);
        return complex(angle.cos(), angle.sin());
    }

    /// <summary>0 where a position sees another, -infinity elsewhere: [1, 1, S, S].</summary>
    internal Tensor CausalMask(long steps, Device device)
    {
        var mask = ones([steps, steps], ScalarType.Bool, device).tril();
        if (_config.Context is { } context)
            mask = mask.logical_and(ones([steps, steps], ScalarType.Bool, device).triu(1 - context));
        return zeros([1, 1, steps, steps], device: device).masked_fill_(mask.logical_not(), float.NegativeInfinity);
    }
}
