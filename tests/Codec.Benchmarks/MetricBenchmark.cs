using System.Diagnostics;
using System.Globalization;
using Codec.Audio;
using Codec.Core.Runtime;
using Codec.Evaluation;
using Codec.Evaluation.Metrics;

namespace Codec.Benchmarks;

/// <summary>
/// <c>metrics FOLDER [NAME,...]</c>: processor time of every metric on one thread, over the pairs of the folder
/// (<c>X_ref.flac</c>, <c>X_deg.flac</c>), as times real time and as seconds for an hour of audio. Load of other programs does not count as it
/// would in wall time, but shared cores and caches still slow everything.
/// </summary>
internal static class MetricBenchmark
{
    public static int Run(string[] args)
    {
        TorchRuntime.Initialize(new TorchRuntimeOptions { Threads = 1 });
        var root = args[0];
        var models = Path.Combine(root, "..", "models");
        var metrics = MetricCatalog.Create(new MetricModels
        {
            Dnsmos = Path.Combine(models, "dnsmos"),
            Nisqa = Path.Combine(models, "nisqa", "nisqa.tar"),
            VisqolRegression = Path.Combine(models, "visqol", "libsvm_nu_svr_model.txt"),
        }).Where(m => m.Name != "wer_sphinx" && (args.Length < 2 || args[1].Split(',').Contains(m.Name)));
        var pairs = Directory.GetFiles(root, "*_ref.flac").Order(StringComparer.Ordinal).ToArray();
        Console.WriteLine("| metric | x real time | s per hour of audio | pairs |\n| --- | --- | --- | --- |");
        foreach (var metric in metrics)
        {
            Compute(metric, pairs[0]); // compiled, tables built
            var (cost, seconds, count) = (TimeSpan.Zero, 0.0, 0);
            foreach (var path in pairs)
                if (Compute(metric, path) is { } result)
                    (cost, seconds, count) = (cost + result.Cost, seconds + result.Seconds, count + 1);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {metric.Columns[0].Label} | {seconds / cost.TotalSeconds:0} | {3600 * cost.TotalSeconds / seconds:0} | {count} |"));
        }
        return 0;
    }

    private static (TimeSpan Cost, double Seconds)? Compute(Metric metric, string path)
    {
        var reference = AudioFile.Read(path);
        var pair = new SignalPair(reference, AudioFile.Read(path.Replace("_ref.", "_deg.", StringComparison.Ordinal)));
        pair.At(reference.SampleRate);
        _ = pair.Alignment; // shared by all metrics of a row
        var start = Spent();
        try
        {
            metric.Compute(pair);
        }
        catch (MetricException)
        {
            return null; // what it refuses is not its speed
        }
        return (Spent() - start, reference.Duration.TotalSeconds);
    }

    private static TimeSpan Spent()
    {
        using var process = Process.GetCurrentProcess();
        return process.TotalProcessorTime;
    }
}
