using System.CommandLine;
using Codec.Cli.Verbs;

namespace Codec.Cli;

/// <summary>The <c>codec</c> command: parses, runs one verb, and turns every failure into one line and an exit code.</summary>
internal static class CommandLine
{
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static int Run(string[] args, Terminal terminal, CancellationToken cancellation = default)
    {
        var parsed = Create(new CommandContext(terminal, cancellation)).Parse(args.Length == 0 ? ["--help"] : args);
        if (parsed.Errors.Count > 0)
            return RefuseUsage(parsed, terminal);
        if (UnknownOption(parsed, args) is { } option)
            return RefuseUsage(parsed, terminal, $"unknown option '{option}'");
        return Guard(terminal, () => parsed.Invoke(new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
            Output = terminal.Out,
            Error = terminal.Error,
        }));
    }

    /// <summary>Runs something; a failure becomes a line on standard error and its exit code.</summary>
    public static int Guard(Terminal terminal, Func<int> run)
    {
        try
        {
            return run();
        }
        catch (Exception e)
        {
            terminal.Error.WriteLine($"error: {ExitCode.Describe(e)}");
            if (terminal.Variable("CODEC_DEBUG") is { Length: > 0 })
                terminal.Error.WriteLine(e);
            return ExitCode.For(e);
        }
    }

    internal static RootCommand Create(CommandContext context) => new("Neural audio codec: recordings to small files and back.")
    {
        EncodeVerb.Create(context),
        DecodeVerb.Create(context),
        TranscodeVerb.Create(context),
        ConvertVerb.Create(context),
        InfoVerb.Create(context),
        TokenizeVerb.Create(context),
        DetokenizeVerb.Create(context),
        VocodeVerb.Create(context),
        DacVerb.Create(context),
        ModelsVerb.Create(context),
        DoctorVerb.Create(context),
        DemoVerb.Create(context),
        ParityVerb.Create(context),
        EvalVerb.Create(context),
        TrainVerb.Create(context),
        ContinueVerb.Create(context),
        PriorVerb.Create(context),
        RepairEvalVerb.Create(context),
    };

    /// <summary>What was taken for the name of a file, though none has it and it does not stand behind <c>--</c>.</summary>
    private static string? UnknownOption(ParseResult parsed, string[] args)
        => parsed.CommandResult.Children.OfType<System.CommandLine.Parsing.ArgumentResult>().SelectMany(argument => argument.Tokens).Select(token => token.Value)
            .FirstOrDefault(value => value.Length > 1 && value[0] == '-' && !args.Contains("--") && !System.IO.Path.Exists(value));

    private static int RefuseUsage(ParseResult parsed, Terminal terminal, string? problem = null)
    {
        var path = string.Join(' ', Path(parsed.CommandResult).Reverse());
        problem ??= parsed.UnmatchedTokens is [var unknown, ..] ? $"unknown command or argument '{unknown}'" : parsed.Errors[0].Message;
        terminal.Error.WriteLine($"error: {problem}");
        terminal.Error.WriteLine($"'{path} --help' tells more.");
        return ExitCode.Usage;
    }

    private static IEnumerable<string> Path(System.CommandLine.Parsing.SymbolResult? result)
    {
        for (; result is System.CommandLine.Parsing.CommandResult command; result = command.Parent)
            yield return command.Command is RootCommand ? "codec" : command.Command.Name;
    }
}
