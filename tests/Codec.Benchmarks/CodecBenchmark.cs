using System.Globalization;
using Codec.Core.Runtime;

namespace Codec.Benchmarks;

/// <summary>Speed and memory of the published codecs, ours against plain libtorch.</summary>
internal static class CodecBenchmark
{
    private const string Usage = "usage: [--seconds N] [--rounds N] [--threads N,N] speed|bf16 [encodec|mimi|dac16|dac24|dac44|snac] ... | memory FAMILY plain|ours encode|decode SECONDS | repeat FAMILY plain|ours|bf16 encode|decode SECONDS TIMES | precision FAMILY SECONDS";

    private static readonly Dictionary<string, Func<ISpeedCase>> Cases = new()
    {
        ["encodec"] = () => new EncodecSpeed(), ["mimi"] = () => new MimiSpeed(),
        ["dac16"] = DacSpeed.Of16, ["dac24"] = DacSpeed.Of24, ["dac44"] = DacSpeed.Of44, ["snac"] = () => new SnacSpeed(),
    };

    public static int Run(string[] args)
    {
        TorchRuntime.Initialize(new TorchRuntimeOptions());
        var options = args.Where(a => a.StartsWith("--", StringComparison.Ordinal)).ToDictionary(a => a, a => args[Array.IndexOf(args, a) + 1]);
        var words = args.Where((a, i) => !IsOption(a) && (i == 0 || !IsOption(args[i - 1]))).ToArray();
        switch (words)
        {
            case ["speed", .. var names]:
                foreach (var name in names.Length > 0 ? names : [.. Cases.Keys])
                    Speed(Cases[name], options);
                return 0;
            case ["bf16", .. var names]: // what is called plain in these rows is our path in float32
                foreach (var name in names.Length > 0 ? names : [.. Cases.Keys])
                    Speed(() => new PrecisionCase(Cases[name]), options);
                return 0;
            case ["precision", var name, var seconds]:
                PrecisionReport.Run(Cases[name], double.Parse(seconds, CultureInfo.InvariantCulture));
                return 0;
            case ["memory", var name, "plain" or "ours", "encode" or "decode", var seconds]:
                using (var speedCase = Cases[name]())
                    PeakMemory.Run(speedCase, words[2] == "plain", words[3] == "encode", double.Parse(seconds, CultureInfo.InvariantCulture));
                return 0;
            case ["repeat", var name, "plain" or "ours" or "bf16", "encode" or "decode", var seconds, var times]:
                using (var speedCase = words[2] == "bf16" ? new PrecisionCase(Cases[name]) : Cases[name]())
                    SpeedTable.Repeat(speedCase, words[2] == "plain", words[3] == "encode", double.Parse(seconds, CultureInfo.InvariantCulture),
                        int.Parse(options.GetValueOrDefault("--threads", "1"), CultureInfo.InvariantCulture), int.Parse(times, CultureInfo.InvariantCulture));
                return 0;
            default:
                Console.Error.WriteLine(Usage);
                return 2;
        }
    }

    private static void Speed(Func<ISpeedCase> create, Dictionary<string, string> options)
    {
        using var speedCase = create();
        foreach (var threads in options.GetValueOrDefault("--threads", "1,2").Split(','))
            SpeedTable.Run(speedCase, Number("--seconds", 10), int.Parse(threads, CultureInfo.InvariantCulture), (int)Number("--rounds", 5));

        double Number(string option, double standard) => options.TryGetValue(option, out var text) ? double.Parse(text, CultureInfo.InvariantCulture) : standard;
    }

    private static bool IsOption(string word) => word.StartsWith("--", StringComparison.Ordinal);
}
