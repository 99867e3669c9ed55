namespace Codec.Core.Layers;

/// <summary>What stands beyond the ends of a signal.</summary>
public enum PadMode
{
    /// <summary>Zeros.</summary>
    Zero,

    /// <summary>The signal mirrored at its first and last sample, which are not repeated.</summary>
    Reflect,

    /// <summary>The first and last sample, repeated.</summary>
    Replicate,
}
