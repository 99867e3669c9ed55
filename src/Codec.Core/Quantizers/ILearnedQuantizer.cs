using static TorchSharp.torch;

namespace Codec.Core.Quantizers;

/// <summary>A quantizer whose books are not moved by gradients: they start from data and learn while quantizing.</summary>
public interface ILearnedQuantizer : IQuantizer
{
    /// <summary>Sets the books from latents.</summary>
    /// <param name="latent_ND">[N, D].</param>
    /// <param name="iterations">Of k-means.</param>
    /// <param name="random">Picks the first entries.</param>
    void Initialize(Tensor latent_ND, int iterations, Random random);

    /// <summary>As <see cref="IQuantizer.Quantize"/>, and the books learn from the batch after it was quantized.</summary>
    /// <param name="latent_BTD">[B, T, D].</param>
    /// <param name="booksPerItem">Books that each item keeps; null = all.</param>
    /// <param name="replacement">Picks vectors in place of entries that were not used for long; null = the books stay as they are.</param>
    QuantizedLatent Quantize(Tensor latent_BTD, int[]? booksPerItem, Random? replacement);

    /// <summary>Starts running sums afresh, after the books were loaded from a file without them.</summary>
    void ResetSums();
}
