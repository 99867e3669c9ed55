using System.Diagnostics;
using System.Globalization;
using Codec.Core;
using static TorchSharp.torch;

namespace Codec.Benchmarks;

/// <summary>
/// Our inference path against the plain one, alternating in one run, so that what else the machine does meets both. Reports medians of
/// wall time, the ratio of the medians, the smallest CPU time of each, and whether the codes agree.
/// </summary>
internal static class SpeedTable
{
    /// <param name="speedCase">Model.</param>
    /// <param name="seconds">Of audio.</param>
    /// <param name="threads">Of libtorch and of our kernels.</param>
    /// <param name="rounds">Measured runs of each path.</param>
    public static void Run(ISpeedCase speedCase, double seconds, int threads, int rounds)
    {
        var (encode, decode, agreement, error) = Measure(speedCase, seconds, threads, rounds);
        Row("encode", encode, $"codes agree {agreement:p2}");
        Row("decode", decode, $"relative error {error:g2}");

        void Row(string what, (Times Plain, Times Ours) t, string check) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{speedCase.Name,-26} {threads} thr {what}: plain {seconds / t.Plain.Median,6:0.0} x real time (cpu {seconds / t.Plain.LeastCpu,5:0.0}), ours {seconds / t.Ours.Median,6:0.0} (cpu {seconds / t.Ours.LeastCpu,5:0.0}), "
            + $"ratio {t.Plain.Median / t.Ours.Median:0.00} (cpu {t.Plain.LeastCpu / t.Ours.LeastCpu:0.00}); {check}"));
    }

    /// <summary>The same on one thread by CPU time, for the table of everything.</summary>
    /// <param name="peer">First word of the keys in <see cref="PyTorchPeers"/>.</param>
    public static IEnumerable<TableRow> Rows(ISpeedCase speedCase, double seconds, int rounds, string peer)
    {
        var (encode, decode, agreement, error) = Measure(speedCase, seconds, threads: 1, rounds);
        yield return Row("encode", encode, $"codes {agreement:p2} equal");
        yield return Row("decode", decode, $"relative error {error:g2}");

        TableRow Row(string what, (Times Plain, Times Ours) t, FormattableString check)
            => new($"{speedCase.Name}: {what}", seconds / t.Ours.LeastCpu, TableRow.Times, seconds / t.Plain.LeastCpu, $"{peer} {what}", check.ToString(CultureInfo.InvariantCulture));
    }

    private static ((Times Plain, Times Ours) Encode, (Times Plain, Times Ours) Decode, double Agreement, double Error) Measure(ISpeedCase speedCase, double seconds, int threads, int rounds)
    {
        set_num_threads(threads);
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        var audio_BCS = Audio(speedCase.Codec.Info, seconds);
        var codes = speedCase.Codec.Encode(audio_BCS, speedCase.Books);
        var agreement = PlainPath.Agreement(speedCase.EncodePlain(audio_BCS), codes);
        var level = speedCase.DecodePlain(codes);
        var error = (level - speedCase.Codec.Decode(codes)).abs().max().item<float>() / level.abs().max().item<float>();
        var encode = Alternate(rounds, () => speedCase.EncodePlain(audio_BCS), () => speedCase.Codec.Encode(audio_BCS, speedCase.Books));
        return (encode, Alternate(rounds, () => speedCase.DecodePlain(codes).Dispose(), () => speedCase.Codec.Decode(codes).Dispose()), agreement, error);
    }

    /// <summary>One path again and again, for a profiler; prints x real time by the least CPU time of a run.</summary>
    public static void Repeat(ISpeedCase speedCase, bool plain, bool encode, double seconds, int threads, int times)
    {
        set_num_threads(threads);
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        var audio_BCS = Audio(speedCase.Codec.Info, seconds);
        var codes = speedCase.Codec.Encode(audio_BCS, speedCase.Books);
        Action run = (plain, encode) switch
        {
            (true, true) => () => speedCase.EncodePlain(audio_BCS),
            (true, false) => () => speedCase.DecodePlain(codes).Dispose(),
            (false, true) => () => speedCase.Codec.Encode(audio_BCS, speedCase.Books),
            (false, false) => () => speedCase.Codec.Decode(codes).Dispose(),
        };
        var (allocated, collections) = (GC.GetTotalAllocatedBytes(), GC.CollectionCount(0));
        var least = Measurement.Least(times, run);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{seconds / least:0.00} x real time by CPU time; a run allocates {(GC.GetTotalAllocatedBytes() - allocated) / 1e6 / (times + 1):0.0} MB of the collected heap, {(GC.CollectionCount(0) - collections) / (times + 1.0):0.0} collections"));
    }

    private static Tensor Audio(CodecInfo info, double seconds)
    {
        var frame = info.HopLength * Math.Max(info.FrameMultiple, 1);
        return randn(1, info.Channels, (long)(seconds * info.SampleRate) / frame * frame) * 0.1;
    }

    private static (Times Plain, Times Ours) Alternate(int rounds, Action plain, Action ours)
    {
        var (first, second) = (new List<(double, double)>(), new List<(double, double)>());
        for (var warm = 0; warm < 2; warm++)
        {
            plain();
            ours();
        }
        for (var round = 0; round < rounds; round++)
        {
            first.Add(Measure(plain));
            second.Add(Measure(ours));
        }
        return (new Times(first), new Times(second));
    }

    private static (double Wall, double Cpu) Measure(Action run)
    {
        var cpu = Process.GetCurrentProcess().TotalProcessorTime;
        var watch = Stopwatch.StartNew();
        run();
        return (watch.Elapsed.TotalSeconds, (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds);
    }

    private sealed class Times(List<(double Wall, double Cpu)> runs)
    {
        public double Median { get; } = runs.Select(r => r.Wall).Order().ElementAt(runs.Count / 2);

        public double LeastCpu { get; } = runs.Min(r => r.Cpu);
    }
}
