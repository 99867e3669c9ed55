using System.Diagnostics;
using System.Globalization;
using Codec.Core.Codecs.Dac;
using Codec.Core.Codecs.Snac;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Benchmarks;

/// <summary>
/// DAC and SNAC at their published sizes with random weights: the plain conv1d path of the same libtorch ([N, C, T], Snake
/// as five operators: what PyTorch runs) against the channels-last path with own kernels, alternating in one run.
/// Usage: snake [dac24|dac44|snac24] [seconds] [threads] [rounds].
/// </summary>
internal static class SnakeBenchmark
{
    public static int Run(string[] args)
    {
        var name = args.ElementAtOrDefault(0) ?? "snac24";
        var seconds = Number(args, 1, 10);
        set_num_threads(Number(args, 2, 2));
        var rounds = Number(args, 3, 3);
        manual_seed(1);
        var (model, rate, hop, latent, encode, decode) = Build(name);
        foreach (var parameter in model.parameters())
            parameter.requires_grad = false; // the plain path runs with gradients on, and must not record any
        var samples = (long)seconds * rate / (hop * 32) * (hop * 32);
        using var audio = rand(1, 1, samples) - 0.5;
        using var features = randn(1, latent, samples / hop);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}, {(double)samples / rate:0.00} s, {get_num_threads()} threads, best of {rounds} alternating rounds"));
        Compare("encode", () => encode(audio), rounds, (double)samples / rate);
        Compare("decode", () => decode(features), rounds, (double)samples / rate);
        model.Dispose();
        return 0;
    }

    private static void Compare(string what, Func<Tensor> run, int rounds, double seconds)
    {
        var (plain, fast, difference) = (double.MaxValue, double.MaxValue, 0.0);
        for (var i = 0; i < rounds; i++)
        {
            using var scope = NewDisposeScope();
            var (slowly, t1) = Time(run);
            using var inference = inference_mode();
            var (quickly, t2) = Time(run);
            (plain, fast) = (Math.Min(plain, t1), Math.Min(fast, t2));
            difference = Math.Max(difference, (slowly - quickly).abs().max().item<float>());
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{what}: plain {plain:0.000} s ({seconds / plain:0.0} x real time), ours {fast:0.000} s ({seconds / fast:0.0} x), ratio {plain / fast:0.00}, max difference {difference:0.0e0}"));
    }

    private static (Tensor Result, double Seconds) Time(Func<Tensor> run)
    {
        var clock = Stopwatch.StartNew();
        return (run(), clock.Elapsed.TotalSeconds);
    }

    private static (nn.Module Model, int Rate, int Hop, int Latent, Func<Tensor, Tensor> Encode, Func<Tensor, Tensor> Decode) Build(string name)
    {
        if (name == "snac24")
        {
            var snac = new SnacConfig { SampleRate = 24_000 };
            var network = new SnacModel(snac);
            return (network, snac.SampleRate, snac.HopLength, snac.Latent, network.encoder.forward, x => network.decoder.Run(x, null));
        }
        var dac = name == "dac44"
            ? new DacConfig { SampleRate = 44_100 }
            : new DacConfig { SampleRate = 24_000, EncoderRates = [2, 4, 5, 8], DecoderRates = [8, 5, 4, 2] };
        var model = new DacModel(dac);
        return (model, dac.SampleRate, dac.HopLength, dac.Latent, model.encoder.forward, model.decoder.forward);
    }

    private static int Number(string[] args, int index, int fallback)
        => args.Length > index ? int.Parse(args[index], CultureInfo.InvariantCulture) : fallback;
}
