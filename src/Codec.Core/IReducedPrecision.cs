using Codec.Core.Layers;

namespace Codec.Core;

/// <summary>
/// A codec whose layers can compute with numbers of 16 bits. On a processor both sides of every product of the encoder and the decoder are rounded: to whole
/// numbers with a factor for each row, or to bfloat16 where rows are short; sums, activations and the quantizer stay float32. On a GPU weights and
/// activations are bfloat16. Codes differ in part from those of float32, and any decoder takes them.
/// </summary>
public interface IReducedPrecision : ICodec
{
    /// <summary>Whether this processor has the instructions (AVX512-VNNI and AVX512-BF16, on Linux). Without them it computes in float32 as before.</summary>
    static bool IsSupportedByProcessor => ReducedLayers.AreSupported;

    /// <summary>From now on and for good; to be called before anything is coded.</summary>
    void UseBFloat16();
}
