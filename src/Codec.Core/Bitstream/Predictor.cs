namespace Codec.Core.Bitstream;

/// <summary>How the codes of a file are predicted. The numbers stand in files.</summary>
public enum Predictor
{
    /// <summary>No prediction: log2(size) bits a code.</summary>
    Uniform = 0,
}
