using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>
/// Blockwise drafting (arXiv 1811.03115): head i turns the output that predicts the next step into one that guesses the step i + 1 further on,
/// h + silu(W h), which then goes through the model's own output layers.
/// </summary>
public sealed class DraftHeads : nn.Module
{
    private readonly ModuleList<Projection> heads;

    public DraftHeads(int dim, int count) : base(nameof(DraftHeads))
    {
        heads = new ModuleList<Projection>(Enumerable.Range(0, count).Select(_ => new Projection(dim, dim, true)).ToArray());
        RegisterComponents();
    }

    public int Count => heads.Count;

    /// <param name="hidden">[..., D].</param>
    /// <param name="head">Guesses the step <paramref name="head"/> + 2 places after the one read.</param>
    /// <returns>Same shape.</returns>
    public Tensor Forward(Tensor hidden, int head)
    {
        using var scope = NewDisposeScope();
        return (hidden + nn.functional.silu(heads[head].forward(hidden))).MoveToOuterDisposeScope();
    }
}
