using System.CommandLine;
using System.Text.Json.Nodes;

namespace Codec.Cli.Verbs;

/// <summary><c>codec doctor</c>: what was loaded, what is missing and what to do about it.</summary>
internal static class DoctorVerb
{
    public static Command Create(CommandContext context)
    {
        var json = new Option<bool>("--json") { Description = "print one JSON value" };
        var command = new Command("doctor", "Check this installation and say what to do about each problem found.") { json };
        command.SetAction(args => Run(context, new CommandOutput(context.Terminal, args.GetValue(json))));
        return command;
    }

    private static int Run(CommandContext context, CommandOutput output)
    {
        var findings = new Doctor(context).Examine().ToList();
        foreach (var finding in findings)
        {
            output.Result($"{Mark(finding.Health)} {finding.Subject,-16} {finding.Detail}");
            if (finding.Advice is { } advice)
                output.Result($"     {"",-16} -> {advice}");
        }
        output.Result(new JsonArray([.. findings.Select(ToJson)]));
        return findings.Any(f => f.Health == Health.Broken) ? ExitCode.Internal : ExitCode.Done;
    }

    private static string Mark(Health health) => health switch
    {
        Health.Good => "[ok]",
        Health.Limited => "[--]",
        _ => "[!!]",
    };

    private static JsonNode ToJson(Finding finding) => new JsonObject
    {
        ["subject"] = finding.Subject,
        ["health"] = finding.Health.ToString().ToLowerInvariant(),
        ["detail"] = finding.Detail,
        ["advice"] = finding.Advice,
    };
}
