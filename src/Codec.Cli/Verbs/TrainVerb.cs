using System.CommandLine;
using System.Globalization;
using Codec.Audio;
using Codec.Core.Runtime;
using Codec.Training.Codecs;
using Codec.Training.Lm;
using Codec.Training.Repair;

namespace Codec.Cli.Verbs;

/// <summary><c>codec train</c>: a training run from a config file.</summary>
internal sealed class TrainVerb
{
    private readonly Argument<string> _config = new("CONFIG") { Description = "JSON file; see src/Codec.Training/README.md" };
    private readonly Option<bool> _resume = new("--resume") { Description = "go on with the run in the config's folder" };
    private readonly Option<string> _device = new("--device") { Description = "cpu, cuda or cuda:N", HelpName = "DEVICE", DefaultValueFactory = _ => "cpu" };
    private readonly Option<int?> _threads = new("--threads") { Description = "threads of libtorch", HelpName = "N" };
    private readonly CommandContext _context;

    private TrainVerb(CommandContext context) => _context = context;

    public static Command Create(CommandContext context)
    {
        var verb = new TrainVerb(context);
        var command = new Command("train", "Train a codec or a speech language model of our own; stops cleanly on Ctrl-C and resumes exactly.")
            { verb._config, verb._resume, verb._device, verb._threads };
        command.SetAction(verb.Run);
        return command;
    }

    private int Run(ParseResult args)
    {
        var output = new CommandOutput(_context.Terminal, json: false);
        if (LmTrainConfig.IsLm(args.GetValue(_config)!))
            return RunLm(args, output);
        if (RepairTrainConfig.Fits(args.GetValue(_config)!))
            return RunRepair(args, output);
        var config = CodecTrainConfig.Load(args.GetValue(_config)!);
        var threads = args.GetValue(_threads) ?? (config.Threads > 0 ? config.Threads : null);
        _context.UseTorch(threads);
        var device = TorchRuntime.ParseDevice(args.GetValue(_device)!);

        CodecTrainingRun run;
        using (var bar = output.Progress("decoding audio", 1))
            run = new CodecTrainingRun(config, device, args.GetValue(_resume), bar.Report);
        using (run)
        {
            output.Message(string.Create(CultureInfo.InvariantCulture,
                $"{run.TrainingSeconds / 3600:F1} h of audio, {run.Parameters / 1e6:F1} M parameters, seed {config.Seed}, {TorchSharp.torch.get_num_threads()} threads, {device}; step {run.Step} of {config.Steps}"));
            using (var bar = output.Progress("training", config.Steps, "steps"))
                run.Run(report => Tell(output, bar, report, config.Steps), report => Tell(output, bar, report, config.Steps), _context.Cancellation);
            output.Result(_context.Cancellation.IsCancellationRequested
                ? $"stopped at step {run.Step}: go on with --resume"
                : run.ModelPath);
        }
        return ExitCode.Done;
    }

    private int RunLm(ParseResult args, CommandOutput output)
    {
        var config = LmTrainConfig.Load(args.GetValue(_config)!);
        _context.UseTorch(args.GetValue(_threads) ?? (config.Threads > 0 ? config.Threads : null));
        var device = TorchRuntime.ParseDevice(args.GetValue(_device)!);
        using (var bar = output.Progress("tokenizing", 1))
            config = config.Tokenized(bar.Report);
        using var run = new LmTrainer(config, device, args.GetValue(_resume));
        output.Message(string.Create(CultureInfo.InvariantCulture,
            $"{run.TrainingFrames} frames of tokens, {run.Model.parameters().Sum(p => p.numel()) / 1e6:F1} M parameters, {run.PaddingShare:P1} padding, seed {config.Seed}, {TorchSharp.torch.get_num_threads()} threads, {device}; step {run.Step} of {config.Steps}"));
        using (var bar = output.Progress("training", config.Steps, "steps"))
            run.Run(report => Tell(output, bar, report, config.Steps), report => Tell(output, bar, report, config.Steps), _context.Cancellation);
        output.Result(_context.Cancellation.IsCancellationRequested ? $"stopped at step {run.Step}: go on with --resume" : run.ModelPath);
        return ExitCode.Done;
    }

    private int RunRepair(ParseResult args, CommandOutput output)
    {
        var config = RepairTrainConfig.Load(args.GetValue(_config)!);
        _context.UseTorch(args.GetValue(_threads) ?? (config.Threads > 0 ? config.Threads : null));
        var device = TorchRuntime.ParseDevice(args.GetValue(_device)!);
        RepairTrainer run;
        using (var bar = output.Progress("tokenizing", 1))
            run = new RepairTrainer(config, device, args.GetValue(_resume), bar.Report);
        using (run)
        {
            output.Message(string.Create(CultureInfo.InvariantCulture,
                $"{run.TrainingFrames} frames of tokens, {run.Model.parameters().Sum(p => p.numel()) / 1e6:F2} M parameters, seed {config.Seed}, {TorchSharp.torch.get_num_threads()} threads, {device}; step {run.Step} of {config.Steps}"));
            using (var bar = output.Progress("training", config.Steps, "steps"))
                run.Run(report => Tell(output, bar, report, config.Steps), report => Tell(output, bar, report, config.Steps), _context.Cancellation);
            output.Result(_context.Cancellation.IsCancellationRequested ? $"stopped at step {run.Step}: go on with --resume" : run.ModelPath);
        }
        return ExitCode.Done;
    }

    private static void Tell(CommandOutput output, ProgressBar bar, StepReport report, long steps)
    {
        bar.Clear();
        var speed = report.StepsPerSecond > 0 && report.AudioPerSecond == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{report.StepsPerSecond:F2} steps/s, {TimeSpan.FromSeconds((steps - report.Step) / report.StepsPerSecond):h\\:mm\\:ss} left")
            : report.AudioPerSecond > 0
            ? string.Create(CultureInfo.InvariantCulture, $"{report.StepsPerSecond:F2} steps/s, {report.AudioPerSecond:F1} s of audio/s, {TimeSpan.FromSeconds((steps - report.Step) / report.StepsPerSecond):h\\:mm\\:ss} left")
            : "validation";
        output.Message($"{report.Step}/{steps}  {speed}  " + string.Join("  ", report.Values.OrderBy(v => v.Key, StringComparer.Ordinal)
            .Select(v => string.Create(CultureInfo.InvariantCulture, $"{v.Key} {v.Value:G4}"))));
        bar.Report(report.Step);
    }
}
