using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Training.Optimization;

/// <summary>
/// AdamW (Loshchilov and Hutter 2019) with gradient clipping by global norm and a running mean of the weights.
/// Its state is plain named tensors, so a run resumes exactly.
/// </summary>
public sealed class AdamW : IDisposable
{
    private readonly (string Name, Parameter Weight, Tensor Mean, Tensor Square, Tensor Average)[] _slots;
    private readonly AdamWConfig _config;

    public AdamW(IEnumerable<(string Name, Parameter Weight)> parameters, AdamWConfig config)
    {
        _config = config;
        using var mode = no_grad();
        _slots = parameters.Select(p => (p.Name, p.Weight,
            zeros_like(p.Weight).DetachFromDisposeScope(),
            zeros_like(p.Weight).DetachFromDisposeScope(),
            p.Weight.detach().clone().DetachFromDisposeScope())).ToArray();
    }

    /// <summary>Updates made.</summary>
    public long Steps { get; private set; }

    /// <summary>One update from the gradients, which are cleared.</summary>
    /// <param name="learningRate">Of this step.</param>
    /// <param name="maxNorm">Gradients longer than this together are scaled down.</param>
    /// <returns>Norm of the gradients before clipping; where it is not finite the step is skipped.</returns>
    public double Step(double learningRate, double maxNorm)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var active = _slots.Where(s => s.Weight.grad is not null).ToArray();
        var norm = stack(active.Select(s => s.Weight.grad!.norm()).ToArray()).norm().item<float>();
        if (float.IsFinite(norm))
        {
            Steps++;
            var clip = Math.Min(1, maxNorm / (norm + 1e-6));
            var correction1 = 1 - Math.Pow(_config.Beta1, Steps);
            var correction2 = 1 - Math.Pow(_config.Beta2, Steps);
            foreach (var (_, weight, mean, square, average) in active)
            {
                var gradient = weight.grad!;
                if (clip < 1)
                    gradient.mul_(clip);
                mean.lerp_(gradient, 1 - _config.Beta1);
                square.mul_(_config.Beta2).addcmul_(gradient, gradient, 1 - _config.Beta2);
                if (weight.dim() > 1)
                    weight.mul_(1 - learningRate * _config.WeightDecay);
                using var divisor = square.sqrt().div_(Math.Sqrt(correction2)).add_(1e-8);
                weight.addcdiv_(mean, divisor, -learningRate / correction1);
                // Early averages must not remember the random start.
                average.lerp_(weight, Math.Max(1 - _config.AverageDecay, 1.0 / (Steps + 1)));
            }
        }
        foreach (var slot in _slots)
            slot.Weight.grad?.zero_();
        return norm;
    }

    /// <summary>Exchanges weights and their running means; call twice to come back.</summary>
    public void SwapAverages()
    {
        using var mode = no_grad();
        foreach (var (_, weight, _, _, average) in _slots)
        {
            using var copy = weight.clone();
            weight.copy_(average);
            average.copy_(copy);
        }
    }

    /// <summary>The state by name; the tensors stay owned by the optimizer.</summary>
    public IEnumerable<(string Name, Tensor Value)> State
        => _slots.SelectMany(s => new[] { ("mean." + s.Name, s.Mean), ("square." + s.Name, s.Square), ("average." + s.Name, s.Average) });

    /// <summary>Takes up the count of updates of a saved run, whose tensors were copied into <see cref="State"/>.</summary>
    public void Resume(long steps) => Steps = steps;

    public void Dispose()
    {
        foreach (var slot in _slots)
        {
            slot.Mean.Dispose();
            slot.Square.Dispose();
            slot.Average.Dispose();
        }
    }
}

/// <summary>Settings of <see cref="AdamW"/>.</summary>
public sealed record AdamWConfig
{
    public double Beta1 { get; init; } = 0.8;
    public double Beta2 { get; init; } = 0.99;

    /// <summary>Applied to matrices only.</summary>
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>Share of the running mean of the weights that survives a step.</summary>
    public double AverageDecay { get; init; } = 0.999;
}
