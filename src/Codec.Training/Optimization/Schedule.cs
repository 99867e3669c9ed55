using Codec.Audio;

namespace Codec.Training.Optimization;

/// <summary>Learning rate: linear warm-up, constant, then half a cosine down to a share of the peak.</summary>
public sealed record Schedule
{
    public double LearningRate { get; init; } = 1e-3;
    public int WarmupSteps { get; init; } = 100;

    /// <summary>Share of the run after which the rate falls; 0 = from the warm-up on.</summary>
    public double DecayFrom { get; init; }

    /// <summary>Last rate as a share of the first.</summary>
    public double FinalShare { get; init; } = 0.01;

    /// <exception cref="ConfigException">A value is out of range.</exception>
    public Schedule Validate()
    {
        Require.Positive(LearningRate);
        Require.InRange(WarmupSteps, 0, int.MaxValue);
        Require.InRange(DecayFrom, 0, 1);
        Require.InRange(FinalShare, 0, 1);
        return this;
    }

    /// <summary>The rate of a step.</summary>
    /// <param name="step">From 0.</param>
    /// <param name="steps">Of the whole run.</param>
    public double At(long step, long steps)
    {
        if (step < WarmupSteps)
            return LearningRate * (step + 1) / WarmupSteps;
        var decayStart = Math.Max(WarmupSteps, steps * DecayFrom);
        if (step < decayStart)
            return LearningRate;
        var share = Math.Clamp((step - decayStart) / Math.Max(1, steps - decayStart), 0, 1);
        return LearningRate * (FinalShare + (1 - FinalShare) * 0.5 * (1 + Math.Cos(Math.PI * share)));
    }
}
