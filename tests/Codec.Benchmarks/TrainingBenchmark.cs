using Codec.Core.Codecs.Native;
using Codec.Core.Layers;
using Codec.Core.Quantizers;
using Codec.Core.Runtime;
using Codec.Training.Codecs;
using Codec.Training.Losses;
using Codec.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Benchmarks;

/// <summary>Where a training step of the bundled codec's shape spends its CPU time: 16 crops of half a second, random weights and audio.</summary>
internal static class TrainingBenchmark
{
    private const int Items = 16, Samples = 8000, WarmUp = 3;

    private static readonly string[] Phases = ["encoder", "quantizer", "decoder", "mel loss", "loudness loss", "backward", "optimizer"];

    public static int Run(string[] args)
    {
        var (threads, steps) = (args.Length > 0 ? int.Parse(args[0]) : 1, args.Length > 1 ? int.Parse(args[1]) : 10);
        TorchRuntime.Initialize(new() { Threads = threads });
        TrainingPrecision.Reduced = args.ElementAtOrDefault(2) == "bfloat16";
        random.manual_seed(1);
        var config = new NativeConfig();
        using var model = NativeModel.Create(config);
        using var optimizer = new Codec.Training.Optimization.AdamW(model.named_parameters().Select(p => (p.name, p.parameter)), new AdamWConfig());
        using var mel = new ReconstructionLoss(config.SampleRate, new LossConfig(), CPU);
        using var loudness = new LoudnessLoss(config.SampleRate, CPU);
        var sums = new double[Phases.Length];
        for (var step = -WarmUp; step < steps; step++)
            Step(model, optimizer, mel, loudness, step < 0 ? new double[Phases.Length] : sums);
        Console.WriteLine($"| phase | CPU ms a step ({Items} x {Samples / (double)config.SampleRate} s, {threads} threads{(TrainingPrecision.Reduced ? ", bfloat16" : "")}) |\n|---|---|");
        foreach (var (phase, sum) in Phases.Zip(sums))
            Console.WriteLine($"| {phase} | {sum / steps * 1000:F1} |");
        Console.WriteLine($"| together | {sums.Sum() / steps * 1000:F0} = {Items * Samples / (double)config.SampleRate * steps / sums.Sum():F1} s of audio a CPU second |");
        return 0;
    }

    private static void Step(NativeModel model, Codec.Training.Optimization.AdamW optimizer, ReconstructionLoss mel, LoudnessLoss loudness, double[] sums)
    {
        using var scope = NewDisposeScope();
        var (time, phase) = (Measurement.Cpu(), 0);
        void Mark()
        {
            var now = Measurement.Cpu();
            sums[phase++] += now - time;
            time = now;
        }
        var target_BS = randn(Items, Samples) * 0.05f;
        var latent_BTD = model.Encoder.forward(nn.functional.pad(target_BS, [0, model.Config.DelaySamples]), null);
        Mark();
        var quantized = ((ILearnedQuantizer)model.Quantizer).Quantize(latent_BTD, null, new Random(1));
        Mark();
        var output_BS = model.Decoder.forward(quantized.Quantized, null).narrow(1, model.Config.DelaySamples, Samples);
        Mark();
        var loss = mel.Compute(output_BS, target_BS, new Dictionary<string, double>())[0].Loss;
        Mark();
        var total = loss + loudness.Compute(output_BS, target_BS) * 0.3f + quantized.Loss;
        Mark();
        total.backward();
        Mark();
        optimizer.Step(1e-5, 1);
        Mark();
    }
}
