using static TorchSharp.torch;

namespace Codec.Benchmarks;

/// <summary>Residual quantization by libtorch operators: distances by one matrix product a book.</summary>
internal static class PlainQuantizer
{
    /// <param name="latent_BTD">Latent.</param>
    /// <param name="books_VD">Codebooks.</param>
    /// <returns>int64 [B, K, T].</returns>
    public static Tensor Encode(Tensor latent_BTD, IEnumerable<Tensor> books_VD)
    {
        using var scope = NewDisposeScope();
        var residual = latent_BTD;
        var codes = new List<Tensor>();
        foreach (var book in books_VD)
        {
            var distance = residual.square().sum(-1, keepdim: true) - 2 * residual.matmul(book.t()) + book.square().sum(-1);
            var code = distance.argmin(-1);
            codes.Add(code);
            residual = residual - book[code];
        }
        return stack(codes, 1).MoveToOuterDisposeScope();
    }

    /// <returns>[B, T, D].</returns>
    public static Tensor Decode(Tensor codes_BKT, IReadOnlyList<Tensor> books_VD)
    {
        using var scope = NewDisposeScope();
        var sum = books_VD[0][codes_BKT.select(1, 0)];
        for (var k = 1; k < codes_BKT.shape[1]; k++)
            sum = sum + books_VD[k][codes_BKT.select(1, k)];
        return sum.MoveToOuterDisposeScope();
    }
}
