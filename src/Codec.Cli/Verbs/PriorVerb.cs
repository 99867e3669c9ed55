using System.CommandLine;
using System.Globalization;
using Codec.Audio;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Prediction;
using Codec.Core.Codecs;
using Codec.Training.Entropy;

namespace Codec.Cli.Verbs;

/// <summary><c>codec prior</c>: the entropy coder's tables for a codec.</summary>
internal sealed class PriorVerb
{
    private readonly Argument<string> _model = new("MODEL") { Description = "checkpoint of the codec" };
    private readonly Option<string?> _train = new("--train") { Description = "manifest or folder to learn from", HelpName = "PATH" };
    private readonly Option<string?> _test = new("--test") { Description = "manifest or folder to measure on: bits a code of each book and predictor", HelpName = "PATH" };
    private readonly Option<string> _output = new("--output", "-o") { Description = "tables to write", HelpName = "FILE.cdp", Required = true };
    private readonly Option<string> _cache = new("--cache") { Description = "folder for decoded audio", HelpName = "FOLDER", DefaultValueFactory = _ => Path.Combine(Path.GetTempPath(), "codec-corpus") };
    private readonly Option<int> _steps = new("--steps") { Description = "training steps; 0 with --from: the same tables for other weights that make the same codes; with --train, too, their nested books are made anew", HelpName = "N", DefaultValueFactory = _ => new NeuralPriorConfig().Steps };
    private readonly Option<string?> _from = new("--from") { Description = "tables for an earlier state of the same codec to go on from: a quarter of the steps is then enough", HelpName = "FILE.cdp" };
    private readonly Option<double> _varied = new("--varied") { Description = "hours of crops at other speeds and levels to learn from as well", HelpName = "HOURS", DefaultValueFactory = _ => 0 };
    private readonly Option<bool> _tree = new("--tree") { Description = "count codes over a tree of books (seconds, weaker tables) instead of training a network" };
    private readonly Option<bool> _lowband = new("--lowband") { Description = "tables of the low band instead, upon those of the codes (--from, or those at hand)" };
    private readonly Option<int> _every = new("--every") { Description = "learn from every N-th recording", HelpName = "N", DefaultValueFactory = _ => 1 };
    private readonly Option<int?> _threads = new("--threads") { Description = "threads of libtorch", HelpName = "N" };
    private readonly CommandContext _context;

    private PriorVerb(CommandContext context) => _context = context;

    public static Command Create(CommandContext context)
    {
        var verb = new PriorVerb(context);
        var command = new Command("prior", "Train the tables with which files of a codec are predicted (put them into src/Codec.Core/Pretrained for a bundled one).")
            { verb._model, verb._train, verb._test, verb._output, verb._cache, verb._steps, verb._from, verb._tree, verb._lowband, verb._varied, verb._every, verb._threads };
        command.SetAction(verb.Run);
        return command;
    }

    private int Run(ParseResult args)
    {
        var output = new CommandOutput(_context.Terminal, json: false);
        var config = new NeuralPriorConfig { Steps = Math.Max(1, args.GetValue(_steps)) }.Validate();
        var cache = args.GetValue(_cache)!;
        _context.UseTorch(args.GetValue(_threads));
        using var codec = CodecCatalog.Load(args.GetValue(_model)!);
        var start = args.GetValue(_from) is { } from ? NeuralPrior.Parse(File.ReadAllBytes(from)) : null;
        if (args.GetValue(_lowband))
            return Lowband(args, codec, start, output);
        if (start is not null && args.GetValue(_steps) == 0)
            return Rekey(args, start, codec, output);
        Require.That(args.GetValue(_train) is not null, "--train", "a manifest or folder to learn from", "none");
        var train = Encode(args, codec, output);
        var tree = args.GetValue(_tree);
        EntropyPrior prior = tree ? NeuralPriorRun.Count(codec, train) : Train(codec, train, config, start, output);
        var path = args.GetValue(_output)!;
        Write(prior, path);
        if (args.GetValue(_test) is { } test)
            foreach (var (predictor, bits) in NeuralPriorRun.Compare(prior as NeuralPrior, train, NeuralPriorRun.Encode(codec, test, cache), config.BlockFrames))
                output.Message($"{predictor,-32} {Join(bits)}");
        output.Result(path);
        return ExitCode.Done;
    }

    private int Lowband(ParseResult args, Core.ICodec codec, NeuralPrior? from, CommandOutput output)
    {
        Require.That(args.GetValue(_train) is not null, "--train", "a manifest or folder to learn from", "none");
        Require.That(!args.GetValue(_tree) && args.GetValue(_varied) == 0, "--lowband", "neither --tree nor --varied", "one of them");
        var config = new LowbandPriorConfig { Steps = Math.Max(1, args.GetValue(_steps)) }.Validate();
        var neural = LowbandPriorRun.Neural(codec, from);
        IReadOnlyList<LowbandRecording> Encode(string source, int every)
        {
            using var bar = output.Progress("encoding", 1);
            return LowbandPriorRun.Encode(codec, source, args.GetValue(_cache)!, config, every, bar.Report);
        }
        var recordings = Encode(args.GetValue(_train)!, Math.Max(1, args.GetValue(_every)));
        var prior = LowbandPriorTrainer.Train(recordings, neural, config,
            (step, bits) => output.Message(string.Create(CultureInfo.InvariantCulture, $"{step}/{config.Steps}  log2 of the Laplacian density, negated: {bits:F3}")));
        var path = args.GetValue(_output)!;
        Write(prior, path);
        if (args.GetValue(_test) is { } test)
        {
            var unseen = Encode(test, 1);
            for (var books = config.FewestBooks; books <= config.MostBooks; books++)
                output.Message($"{books} books, {string.Join(' ', config.Quantizations)} steps: bits a coefficient "
                    + Join([.. config.Quantizations.Select(steps => LowbandPriorTrainer.Measure(prior, neural, unseen, books, steps, config.BlockFrames))]));
        }
        output.Result(path);
        return ExitCode.Done;
    }

    private static NeuralPrior Train(Core.ICodec codec, IReadOnlyList<Core.Codes> files, NeuralPriorConfig config, NeuralPrior? start, CommandOutput output)
    {
        using var bar = output.Progress("training", config.Steps);
        return NeuralPriorRun.Train(codec, files, config, start, (step, bits) =>
        {
            bar.Clear();
            output.Message($"{step}/{config.Steps}  bits a code: {Join(bits)}");
            bar.Report(step);
        });
    }

    /// <summary>The same tables for another codec whose codes mean the same. Bundled tables need it only where the encoder or
    /// quantizer was changed in a way that keeps the codes: <see cref="Core.CodecInfo.TokenHash"/> looks at nothing else.</summary>
    private int Rekey(ParseResult args, NeuralPrior start, Core.ICodec codec, CommandOutput output)
    {
        var path = args.GetValue(_output)!;
        var key = CodecFileHeader.HashPrefix(codec.Info.TokenHash);
        output.Message(key == start.TokenHash ? $"these tables are already for the codes of this model ({key:x8})" : $"token hash {start.TokenHash:x8} -> {key:x8}");
        var prior = start.For(key);
        if (args.GetValue(_train) is not null)
            prior = NeuralPriorRun.WithNestedBooks(prior, codec, Encode(args, codec, output));
        Write(prior, path);
        output.Result(path);
        return ExitCode.Done;
    }

    private IReadOnlyList<Core.Codes> Encode(ParseResult args, Core.ICodec codec, CommandOutput output)
    {
        var hours = args.GetValue(_varied);
        Require.InRange(hours, 0, 1000, "--varied");
        using var bar = output.Progress("encoding", 1);
        var whole = NeuralPriorRun.Encode(codec, args.GetValue(_train)!, args.GetValue(_cache)!, Math.Max(1, args.GetValue(_every)), bar.Report);
        return hours == 0 ? whole : [.. whole, .. NeuralPriorRun.EncodeVaried(codec, args.GetValue(_train)!, args.GetValue(_cache)!, hours, bar.Report)];
    }

    private static void Write(EntropyPrior prior, string path)
    {
        File.WriteAllBytes(path + ".partial", prior.ToBytes());
        File.Move(path + ".partial", path, overwrite: true);
    }

    private static string Join(double[] bits)
        => string.Create(CultureInfo.InvariantCulture, $"{string.Join("  ", bits.Select(b => b.ToString("F3", CultureInfo.InvariantCulture)))}  mean {bits.Average():F3}");
}
