namespace Codec.Core.Bitstream;

/// <summary>How the codes of a file are predicted. The numbers stand in files.</summary>
public enum Predictor
{
    /// <summary>No prediction: log2(size) bits a code.</summary>
    Uniform = 0,

    /// <summary>Counts of the codes since the last reset (<see cref="Prediction.AdaptiveModel"/>).</summary>
    Adaptive = 1,

    /// <summary>Context mixing (<see cref="Prediction.MixingModel"/>).</summary>
    Mixing = 2,

    /// <summary>A small network with trained tables (<see cref="Prediction.NeuralModel"/>).</summary>
    Neural = 3,

    /// <summary>Context mixing with the network as one more voice.</summary>
    NeuralMixing = 4,

    /// <summary>Trained counts over a tree of books (<see cref="Prediction.TreeModel"/>).</summary>
    Tree = 5,

    /// <summary>As <see cref="Neural"/>, with books that frames may lack (<see cref="VariableBooks"/>).</summary>
    NeuralVariable = 6,

    /// <summary>As <see cref="Neural"/>, with the low band behind (<see cref="Prediction.LowbandModel"/>).</summary>
    NeuralLowband = 7,
}
