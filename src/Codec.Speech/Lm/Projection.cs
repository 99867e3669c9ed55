using Codec.Core.Kernels;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>
/// A linear layer that knows its two lives: libtorch's matrix product in training and for prompts, an own matrix-vector kernel, on
/// weights of 32, 8 or 4 bits, for the few vectors of a decoding step.
/// </summary>
public sealed class Projection : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly Parameter? bias;
    private BlockMatrix? _blocks;

    /// <param name="inputs">I.</param>
    /// <param name="outputs">O.</param>
    /// <param name="hasBias">Whether there is a bias.</param>
    public Projection(long inputs, long outputs, bool hasBias) : base(nameof(Projection))
    {
        weight = new Parameter(empty(outputs, inputs));
        nn.init.kaiming_uniform_(weight, Math.Sqrt(5));
        if (hasBias)
        {
            bias = new Parameter(empty(outputs));
            nn.init.uniform_(bias, -1 / Math.Sqrt(inputs), 1 / Math.Sqrt(inputs));
        }
        RegisterComponents();
    }

    /// <summary>[O, I].</summary>
    public Tensor Weight => weight;

    /// <summary>[O] or null.</summary>
    public Tensor? Bias => bias;

    /// <summary>The rounded weights, where <see cref="Quantize"/> was called.</summary>
    public BlockMatrix? Blocks => _blocks;

    /// <summary>Rounds the weights to 8 or 4 bits, for all uses alike; layers whose inputs are no multiple of 32 stay as they are.</summary>
    public void Quantize(int bits)
    {
        if (weight.shape[1] % BlockMatrix.Block != 0)
            return;
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        Set(BlockMatrix.Quantize(weight.detach().cpu().data<float>().ToArray(), (int)weight.shape[1], bits));
    }

    /// <summary>Takes stored blocks.</summary>
    internal void Set(BlockMatrix blocks)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        weight.copy_(tensor(blocks.Dequantize(), weight.shape));
        _blocks = blocks;
    }

    /// <param name="x">[..., I].</param>
    /// <returns>[..., O].</returns>
    public override Tensor forward(Tensor x)
    {
        if (!MatVec.Takes(x, weight))
            return nn.functional.linear(x, weight, bias);
        return _blocks?.Multiply(x, bias) ?? MatVec.Run(x, weight, bias);
    }
}
