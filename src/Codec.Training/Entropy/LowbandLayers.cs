using Codec.Core.Bitstream.Prediction;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Training.Entropy;

/// <summary>The network of <see cref="LowbandPrior"/> in floating point, for training: sums of embeddings to log2 of expected shares.</summary>
internal sealed class LowbandLayers : nn.Module<Tensor, Tensor>
{
    private readonly Linear input, middle, output;

    public LowbandLayers(int inputs, int coefficients, LowbandPriorConfig config) : base(nameof(LowbandLayers))
    {
        input = nn.Linear(inputs, config.Hidden);
        middle = nn.Linear(config.Hidden, config.Rank);
        output = nn.Linear(config.Rank, coefficients);
        RegisterComponents();
    }

    /// <param name="x_BX">Of each frame the sums at all taps, oldest first.</param>
    /// <returns>[B, K].</returns>
    public override Tensor forward(Tensor x_BX)
    {
        using var scope = NewDisposeScope();
        return output.forward(F.relu(middle.forward(F.relu(input.forward(x_BX))))).MoveToOuterDisposeScope();
    }

    /// <summary>Outputs start around these.</summary>
    public void StartAt(float[] logs)
    {
        using var mode = no_grad();
        using var logs_K = tensor(logs);
        output.bias!.copy_(logs_K);
    }

    /// <param name="scale">What inputs were multiplied by in training.</param>
    public LowbandWeights Weights(float scale)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        LinearWeights Of(Linear layer, float factor) => new(PriorBook.Matrix(layer.weight * factor), layer.bias!.data<float>().ToArray());
        return new LowbandWeights(Of(input, scale), Of(middle, 1), Of(output, 1));
    }
}
