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
/// <c>table [RECORDING] [--python PATH]</c>: all figures in one table, one thread each, as CPU time, which other processes disturb less than wall time:
/// bundled codec, entropy and range coder, metrics, EnCodec and DAC shapes, language model steps; beside the same by libtorch's operators in the
/// same run, and in PyTorch where a python3 with torch is there.
/// </summary>
internal static class TableBenchmark
{
    private const double Seconds = 20;
    private const int Rounds = 5;

    public static int Run(string[] args)
    {
        var place = Array.IndexOf(args, "--python");
        var peers = PyTorchPeers.Run(place < 0 ? null : args[place + 1]);
        TorchRuntime.Initialize(new TorchRuntimeOptions { Threads = 1 });
        Say($"{CpuCapabilities.Summary}; {string.Join(' ', CpuCapabilities.Names)}; one thread, CPU time; load before: {Load()}");
        Console.WriteLine(TableRow.Head(peers.Name));
        foreach (var row in Rows(args.FirstOrDefault() is { } first && place != 0 ? first : null))
            Console.WriteLine(row.Markdown(peers.Find(row.Peer)));
        Say($"load after: {Load()}");
        return 0;
    }

    private static IEnumerable<TableRow> Rows(string? recording)
        => NativeBenchmark.Rows(recording, Seconds, Rounds).Concat(OfCodes(recording)).Concat(RangeCoder())
            .Concat(Published(() => new EncodecSpeed(), "encodec", 4)).Concat(Published(() => new MimiSpeed(), "mimi", 4))
            .Concat(Published(() => new SnacSpeed(), "snac", 2)).Concat(Published(DacSpeed.Of24, "dac24", 1)).Concat(Published(DacSpeed.Of44, "dac44", 1)).Concat(LmBenchmark.Rows());

    private static IEnumerable<TableRow> Published(Func<ISpeedCase> create, string peer, double seconds)
    {
        using var speedCase = create();
        foreach (var row in SpeedTable.Rows(speedCase, seconds, rounds: 3, peer))
            yield return row;
    }

    /// <summary>Entropy coder and metrics, on a recording that the bundled codec has coded.</summary>
    private static IEnumerable<TableRow> OfCodes(string? recording)
    {
        using var codec = (NativeCodec)NativeCheckpoint.Load(PretrainedModels.Resolve(null));
        var samples = NativeBenchmark.Samples(recording, codec.Info, Seconds);
        var codes = codec.EncodeSamples(samples, 1);
        return [.. new[] { 3, 6, 8 }.SelectMany(books => Entropy(codec.Info, codes.Take(books))), .. recording is null ? [] : Metrics(samples, codec.DecodeSamples(codes), codec.Info)]; // noise has no utterance that a metric could find
    }

    private static IEnumerable<TableRow> Entropy(CodecInfo info, Codes codes)
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
        var name = $"entropy coder ({header.Predictor}), {codes.Books} books";
        yield return new TableRow($"{name}: encode", seconds / encode, TableRow.Times,
            Note: string.Create(CultureInfo.InvariantCulture, $"{8e-3 * bytes.Length / seconds:0.00} kbit/s"));
        yield return new TableRow($"{name}: decode", seconds / decode, TableRow.Times);

        byte[] Written()
        {
            using var stream = new MemoryStream();
            using var writer = new CodecFileWriter(stream, header);
            writer.Write(codes);
            writer.Finish((long)codes.Frames * info.HopLength);
            return stream.ToArray();
        }
    }

    private static IEnumerable<TableRow> RangeCoder()
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
        const string unit = "million symbols/s";
        yield return new TableRow($"range coder, {size} symbols: encode", symbols / encode / 1e6, unit);
        yield return new TableRow($"range coder, {size} symbols: decode", symbols / decode / 1e6, unit);
    }

    private static IEnumerable<TableRow> Metrics(float[] reference, float[] delayed, CodecInfo info)
    {
        var degraded = delayed[info.DelaySamples..];
        var clean = reference[..degraded.Length];
        var seconds = (double)clean.Length / info.SampleRate;
        yield return Row("PESQ wide band", () => PesqScore.WideBand(clean, degraded, info.SampleRate));
        yield return Row("ESTOI", () => Stoi.Extended(clean, degraded, info.SampleRate));
        yield return Row("mel distance", () => SpectralDistances.MelDacDefault(clean, degraded, info.SampleRate));

        TableRow Row(string name, Func<double> score) => new($"metric {name}", seconds / Measurement.Least(2, () => score()), TableRow.Times);
    }

    private static string Load() => File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Split(' ')[0] : "unknown";

    private static void Say(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}
