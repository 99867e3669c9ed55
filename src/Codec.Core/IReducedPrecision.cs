namespace Codec.Core;

/// <summary>A codec whose layers can compute with bfloat16 weights and activations: less memory traffic, and faster on processors that have
/// instructions for it. The quantizer stays in float32. Codes differ in part from those of float32, and any decoder takes them.</summary>
public interface IReducedPrecision : ICodec
{
    /// <summary>Converts the layers for good; to be called before anything is coded.</summary>
    void UseBFloat16();
}
