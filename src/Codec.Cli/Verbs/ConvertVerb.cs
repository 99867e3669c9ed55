using System.CommandLine;
using System.Text.Json.Nodes;
using Codec.Audio;
using Codec.Cli.Files;
using Codec.Core.Interchange;
using Codec.Core.Tokens;

namespace Codec.Cli.Verbs;

/// <summary><c>codec convert</c>: codes from one kind of file to another, without audio and without a model.</summary>
internal sealed class ConvertVerb
{
    private static readonly string Kinds = string.Join(" ", CodeFile.Extensions);
    private readonly Argument<string[]> _inputs = new("FILE") { Description = $"files of codes ({Kinds}), or folders of them", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string> _output = new("--output", "-o") { Description = $"file ({Kinds}); or, with --to, a folder", HelpName = "OUT|DIR", Required = true };
    private readonly Option<string?> _to = new("--to") { Description = "extension of the files in a folder", HelpName = "KIND" };
    private readonly Option<bool> _force = new("--force") { Description = "replace existing files" };
    private readonly Option<bool> _json = new("--json") { Description = "print results as JSON" };
    private readonly CommandContext _context;

    private ConvertVerb(CommandContext context) => _context = context;

    public static Command Create(CommandContext context)
    {
        var verb = new ConvertVerb(context);
        var command = new Command("convert", "Move codes between our files, EnCodec's, DAC's and token files; no code changes.")
            { verb._inputs, verb._output, verb._to, verb._force, verb._json };
        command.SetAction(verb.Run);
        return command;
    }

    private int Run(ParseResult args)
    {
        var (target, force) = (args.GetValue(_output)!, args.GetValue(_force));
        var to = args.GetValue(_to) is { } kind ? CodeFile.Extension(kind.StartsWith('.') ? "x" + kind : "x." + kind) : null;
        var output = new CommandOutput(_context.Terminal, args.GetValue(_json));
        var inputs = FileJob.Expand(args.GetValue(_inputs)!, [.. CodeFile.Extensions]);
        foreach (var input in inputs)
            if (CodeFile.Extension(input) is not null && to is null && Path.GetFullPath(input) == Path.GetFullPath(target))
                throw new ConfigException($"{input}: input and output are the same file");
        if (to is not null && File.Exists(target))
            throw new ConfigException($"-o {target}: expected a folder with --to, found a file");
        return to is null && TokenFile.Extensions.Contains(CodeFile.Extension(target))
            ? ToTokens(inputs, target, force, output)
            : ToFiles(inputs, target, to, force, output);
    }

    private static int ToTokens(IReadOnlyList<string> inputs, string target, bool force, CommandOutput output)
    {
        CommandFiles.RequireFree(target, force);
        CommandFiles.CreateFolder(target);
        using var writer = TokenWriter.Create(target, force);
        var code = FileLoop.Run(inputs, input => input, output, input =>
        {
            var count = writer.Count;
            foreach (var recording in CodeFile.Read(input))
                writer.Add(recording);
            return Tell(input, target, writer.Count - count, output);
        }, fatal: e => e is OutputFileException);
        if (writer.Count > 0)
            writer.Complete();
        return code;
    }

    private int ToFiles(IReadOnlyList<string> inputs, string target, string? to, bool force, CommandOutput output)
    {
        var taken = new HashSet<string>();
        return FileLoop.Run(inputs, input => input, output, input =>
        {
            var recordings = CodeFile.Read(input).ToList();
            if (recordings.Count == 0)
                throw new TokenFileException(input, "holds no recordings");
            if (to is null && (inputs.Count > 1 || recordings.Count > 1))
                throw new ConfigException($"-o {target}: one file takes one recording, found several: give a folder, and --to with the kind of file");
            foreach (var recording in recordings)
                Write(recording, to is null ? target : Path.Combine(target, TokenFile.UniqueKey(recordings.Count > 1 ? recording.Source : input, taken) + to), force, output);
            return Tell(input, target, recordings.Count, output);
        }, fatal: e => e is ConfigException);
    }

    private void Write(TokenizedAudio recording, string path, bool force, CommandOutput output)
    {
        CommandFiles.RequireFree(path, force);
        var extension = CodeFile.Extension(path);
        if (!TokenFile.Extensions.Contains(extension))
        {
            if (CommandFiles.Write(path, force, _context.Terminal, stream => CodeFile.Write(recording, stream, extension)) is { } lost)
                output.Warning($"{path}: {lost}");
            return;
        }
        CommandFiles.CreateFolder(path);
        using var writer = TokenWriter.Create(path, force);
        writer.Add(recording);
        writer.Complete();
    }

    private static JsonObject Tell(string input, string target, int recordings, CommandOutput output)
    {
        output.Result($"{input} -> {target}{(recordings == 1 ? "" : $"  {recordings} recordings")}");
        return new JsonObject { ["input"] = input, ["output"] = target, ["recordings"] = recordings };
    }
}
