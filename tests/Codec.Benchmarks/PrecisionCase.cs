using Codec.Core;
using static TorchSharp.torch;

namespace Codec.Benchmarks;

/// <summary>Our inference path in bfloat16 beside the same path in float32, which takes the place of the plain one.</summary>
internal sealed class PrecisionCase : ISpeedCase
{
    private readonly ISpeedCase _exact, _half;

    /// <exception cref="NotSupportedException">The codec computes in float32 only.</exception>
    public PrecisionCase(Func<ISpeedCase> create)
    {
        (_exact, _half) = (create(), create()); // the same seed, so the same weights
        (_half.Codec as IReducedPrecision ?? throw new NotSupportedException($"{_half.Name}: computes in float32 only")).UseBFloat16();
    }

    public string Name => $"{_exact.Name}, bf16";

    public ICodec Codec => _half.Codec;

    public int Books => _half.Books;

    public Codes EncodePlain(Tensor audio_BCS) => _exact.Codec.Encode(audio_BCS, Books);

    public Tensor DecodePlain(Codes codes) => _exact.Codec.Decode(codes);

    public void Dispose()
    {
        _exact.Dispose();
        _half.Dispose();
    }
}
