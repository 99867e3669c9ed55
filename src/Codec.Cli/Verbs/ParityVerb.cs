using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Codec.Audio;
using Codec.Core.Parity;

namespace Codec.Cli.Verbs;

/// <summary><c>codec parity</c>: replays recorded cases of published models and says how closely this program agrees.</summary>
internal static class ParityVerb
{
    public static Command Create(CommandContext context)
    {
        var folders = new Argument<string[]>("CASE") { Description = "case folders, or folders above them", Arity = ArgumentArity.OneOrMore };
        var all = new Option<bool>("--all") { Description = "print every comparison, not only the failed ones" };
        var table = new Option<bool>("--table") { Description = "print one Markdown table of all cases, and what coding in windows changes" };
        var json = new Option<bool>("--json") { Description = "print results as JSON" };
        var command = new Command("parity", "Replay recorded cases of published codecs: maximum error per tensor, code agreement, pass or fail.") { folders, all, table, json };
        command.SetAction(args =>
        {
            context.UseTorch();
            if (args.GetValue(table))
                return Table(args.GetValue(folders)!, new CommandOutput(context.Terminal, json: false));
            return Run(args.GetValue(folders)!, args.GetValue(all), new CommandOutput(context.Terminal, args.GetValue(json)));
        });
        return command;
    }

    /// <returns>0 where every case passes, 1 where one fails.</returns>
    private static int Run(string[] folders, bool all, CommandOutput output)
    {
        var reports = folders.SelectMany(Cases).Select(folder => ParityTool.Run(ParityCase.Open(folder)));
        var results = new JsonArray();
        var failed = 0;
        foreach (var report in reports)
        {
            failed += report.Passed ? 0 : 1;
            Tell(report, all, output);
            results.Add((JsonNode)ToJson(report));
        }
        output.Result(results);
        return failed == 0 ? ExitCode.Done : ExitCode.Internal;
    }

    /// <summary>Cases that no family claims are named below the table.</summary>
    private static int Table(string[] folders, CommandOutput output)
    {
        var cases = folders.SelectMany(Cases).Select(ParityCase.Open).ToLookup(c => ParityTool.RunnerOf(c) is not null);
        var rows = new List<ParityRow>();
        foreach (var parityCase in cases[true])
            rows.Add(ParityTable.Measure(parityCase));
        foreach (var line in ParityTable.Lines(rows))
            output.Result(line);
        foreach (var other in cases[false])
            output.Result($"not of a codec family: {other.Family}/{other.Name}");
        return rows.All(row => row.Report.Passed) ? ExitCode.Done : ExitCode.Internal;
    }

    /// <summary>The folder itself where it is a case (or claims to be), else all cases below it.</summary>
    private static IEnumerable<string> Cases(string folder)
    {
        if (ParityCase.IsCase(folder))
            return [folder];
        var below = ParityCase.Find(folder);
        return below.Count > 0 ? below : throw new ConfigException($"{folder}: expected a case folder with config.json and io.safetensors, or a folder above such");
    }

    private static void Tell(ParityReport report, bool all, CommandOutput output)
    {
        var worst = report.Lines.Where(l => l.Codes == 0).MaxBy(l => l.MaxError);
        output.Result(string.Create(CultureInfo.InvariantCulture,
            $"{(report.Passed ? "pass" : "FAIL")}  {report.Case.Family}/{report.Case.Name}: {report.Lines.Count} comparisons, codes equal {report.CodeAgreement:0.####%}, largest error {worst?.MaxError ?? 0:0.0e+0} ({worst?.Name ?? "none"})"));
        foreach (var line in report.Lines.Where(line => all || !line.Passed))
            output.Result(string.Create(CultureInfo.InvariantCulture,
                $"  {(line.Passed ? "ok  " : "FAIL")}  {line.Name,-48} {(line.Codes > 0 ? $"{line.MaxError:0} of {line.Codes} codes differ" : $"{line.MaxError:0.0e+0} (at most {line.Tolerance:0.0e+0})")} {line.Problem}"));
        if (report.Unused.Count > 0)
            output.Result($"  not compared: {string.Join(", ", report.Unused)}");
    }

    private static JsonObject ToJson(ParityReport report) => new()
    {
        ["case"] = report.Case.Folder,
        ["passed"] = report.Passed,
        ["code_agreement"] = report.CodeAgreement,
        ["tensors"] = new JsonArray([.. report.Lines.Select(line => (JsonNode)new JsonObject
        {
            ["name"] = line.Name, ["passed"] = line.Passed, ["max_error"] = double.IsFinite(line.MaxError) ? line.MaxError : null,
            ["tolerance"] = line.Tolerance, ["codes"] = line.Codes, ["problem"] = line.Problem,
        })]),
        ["not_compared"] = new JsonArray([.. report.Unused.Select(name => JsonValue.Create(name))]),
    };
}
