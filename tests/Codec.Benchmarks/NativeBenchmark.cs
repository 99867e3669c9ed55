using System.Diagnostics;
using System.Globalization;
using Codec.Audio;
using Codec.Core;
using Codec.Core.Codecs.Native;
using Codec.Core.Pretrained;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Benchmarks;

/// <summary>The bundled codec: own kernels against the operators of its model on one thread, and one frame at a time. CPU time of the process
/// where the machine may be busy.</summary>
internal static class NativeBenchmark
{
    /// <param name="audioFile">Speech of any rate; null for noise.</param>
    /// <param name="seconds">Of audio.</param>
    /// <param name="rounds">Measured runs.</param>
    public static IEnumerable<TableRow> Rows(string? audioFile, double seconds, int rounds)
    {
        set_num_threads(1);
        using var codec = (NativeCodec)NativeCheckpoint.Load(PretrainedModels.Resolve(null));
        var samples = Samples(audioFile, codec.Info, seconds);
        using var audio_BCS = tensor(samples, [1, 1, samples.Length]);
        var codes = codec.EncodeSamples(samples, 1);
        var check = Compare(codec, samples, audio_BCS, codes);
        var length = (double)samples.Length / codec.Info.SampleRate;
        var encode = Measurement.Least(rounds, () => codec.EncodeSamples(samples, 1));
        var decode = Measurement.Least(rounds, () => codec.DecodeSamples(codes));
        var encodePlain = Measurement.Least(rounds, () => Plain(() => codec.Model.Quantizer.Encode(codec.Model.Encoder.forward(audio_BCS.squeeze(1), null))));
        using var codes_BKT = CodeTensors.ToTensor(codes, CPU);
        var decodePlain = Measurement.Least(rounds, () => Plain(() => codec.Model.Decoder.forward(codec.Model.Quantizer.Decode(codes_BKT), null)));
        yield return new TableRow("bundled codec (network, 8 books): encode", length / encode, TableRow.Times, length / encodePlain, "native encode", check);
        yield return new TableRow("bundled codec (network, 8 books): decode", length / decode, TableRow.Times, length / decodePlain, "native decode");
        yield return new TableRow("bundled codec (network, 8 books): both together", length / (encode + decode), TableRow.Times, length / (encodePlain + decodePlain));
        yield return Stream(codec, samples);
    }

    private static string Compare(NativeCodec codec, float[] samples, Tensor audio_BCS, Codes codes)
    {
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        var plain = CodeTensors.ToCodes(codec.Model.Quantizer.Encode(codec.Model.Encoder.forward(audio_BCS.squeeze(1), null)), codec.Info.Books);
        var equal = Enumerable.Range(0, codes.Books).Sum(k => codes[k].ToArray().Zip(plain[k].ToArray()).Count(pair => pair.First == pair.Second));
        var wave = codec.DecodeSamples(codes);
        var reference = codec.Model.Decoder.forward(codec.Model.Quantizer.Decode(CodeTensors.ToTensor(codes, CPU)), null);
        var error = (tensor(wave) - reference.squeeze(0)).abs().max().item<float>();
        return string.Create(CultureInfo.InvariantCulture, $"codes {(double)equal / (codes.Books * codes.Frames):p3} equal, samples within {error:g2}");
    }

    private static TableRow Stream(NativeCodec codec, float[] samples)
    {
        using var encoding = new StreamState();
        using var decoding = new StreamState();
        var hop = codec.Info.HopLength;
        var (wall, cpu) = (new List<double>(), new List<double>());
        for (var start = 0; start + hop <= samples.Length; start += hop)
        {
            var (from, watch) = (Measurement.ThreadCpu(), Stopwatch.StartNew());
            var codes = codec.EncodeSamples(samples.AsSpan(start, hop), 1, null, encoding);
            codec.DecodeSamples(codes, decoding);
            wall.Add(watch.Elapsed.TotalMilliseconds);
            cpu.Add(1000 * (Measurement.ThreadCpu() - from));
        }
        return new TableRow("bundled codec: one frame through encoder, 8 books and decoder, p99, CPU", Sorted(cpu)[(int)(0.99 * (Sorted(cpu).Length - 1))], "ms", Note: $"{wall.Count} frames; wall {Quantiles(wall)}; CPU {Quantiles(cpu)}");
    }

    /// <summary>After a quarter to warm up.</summary>
    private static double[] Sorted(List<double> times) => [.. times.Skip(times.Count / 4).Order()];

    private static string Quantiles(List<double> times)
    {
        var sorted = Sorted(times);
        return string.Join(", ", new[] { 0.5, 0.9, 0.99, 1 }.Select(share =>
            string.Create(CultureInfo.InvariantCulture, $"{(share < 1 ? $"p{100 * share:0}" : "worst")} {sorted[(int)(share * (sorted.Length - 1))]:0.00}")));
    }

    /// <summary>So many seconds of a recording at the rate of a codec, repeated where it is shorter; noise without one.</summary>
    internal static float[] Samples(string? audioFile, CodecInfo info, double seconds)
    {
        var count = (int)(seconds * info.SampleRate) / info.HopLength * info.HopLength;
        if (audioFile is null)
        {
            var random = new Random(1);
            return [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() - 0.5) * 0.2f)];
        }
        var audio = Resampler.Resample(AudioFile.Read(audioFile), info.SampleRate)[0].ToArray();
        return [.. Enumerable.Range(0, count).Select(i => audio[i % audio.Length])];
    }

    private static void Plain(Func<Tensor> run)
    {
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        run();
    }
}
