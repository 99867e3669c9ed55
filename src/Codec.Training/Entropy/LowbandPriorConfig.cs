using Codec.Audio;
using Codec.Core.Bitstream;

namespace Codec.Training.Entropy;

/// <summary>How <see cref="LowbandPriorTrainer"/> trains.</summary>
public sealed record LowbandPriorConfig
{
    /// <summary>Units of the first hidden layer.</summary>
    public int Hidden { get; init; } = 128;

    /// <summary>Units of the second hidden layer.</summary>
    public int Rank { get; init; } = 64;

    /// <summary>Fewest books that files keep before the low band.</summary>
    public int FewestBooks { get; init; } = 3;

    /// <summary>Most books that files keep before the low band.</summary>
    public int MostBooks { get; init; } = 5;

    /// <summary>Steps from 0 to the largest coefficient, of which sizes and signs are counted.</summary>
    public IReadOnlyList<int> Quantizations { get; init; } = [30, 42, 60, 85, 120];

    /// <summary>Frames of a block in the files that will be written.</summary>
    public int BlockFrames { get; init; } = 50;

    /// <summary>Frames in a step.</summary>
    public int Batch { get; init; } = 1024;

    public int Steps { get; init; } = 2000;

    /// <summary>Highest rate; rises over the first twentieth of the steps, then falls to nothing along a cosine.</summary>
    public double LearningRate { get; init; } = 2e-3;

    public double WeightDecay { get; init; } = 0.01;

    /// <summary>Added to the size of every share, so that silence asks for no endless precision.</summary>
    public double Floor { get; init; } = 0.1 / 60;

    public int Seed { get; init; } = 1;

    /// <exception cref="ConfigException">A value out of range.</exception>
    public LowbandPriorConfig Validate()
    {
        Require.Positive(Hidden);
        Require.Positive(Rank);
        Require.Positive(FewestBooks);
        Require.That(MostBooks >= FewestBooks, nameof(MostBooks), $">= FewestBooks ({FewestBooks})", MostBooks);
        Require.That(Quantizations.Count > 0 && Quantizations.All(m => m is >= LowbandBooks.FewestSteps and <= LowbandBooks.MostSteps), nameof(Quantizations),
            $"numbers from {LowbandBooks.FewestSteps} to {LowbandBooks.MostSteps}", string.Join(' ', Quantizations));
        Require.Positive(BlockFrames);
        Require.Positive(Batch);
        Require.Positive(Steps);
        Require.Positive(LearningRate);
        Require.InRange(WeightDecay, 0, 1);
        Require.Positive(Floor);
        return this;
    }
}
