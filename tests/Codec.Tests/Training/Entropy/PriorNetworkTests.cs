using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Prediction;
using Codec.Training.Entropy;
using TorchSharp;

namespace Codec.Tests.Training.Entropy;

public sealed class PriorNetworkTests
{
    private static readonly NeuralPriorConfig Small = new() { Width = 6, Hidden = 12, Rank = 8, BlockFrames = 9, Batch = 2, Dropout = 0 };

    /// <summary>The backward pass is written by hand: every kind of parameter is checked against differences of the loss.</summary>
    [Fact]
    public void Gradients_are_those_of_the_loss()
    {
        torch.random.manual_seed(1);
        using var network = new PriorNetwork([[3, 1, 0, 2, 4], [1, 0, 2], [0, 5, 1, 2, 3, 4, 6]], Small);
        var random = new Random(1);
        int[][] codes = [.. new[] { 5, 3, 7 }.Select(size => Enumerable.Range(0, 18).Select(_ => random.Next(size)).ToArray())];
        // A first frame has no context: with biases of zero it would stand on the kink of the rectifier.
        using (torch.no_grad())
            foreach (var (_, weight) in network.Parameters.Where(p => p.Name.EndsWith("bias", StringComparison.Ordinal)))
                weight.add_(torch.rand_like(weight) * 0.2);
        network.Backward(codes);
        foreach (var (name, weight, gradient) in network.Parameters.Select(p => (p.Name, p.Weight, p.Weight.grad!.data<float>().ToArray())).ToArray())
        {
            var place = Array.IndexOf(gradient, gradient.MaxBy(Math.Abs));
            const float step = 2e-3f;
            Add(weight, place, step);
            var above = network.Backward(codes).Sum();
            Add(weight, place, -2 * step);
            var below = network.Backward(codes).Sum();
            Add(weight, place, step);
            Assert.True(Math.Abs(gradient[place]) > 1e-4, name);
            Assert.True(Math.Abs((above - below) / (2 * step) - gradient[place]) < 0.03 * Math.Abs(gradient[place]) + 1e-3, $"{name}: {(above - below) / (2 * step)} and {gradient[place]}");
        }
    }

    /// <summary>The integers see the same contexts as training, and lose next to nothing by rounding.</summary>
    [Fact]
    public void Rounded_tables_predict_as_the_network_does()
    {
        CodebookSpec[] books = [new(32), new(20)];
        var random = new Random(4);
        int[] first = new int[3000], second = new int[3000];
        for (var t = 2; t < 3000; t++)
        {
            first[t] = random.Next(4) > 0 ? (first[t - 1] + 3) % 32 : random.Next(32);
            second[t] = random.Next(4) > 0 ? (first[t] + first[t - 1]) % 20 : second[t - 1];
        }
        var codes = new Codes(books, [[first], [second]], 3000);
        var config = new NeuralPriorConfig { Width = 8, Hidden = 32, Rank = 16, BlockFrames = 30, Batch = 16, Steps = 300, LearningRate = 1e-2, Dropout = 0, AverageDecay = 0 };
        double[] last = [];
        var prior = NeuralPriorTrainer.Train([codes], 7, config, report: (_, bits) => last = bits);
        var measured = CodeLength.Measure([codes], () => new NeuralModel(prior), 30);
        Assert.Equal(7u, prior.TokenHash);
        Assert.InRange(measured[0], 1, 3.2);    // three of four follow; 5 bits raw
        Assert.InRange(measured[1], 0.5, 2.8);
        for (var book = 0; book < 2; book++)
            Assert.Equal(last[book], measured[book], 0.15); // last: averaged over the last steps, on random blocks
    }

    private static void Add(torch.Tensor weight, int place, float value)
    {
        using var none = torch.no_grad();
        using var flat = weight.view(-1);
        using var one = flat.narrow(0, place, 1);
        one.add_(value);
    }
}
