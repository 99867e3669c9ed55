using static TorchSharp.torch;

namespace Codec.Core.Quantizers;

/// <summary>Vectors to codes and back; leaves (VQ, FSQ, SimVQ) and combinators (residual, grouped) compose behind it.</summary>
public interface IQuantizer
{
    IReadOnlyList<CodebookSpec> Books { get; }

    /// <summary>Nearest codes.</summary>
    /// <param name="latent_BTD">[B, T, D].</param>
    /// <param name="books">How many books; null for all.</param>
    /// <returns>int64 [B, K, T].</returns>
    Tensor Encode(Tensor latent_BTD, int? books = null);

    /// <summary>The vectors that codes stand for.</summary>
    /// <param name="codes_BKT">int64 [B, K, T]; a prefix of the books is enough.</param>
    /// <returns>[B, T, D].</returns>
    Tensor Decode(Tensor codes_BKT);

    /// <summary>Quantization with gradients, for training.</summary>
    /// <param name="latent_BTD">[B, T, D].</param>
    /// <param name="booksPerItem">Books that each item keeps (quantizer dropout); null = all.</param>
    QuantizedLatent Quantize(Tensor latent_BTD, int[]? booksPerItem = null);
}

/// <summary>What a quantizer returns in training.</summary>
/// <param name="Quantized">[B, T, D], differentiable by straight-through.</param>
/// <param name="Codes">int64 [B, K, T].</param>
/// <param name="Loss">Scalar: commitment and codebook terms, already weighted within the quantizer.</param>
public sealed record QuantizedLatent(Tensor Quantized, Tensor Codes, Tensor Loss);
