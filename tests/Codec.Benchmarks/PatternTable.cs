using System.Diagnostics;
using System.Globalization;
using Codec.Core;
using Codec.Core.Runtime;
using Codec.Speech.Lm;
using Codec.Speech.Patterns;
using Codec.Speech.Sampling;
using Codec.Training.Lm;
using Codec.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Benchmarks;

/// <summary>
/// <c>lm patterns TRAIN,... HELDOUT CODEC [steps] [seeds] [name, ...]</c>: the same small model trained in the order of each pattern on the same batches; held-out nats per code,
/// and what generating costs.
/// </summary>
internal static class PatternTable
{
    private const int Books = 4;
    private const int MaxFrames = 100;
    private const int Generated = 150; // frames

    private static readonly (string Name, PatternSpec Spec)[] Patterns =
    [
        ("parallel", new PatternSpec.Parallel()), ("delay", new PatternSpec.Delay()), ("partial delay 0,1,1,1", new PatternSpec.Delay([0, 1, 1, 1])),
        ("flat", new PatternSpec.Flat()), ("coarse first (VALL-E)", new PatternSpec.CoarseFirst()), ("MusicLM", new PatternSpec.MusicLm()), ("stack", new PatternSpec.Stack()),
        ("stack-delay, in order", new PatternSpec.StackDelay()), ("stack-delay, run-ahead", new PatternSpec.StackDelay(new FrameSchedule.RunAhead())),
    ];

    public static int Run(string train, string heldOut, string codec, int steps, int seeds, string[] names)
    {
        TorchRuntime.Initialize(new TorchRuntimeOptions { Threads = 1 });
        var folder = Directory.CreateTempSubdirectory("patterns").FullName;
        try
        {
            Console.WriteLine($"{Books} books, {steps} steps of 800 frames, {seeds} seeds; generation of {Generated} frames, batch 1, one thread, CPU time");
            Console.WriteLine("| pattern | held-out nats per code: mean (seeds) | per book | training, CPU s | passes | query positions | CPU ms per frame | cache, kB | passes to first frame | ms to first frame |");
            Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|");
            foreach (var (name, spec) in Patterns.Where(p => names.Length == 0 || names.Contains(p.Name)))
                Row(name, spec, train, heldOut, codec, steps, seeds, folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
        return 0;
    }

    private static void Row(string name, PatternSpec spec, string train, string heldOut, string codec, int steps, int seeds, string folder)
    {
        var (nats, perBook, training) = (new double[seeds], new double[Books], 0.0);
        var cost = default((double Milliseconds, double First));
        for (var seed = 0; seed < seeds; seed++)
        {
            var config = Config(spec, train, heldOut, codec, steps, seed + 1, Path.Combine(folder, $"{name}-{seed}"));
            using var trainer = new LmTrainer(config, CPU, resume: false);
            var before = Cpu();
            while (trainer.Step < steps)
                trainer.TrainStep(out _);
            training += (Cpu() - before) / seeds;
            var values = trainer.Validate().Values;
            nats[seed] = values["nats"];
            for (var k = 0; k < Books; k++)
                perBook[k] += values[$"nats_book_{k}"] / seeds;
            if (seed > 0)
                continue;
            trainer.Model.eval();
            cost = Generation(trainer.Model, spec);
        }
        var plan = StackPlan.Of(spec, Books, Generated);
        var pattern = plan?.Pattern ?? spec.Build(Books, Generated);
        var entries = plan?.LongTermEntries ?? pattern.SequenceSteps;
        var first = pattern.StepsUntilComplete()[0];
        var kilobytes = entries * 2L * 4 * 96 * 2 / 1e3; // keys and values, two layers of width 96, float32
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"| {name} | {nats.Average():F4} ({string.Join(", ", nats.Select(n => n.ToString("F4", CultureInfo.InvariantCulture)))}) | {string.Join(" ", perBook.Select(n => n.ToString("F2", CultureInfo.InvariantCulture)))} | {training:F1} | {pattern.SequenceSteps} | {plan?.QueryPositions ?? pattern.SequenceSteps} | {cost.Milliseconds:F2} | {kilobytes:F0} | {first} | {cost.First:F1} |"));
    }

    // CPU milliseconds per frame, and until the first whole frame: passes of the mean cost.
    private static (double Milliseconds, double First) Generation(SpeechLm model, PatternSpec spec)
    {
        var plan = StackPlan.Of(spec, Books, Generated);
        var pattern = plan?.Pattern ?? spec.Build(Enumerable.Repeat(new CodebookSpec(1024), Books).ToArray(), Generated);
        var uniforms = new SeededUniforms(1);
        double Uniform(int step, int row, int book) => uniforms[(long)step * Books + book];
        double Once()
        {
            var before = Cpu();
            _ = plan is null
                ? new PatternGenerator(model, new SamplerConfig()).Generate(pattern, [null], Uniform)
                : new StackGenerator(model, new SamplerConfig()).Generate(plan, [null], Uniform);
            return Cpu() - before;
        }
        Once();
        var seconds = Once();
        return (seconds * 1000 / Generated, seconds * 1000 / pattern.SequenceSteps * pattern.StepsUntilComplete()[0]);
    }

    private static double Cpu() => Process.GetCurrentProcess().TotalProcessorTime.TotalSeconds;

    private static LmTrainConfig Config(PatternSpec spec, string train, string heldOut, string codec, int steps, int seed, string run) => new LmTrainConfig
    {
        Model = new TransformerConfig { Dim = 96, Layers = 2, Heads = 4, Hidden = 192 },
        Pattern = spec, BookPositions = true, Books = Books, Codec = codec, CodebookStart = true,
        Train = train.Split(','), Validation = [heldOut], Run = run, MaxFrames = MaxFrames, BatchFrames = 800, Steps = steps, Seed = seed, ValidationBatches = 20,
        Schedule = new Schedule { LearningRate = 4e-3, WarmupSteps = 20 }, Optimizer = new AdamWConfig { Beta1 = 0.9, Beta2 = 0.95, WeightDecay = 0.05, AverageDecay = 0.98 },
    }.Validate();
}
