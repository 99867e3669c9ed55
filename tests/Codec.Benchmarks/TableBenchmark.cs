using System.Globalization;
using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Codecs.Native;
using Codec.Core.Pretrained;
using Codec.Core.Runtime;
using Codec.Evaluation.Metrics;
using Codec.Evaluation.Pesq;

namespace Codec.Benchmarks;

/// <summary>
/// <c>table [RECORDING]</c>: all figures in one table, one thread each, as CPU time, which other processes disturb less than wall time:
/// bundled codec, entropy and range coder, metrics, EnCodec and Mimi shapes against plain libtorch, language model steps.
/// </summary>
internal static class TableBenchmark
{
    private const double Seconds = 20;
    private const int Rounds = 5;

    public static int Run(string[] args)
    {
        TorchRuntime.Initialize(new TorchRuntimeOptions { Threads = 1 });
        Say($"{CpuCapabilities.Summary}; {string.Join(' ', CpuCapabilities.Names)}; load before: {Load()}");
        NativeBenchmark.Run(args.FirstOrDefault(), Seconds, Rounds);
        using (var codec = (NativeCodec)NativeCheckpoint.Load(PretrainedModels.Resolve(null)))
        {
            var samples = NativeBenchmark.Samples(args.FirstOrDefault(), codec.Info, Seconds);
            var codes = codec.EncodeSamples(samples, 1);
            foreach (var books in new[] { 3, 6, 8 })
                Entropy(codec.Info, codes.Take(books));
            Metrics(samples, codec.DecodeSamples(codes), codec.Info);
        }
        RangeCoder();
        CodecBenchmark.Run(["--threads", "1", "--rounds", "3", "--seconds", "5", "speed"]);
        LmBenchmark.Run([]);
        Say($"load after: {Load()}");
        return 0;
    }

    private static void Entropy(CodecInfo info, Codes codes)
    {
        var header = CodecFileHeader.For(info, info.CatalogueId, codes.Books, info.SampleRate, 1).WithBestPredictor(info);
        var bytes = Written();
        var seconds = codes.Frames / info.FrameRate;
        var encode = Measurement.Least(Rounds, () => Written());
        var decode = Measurement.Least(Rounds, () =>
        {
            using var reader = new CodecFileReader(new MemoryStream(bytes));
            foreach (var _ in reader.ReadAll())
            {
            }
        });
        Say($"entropy coder ({header.Predictor}), {codes.Books} books: {8e-3 * bytes.Length / seconds:0.00} kbit/s; encode {1000 * encode / seconds:0.00} ms per second of audio, decode {1000 * decode / seconds:0.00}");

        byte[] Written()
        {
            using var stream = new MemoryStream();
            using var writer = new CodecFileWriter(stream, header);
            writer.Write(codes);
            writer.Finish((long)codes.Frames * info.HopLength);
            return stream.ToArray();
        }
    }

    private static void RangeCoder()
    {
        const int symbols = 200_000, size = 1024;
        uint[] cumulative = [.. Enumerable.Range(0, size + 1).Select(i => (uint)(16 * i + i * i % 16))];
        var random = new Random(2);
        int[] values = [.. Enumerable.Range(0, symbols).Select(_ => random.Next(size))];
        var encoder = new RangeEncoder();
        byte[] bytes = [];
        var encode = Measurement.Least(Rounds, () =>
        {
            foreach (var value in values)
                encoder.Code(value, cumulative);
            bytes = encoder.Finish().ToArray();
        });
        var decode = Measurement.Least(Rounds, () =>
        {
            var decoder = new RangeDecoder(bytes);
            for (var i = 0; i < symbols; i++)
                decoder.Code(0, cumulative);
        });
        Say($"range coder, {size} symbols: encode {symbols / encode / 1e6:0.0} million symbols/s, decode {symbols / decode / 1e6:0.0}");
    }

    private static void Metrics(float[] reference, float[] delayed, CodecInfo info)
    {
        var degraded = delayed[info.DelaySamples..];
        var clean = reference[..degraded.Length];
        var seconds = (double)clean.Length / info.SampleRate;
        Row("PESQ wide band", () => PesqScore.WideBand(clean, degraded, info.SampleRate));
        Row("ESTOI", () => Stoi.Extended(clean, degraded, info.SampleRate));
        Row("mel distance", () => SpectralDistances.MelDacDefault(clean, degraded, info.SampleRate));

        void Row(string name, Func<double> score) => Say($"metric {name}: {seconds / Measurement.Least(2, () => score()):0} x real time");
    }

    private static string Load() => File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Split(' ')[0] : "unknown";

    private static void Say(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}
