using System.CommandLine;
using System.Globalization;
using Codec.Audio;
using Codec.Core.Codecs.Native;
using Codec.Evaluation.Repair;
using Codec.Evaluation.Runs;
using Codec.Speech.Repair;

namespace Codec.Cli.Verbs;

/// <summary><c>codec repair-eval</c>: what lost packets and books that were not sent cost, with and without repair models.</summary>
internal sealed class RepairEvalVerb
{
    private readonly Argument<string> _folder = new("FOLDER") { Description = "original recordings" };
    private readonly Option<string> _loss = new("--loss") { Description = "percentages of lost packets; empty: leave that table out", HelpName = "P,P", DefaultValueFactory = _ => "5,10,20" };
    private readonly Option<string> _packets = new("--packets") { Description = "frames in a packet", HelpName = "N,N", DefaultValueFactory = _ => "1,2,5" };
    private readonly Option<string> _bursts = new("--bursts") { Description = "mean packets lost in a row (Gilbert's channel); 0: each for itself", HelpName = "X,X", DefaultValueFactory = _ => "0,3" };
    private readonly Option<string> _sent = new("--sent") { Description = "books sent where the others are made up; empty: leave that table out", HelpName = "N,N", DefaultValueFactory = _ => "1,2,3" };
    private readonly Option<int> _books = new("--books") { Description = "books of complete codes", HelpName = "N", DefaultValueFactory = _ => 6 };
    private readonly Option<double> _vbr = new("--vbr") { Description = "codes whose frames may lack books, as of codec encode --vbr; with an empty --sent", HelpName = "SHARE", DefaultValueFactory = _ => 0 };
    private readonly Option<int> _every = new("--every") { Description = "use every N-th recording", HelpName = "N", DefaultValueFactory = _ => 1 };
    private readonly Option<int> _seed = new("--seed") { Description = "of the losses", HelpName = "N", DefaultValueFactory = _ => 1 };
    private readonly RepairOptions _repair = new();
    private readonly ModelOptions _model = new();
    private readonly CommandContext _context;

    private RepairEvalVerb(CommandContext context) => _context = context;

    public static Command Create(CommandContext context)
    {
        var verb = new RepairEvalVerb(context);
        var command = new Command("repair-eval", "Measure the models that make up lost packets and fine books: mel distance, STOI, ESTOI, PESQ-WB.")
            { verb._folder, verb._loss, verb._packets, verb._bursts, verb._sent, verb._books, verb._vbr, verb._every, verb._seed };
        verb._repair.AddTo(command);
        verb._model.AddTo(command);
        command.SetAction(verb.Run);
        return command;
    }

    private int Run(ParseResult args)
    {
        var output = new CommandOutput(_context.Terminal, json: false);
        var losses = Losses(args);
        var sent = Numbers(args.GetValue(_sent)!, "--sent").Select(n => (int)n).ToArray();
        using var models = _model.Open(args, _context);
        if (models.Codec is not NativeCodec whole)
            throw new ConfigException($"--model: expected a native codec, found {models.Codec.Info.Name}");
        var vbr = args.GetValue(_vbr);
        Require.InRange(vbr, 0, 10, "--vbr");
        Require.That(vbr == 0 || sent.Length == 0, "--vbr", "an empty --sent", args.GetValue(_sent)!);
        using var variable = vbr == 0 ? null : (NativeCodec)whole.WithVariableBooks(vbr);
        var codec = variable ?? whole;
        using var repairs = _repair.Open(args);
        var books = args.GetValue(_books);
        Require.InRange(books, 1, codec.Info.Books.Count, "--books");
        foreach (var n in sent)
            Require.InRange(n, 1, books - 1, "--sent");
        Require.Positive(args.GetValue(_every), "--every");
        var folder = args.GetValue(_folder)!;
        var files = EvaluationPlan.FindFiles(folder).Where((_, i) => i % args.GetValue(_every) == 0).Select(file => Path.Combine(folder, file)).ToArray();
        using var bar = output.Progress("repair-eval", 1);
        var evaluation = new RepairEvaluation(codec, files, books, share =>
        {
            _context.Cancellation.ThrowIfCancellationRequested();
            bar.Report(share);
        });
        output.Message(string.Create(CultureInfo.InvariantCulture, $"{files.Length} files, {codec.Info.Name}, {books} books, seed {args.GetValue(_seed)}"));
        if (losses.Count > 0)
        {
            var masked = repairs.Exists(codec, RepairKind.Masked) ? repairs.Load(codec, RepairKind.Masked) : null;
            Tell(evaluation.Losses(masked, losses, args.GetValue(_seed)), output);
        }
        if (sent.Length > 0)
            Tell(evaluation.Regeneration(repairs.Load(codec, RepairKind.Fine), sent), output);
        return ExitCode.Done;
    }

    private List<PacketLoss> Losses(ParseResult args)
    {
        var bursts = Numbers(args.GetValue(_bursts)!, "--bursts");
        var packets = Numbers(args.GetValue(_packets)!, "--packets");
        return [.. from rate in Numbers(args.GetValue(_loss)!, "--loss") from burst in bursts from packet in packets
            select new PacketLoss(rate / 100, burst == 0 ? null : burst, (int)packet).Validate()];
    }

    private static double[] Numbers(string list, string option)
        => [.. list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(text =>
            double.TryParse(text, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value) ? value : throw new ConfigException($"{option}: expected numbers, found {text}"))];

    private static void Tell(IReadOnlyList<LossRow> rows, CommandOutput output)
    {
        output.Result("| lost | pattern | frames a packet | treatment | mel distance | STOI | ESTOI |");
        output.Result("|---|---|---|---|---|---|---|");
        foreach (var (loss, treatment, score) in rows)
            output.Result(string.Create(CultureInfo.InvariantCulture,
                $"| {loss.Rate:0.#%} | {(loss.Burst is { } burst ? $"bursts of {burst:0.#}" : "random")} | {loss.PacketFrames} | {treatment?.ToString() ?? "nothing lost"} | {score["mel"]:F3} | {score["stoi"]:F3} | {score["estoi"]:F3} |"));
    }

    private static void Tell(IReadOnlyList<RegenerationRow> rows, CommandOutput output)
    {
        output.Result("| books sent | the others | kbit/s | mel distance | STOI | ESTOI | PESQ-WB |");
        output.Result("|---|---|---|---|---|---|---|");
        foreach (var (books, regenerated, kbps, score) in rows)
            output.Result(string.Create(CultureInfo.InvariantCulture,
                $"| {books} | {(regenerated ? "made up" : "left out")} | {kbps:F2} | {score["mel"]:F3} | {score["stoi"]:F3} | {score["estoi"]:F3} | {score["pesq_wb"]:F3} |"));
    }
}
