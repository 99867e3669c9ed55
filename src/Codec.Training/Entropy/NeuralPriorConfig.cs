using Codec.Audio;

namespace Codec.Training.Entropy;

/// <summary>How <see cref="NeuralPriorTrainer"/> trains.</summary>
public sealed record NeuralPriorConfig
{
    /// <summary>Length of an embedding.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Units of the first hidden layer.</summary>
    public int Hidden { get; init; } = 192;

    /// <summary>Units of the second hidden layer.</summary>
    public int Rank { get; init; } = 128;

    /// <summary>Frames of a block in the files that will be written.</summary>
    public int BlockFrames { get; init; } = 50;

    /// <summary>Blocks in a step.</summary>
    public int Batch { get; init; } = 16;

    public int Steps { get; init; } = 2000;

    /// <summary>Highest rate; rises over the first twentieth of the steps, then falls to nothing along a cosine.</summary>
    public double LearningRate { get; init; } = 2e-3;

    /// <summary>Share of hidden units dropped in training.</summary>
    public double Dropout { get; init; } = 0.1;

    public double WeightDecay { get; init; } = 0.01;

    /// <summary>Share of the running mean of the weights that survives a step; the mean is what is kept in the end.</summary>
    public double AverageDecay { get; init; } = 0.99;

    public int Seed { get; init; } = 1;

    /// <exception cref="ConfigException">A value out of range.</exception>
    public NeuralPriorConfig Validate()
    {
        Require.Positive(Width);
        Require.That(Width % 2 == 0, nameof(Width), "an even number", Width);
        Require.Positive(Hidden);
        Require.Positive(Rank);
        Require.Positive(BlockFrames);
        Require.Positive(Batch);
        Require.Positive(Steps);
        Require.Positive(LearningRate);
        Require.InRange(Dropout, 0, 0.9);
        Require.InRange(WeightDecay, 0, 1);
        Require.InRange(AverageDecay, 0, 1);
        return this;
    }
}
