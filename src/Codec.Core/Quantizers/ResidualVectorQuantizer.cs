using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Quantizers;

/// <summary>
/// Residual vector quantization (SoundStream, Zeghidour et al. 2021): book k codes what books 0..k-1 left over,
/// so every prefix of the books decodes.
/// </summary>
public sealed class ResidualVectorQuantizer : nn.Module, ILearnedQuantizer
{
    private readonly ModuleList<EmaCodebook> layers;

    /// <param name="dim">D.</param>
    /// <param name="books">K.</param>
    /// <param name="size">Entries per book.</param>
    public ResidualVectorQuantizer(int dim, int books, int size) : base(nameof(ResidualVectorQuantizer))
    {
        layers = new ModuleList<EmaCodebook>(Enumerable.Range(0, books).Select(_ => new EmaCodebook(dim, size)).ToArray());
        Books = Enumerable.Repeat(new CodebookSpec(size), books).ToArray();
        RegisterComponents();
    }

    public IReadOnlyList<CodebookSpec> Books { get; }

    /// <summary>The codebooks, coarse first.</summary>
    public IEnumerable<EmaCodebook> Codebooks => layers;

    /// <inheritdoc/>
    public void ResetSums()
    {
        foreach (var layer in layers)
            layer.ResetSums();
    }

    /// <summary>Weight of the commitment term in <see cref="QuantizedLatent.Loss"/>.</summary>
    public double CommitmentWeight { get; init; } = 0.25;

    /// <inheritdoc/>
    public Tensor Encode(Tensor latent_BTD, int? books = null)
    {
        using var scope = NewDisposeScope();
        var residual_BTD = latent_BTD;
        var codes = new List<Tensor>();
        foreach (var layer in layers.Take(books ?? Books.Count))
        {
            var codes_BT = layer.Nearest(residual_BTD);
            codes.Add(codes_BT);
            residual_BTD = residual_BTD - layer.Lookup(codes_BT);
        }
        return stack(codes, 1).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public Tensor Decode(Tensor codes_BKT)
    {
        using var scope = NewDisposeScope();
        var sum_BTD = layers[0].Lookup(codes_BKT.select(1, 0));
        for (var k = 1; k < codes_BKT.shape[1]; k++)
            sum_BTD = sum_BTD + layers[k].Lookup(codes_BKT.select(1, k));
        return sum_BTD.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public QuantizedLatent Quantize(Tensor latent_BTD, int[]? booksPerItem = null) => Quantize(latent_BTD, booksPerItem, null);

    /// <inheritdoc/>
    public QuantizedLatent Quantize(Tensor latent_BTD, int[]? booksPerItem, Random? replacement)
    {
        using var scope = NewDisposeScope();
        var residual_BTD = latent_BTD.detach();
        var sum_BTD = zeros_like(residual_BTD);
        var loss = zeros(1, latent_BTD.dtype, latent_BTD.device).squeeze(0);
        var codes = new List<Tensor>();
        using var limits_B = booksPerItem is null ? null : tensor(booksPerItem, device: latent_BTD.device);
        for (var k = 0; k < layers.Count; k++)
        {
            Tensor codes_BT, entry_BTD;
            using (no_grad())
            {
                codes_BT = layers[k].Nearest(residual_BTD);
                entry_BTD = layers[k].Lookup(codes_BT);
                if (replacement is not null)
                    layers[k].Learn(residual_BTD, codes_BT, replacement);
            }
            var kept_B11 = limits_B?.gt(k).to(latent_BTD.dtype).view(-1, 1, 1);
            var kept_BTD = kept_B11 is null ? entry_BTD : entry_BTD * kept_B11;
            // Commitment: the encoder's residual at this depth is pulled to the entry that stands for it.
            var error_BTD = (latent_BTD - (sum_BTD + entry_BTD)).pow(2);
            loss = loss + (kept_B11 is null ? error_BTD : error_BTD * kept_B11).mean();
            sum_BTD = sum_BTD + kept_BTD;
            residual_BTD = residual_BTD - entry_BTD;
            codes.Add(codes_BT);
        }
        // Straight-through: the value of the sum, the gradient of the latent.
        var quantized_BTD = latent_BTD + (sum_BTD - latent_BTD).detach();
        return new QuantizedLatent(
            quantized_BTD.MoveToOuterDisposeScope(),
            stack(codes, 1).MoveToOuterDisposeScope(),
            (loss * (CommitmentWeight / layers.Count)).MoveToOuterDisposeScope());
    }

    /// <inheritdoc/>
    public void Initialize(Tensor latent_ND, int iterations, Random random)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var residual_ND = latent_ND.detach();
        foreach (var layer in layers)
        {
            layer.Initialize(residual_ND, iterations, random);
            residual_ND = residual_ND - layer.Lookup(layer.Nearest(residual_ND));
        }
    }
}
