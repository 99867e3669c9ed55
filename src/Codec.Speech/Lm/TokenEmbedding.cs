using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>A table of vectors with one row more than tokens (the start token); token -1 gives zeros. Optionally low-rank.</summary>
public sealed class TokenEmbedding : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly Projection? low_rank;

    /// <param name="vocabulary">Tokens; the table has one row more.</param>
    /// <param name="dim">Width of the result.</param>
    /// <param name="rank">Width of the table; 0 = dim.</param>
    public TokenEmbedding(int vocabulary, int dim, int rank = 0) : base(nameof(TokenEmbedding))
    {
        weight = new Parameter(empty(vocabulary + 1, rank == 0 ? dim : rank));
        nn.init.normal_(weight, 0, 0.02);
        if (rank != 0)
            low_rank = new Projection(rank, dim, false);
        RegisterComponents();
    }

    /// <summary>[V + 1, dim or rank].</summary>
    public Tensor Weight => weight;

    /// <param name="tokens">int64, any shape.</param>
    /// <returns>[..., dim].</returns>
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var vectors = weight.index_select(0, tokens.clamp(0).flatten()).view([.. tokens.shape, weight.shape[1]]);
        vectors = vectors * tokens.ge(0).unsqueeze(-1);
        return (low_rank?.forward(vectors) ?? vectors).MoveToOuterDisposeScope();
    }
}
