using Codec.Core.Kernels;
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
        var norm = active.Length == 0 ? 0 : stack(active.Select(s => s.Weight.grad!.norm()).ToArray()).norm().item<float>();
        if (float.IsFinite(norm))
        {
            Steps++;
            var factors = Factors(learningRate, Math.Min(1, maxNorm / (norm + 1e-6)));
            Tensor[] gradients = [.. active.Select(s => s.Weight.grad!)];
            RowBlocks.Run(active.Length, 1 << 18, (first, last) =>
            {
                using var own = NewDisposeScope();
                using var still = no_grad();
                for (var i = first; i < last; i++)
                    Update(active[i], gradients[i], active[i].Weight.dim() > 1 ? factors : factors with { Shrink = 1 });
            });
        }
        foreach (var slot in _slots)
            slot.Weight.grad?.zero_();
        return norm;
    }

    private AdamWStep Factors(double learningRate, double clip) => new(
        (float)clip, (float)_config.Beta1, (float)_config.Beta2,
        Shrink: (float)(1 - learningRate * _config.WeightDecay),
        Rate: (float)(learningRate / (1 - Math.Pow(_config.Beta1, Steps))),
        RootCorrection: (float)(1 / Math.Sqrt(1 - Math.Pow(_config.Beta2, Steps))),
        // Early averages must not remember the random start.
        AverageShare: (float)Math.Max(1 - _config.AverageDecay, 1.0 / (Steps + 1)));

    private static void Update((string Name, Parameter Weight, Tensor Mean, Tensor Square, Tensor Average) slot, Tensor gradient, AdamWStep step)
    {
        var (_, weight, mean, square, average) = slot;
        if (AdamWKernel.Fits(weight, gradient))
        {
            AdamWKernel.Apply(step, weight, gradient, mean, square, average);
            return;
        }
        gradient.mul_(step.Clip);
        mean.lerp_(gradient, 1 - step.Beta1);
        square.mul_(step.Beta2).addcmul_(gradient, gradient, 1 - step.Beta2);
        using var divisor = square.sqrt().mul_(step.RootCorrection).add_(1e-8);
        weight.mul_(step.Shrink).addcdiv_(mean, divisor, -step.Rate);
        average.lerp_(weight, step.AverageShare);
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
