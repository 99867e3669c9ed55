using System.Globalization;
using Codec.Core.Kernels;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Benchmarks;

/// <summary>Convolutions of the sizes that published codecs have: one chain per output, minimal filtering and libtorch's conv1d, one thread.</summary>
internal static class ConvBenchmark
{
    private static readonly (int Inputs, int Columns, int Taps, int Stride, int Dilation, int Steps)[] Cases =
    [
        (64, 32, 3, 1, 1, 6000), (128, 64, 3, 1, 1, 3000), (256, 128, 3, 1, 1, 1000), (512, 256, 3, 1, 1, 600),
        (32, 64, 4, 2, 1, 6000), (64, 128, 8, 4, 1, 3000), (128, 256, 10, 5, 1, 1000), (256, 512, 16, 8, 1, 600), (512, 1024, 16, 8, 1, 250),
        (512, 2048, 2, 1, 1, 600), (1024, 4096, 2, 1, 1, 250),
        (64, 64, 7, 1, 1, 6000), (96, 96, 7, 1, 3, 6000), (192, 192, 7, 1, 9, 3000), (384, 384, 7, 1, 3, 1000), (768, 768, 7, 1, 1, 600), (768, 768, 7, 1, 9, 600),
    ];

    public static int Run()
    {
        set_num_threads(1);
        using var mode = inference_mode();
        Console.WriteLine("| inputs, columns, taps, stride, dilation, steps | chain, GMAC/s | minimal filtering (noise) | conv1d | ratio to the chain | 16 bits: chain (noise) | minimal filtering (noise) |\n|---|---|---|---|---|---|---|");
        foreach (var (inputs, outputs, steps) in new[] { (512, 512, 250), (512, 2048, 250), (2048, 512, 250), (8192, 1024, 250) })
            Linear(inputs, outputs, steps);
        foreach (var c in Cases)
            Row(new ConvShape(c.Inputs, c.Taps, c.Columns, c.Stride, c.Dilation), c.Steps);
        return 0;
    }

    private static void Linear(int inputs, int outputs, int steps)
    {
        using var scope = NewDisposeScope();
        Tensor weight = randn(outputs, inputs), x = randn(1, steps, inputs);
        using var chain = FrameConv.OfLinear(weight);
        using var dot = DotConv.OfLinear(inputs, outputs, () => weight);
        double work = (double)steps * inputs * outputs;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"linear {inputs}, {outputs}, {steps} rows: packed {Speed(work, () => chain.Run(x).Dispose()):0.0}, in place {Speed(work, () => dot.Run(x).Dispose()):0.0}, libtorch {Speed(work, () => F.linear(x, weight).Dispose()):0.0} GMAC/s"));
    }

    private static double Speed(double work, Action run)
    {
        var rounds = (int)Math.Clamp(3e9 / work, 3, 100);
        var least = double.MaxValue;
        for (var round = 0; round < 5; round++)
        {
            var start = Measurement.ThreadCpu();
            for (var i = 0; i < rounds; i++)
                run();
            least = Math.Min(least, (Measurement.ThreadCpu() - start) / rounds);
        }
        return work / least * 1e-9;
    }

    private static void Row(ConvShape shape, int steps)
    {
        using var scope = NewDisposeScope();
        Tensor weight = randn(shape.Columns, shape.Inputs, shape.Taps), x = randn(1, (steps - 1) * shape.Stride + shape.Reach, shape.Inputs);
        var taps = weight.permute(2, 1, 0);
        using var chain = new DenseConv(shape, taps, null);
        using var minimal = new WinogradConv(shape, taps, null);
        var x_BCT = x.transpose(1, 2).contiguous();
        var work = (double)steps * shape.Taps * shape.Inputs * shape.Columns;
        var (a, b) = (Speed(work, () => chain.Run(x).Dispose()), Speed(work, () => minimal.Run(x).Dispose()));
        var plain = Speed(work, () => F.conv1d(x_BCT, weight, null, shape.Stride, dilation: shape.Dilation).Dispose());
        using FrameConv pairs = DenseConv.Of(shape, taps, null, reduced: true), minimalPairs = new WinogradConv(shape, taps, null, reduced: true);
        var exact = chain.Run(x);
        double Noise(FrameConv kernel) => 20 * Math.Log10(((kernel.Run(x) - exact).norm() / exact.norm()).item<float>());
        string Reduced(FrameConv kernel) => string.Create(CultureInfo.InvariantCulture, $"{Speed(work, () => kernel.Run(x).Dispose()):0.0} ({Noise(kernel):0} dB)");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"| {shape.Inputs}, {shape.Columns}, {shape.Taps}, {shape.Stride}, {shape.Dilation}, {steps} | {a:0.0} | {b:0.0} ({Noise(minimal):0} dB) | {plain:0.0} | {b / a:0.00} | {Reduced(pairs)} | {Reduced(minimalPairs)} |"));
    }
}
