using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Codec.Audio;
using Codec.Cli.Files;
using Codec.Core.Bitstream;
using Codec.Core.Files;
using Codec.Core.Tokens;

namespace Codec.Cli.Verbs;

/// <summary><c>codec detokenize</c>: audio from the codes of a token file.</summary>
internal sealed class DetokenizeVerb
{
    private readonly Argument<string> _input = new("TOKENS") { Description = "file that ends in .jsonl, .npz or .safetensors" };
    private readonly Option<string?> _output = new("--output", "-o") { Description = "audio file for one recording, folder for several; default: a folder beside the file", HelpName = "OUT|DIR" };
    private readonly ModelOptions _model = new();
    private readonly Option<bool> _force = new("--force") { Description = "replace existing files" };
    private readonly Option<bool> _json = new("--json") { Description = "print results as JSON" };
    private readonly CommandContext _context;

    private DetokenizeVerb(CommandContext context) => _context = context;

    public static Command Create(CommandContext context)
    {
        var verb = new DetokenizeVerb(context);
        var command = new Command("detokenize", "Decode the codes of a token file to audio.") { verb._input, verb._output };
        verb._model.AddTo(command);
        command.Add(verb._force);
        command.Add(verb._json);
        command.SetAction(verb.Run);
        return command;
    }

    private int Run(ParseResult args)
    {
        var input = args.GetValue(_input)!;
        var output = new CommandOutput(_context.Terminal, args.GetValue(_json));
        using var models = _model.Open(args, _context);
        var recordings = TokenFile.Read(input).ToList();
        if (recordings.Count == 0)
            throw new TokenFileException(input, "holds no recordings");
        var paths = Targets(input, args.GetValue(_output), recordings);
        return FileLoop.Run(Enumerable.Range(0, recordings.Count).ToList(), i => recordings[i].Source, output,
            i => Decode(recordings[i], input, paths[i], args.GetValue(_force), models, output));
    }

    private JsonObject Decode(TokenizedAudio recording, string input, string path, bool force, ModelSource models, CommandOutput output)
    {
        CommandFiles.RequireFree(path, force);
        var codes = recording.ToCodes(input);
        var header = new CodecFileHeader
        {
            CatalogueId = recording.CatalogueId,
            WeightHash = recording.WeightPrefix(input),
            Books = codes.Specs,
            SampleRate = recording.CodecRate,
            HopLength = recording.HopLength,
            OriginalRate = recording.SampleRate,
            Channels = recording.Channels,
            BlockFrames = 1,
            Prior = recording.Prior,
        };
        var codec = models.For(header, input);
        CodecFile.Check(header, codec.Info, input);
        codec = codec.WithBooksOf(header);
        CommandFiles.CreateFolder(path);
        using var audio = AudioFile.OpenWrite(path, recording.SampleRate, recording.Channels, overwrite: force);
        CodecFile.Decode(codes, codec, audio, recording.Samples, _context.Cancellation);
        audio.Complete();
        output.Result(string.Create(CultureInfo.InvariantCulture, $"{recording.Source} -> {path}  {(double)recording.Samples / recording.SampleRate:0.00} s"));
        return new JsonObject { ["input"] = recording.Source, ["output"] = path, ["samples"] = recording.Samples };
    }

    private static List<string> Targets(string input, string? output, List<TokenizedAudio> recordings)
    {
        if (recordings.Count == 1 && output is not null && !Directory.Exists(output) && !Path.EndsInDirectorySeparator(output))
            return [output];
        var taken = new HashSet<string>();
        return [.. recordings.Select(recording => Path.Combine(output ?? Path.ChangeExtension(input, null), TokenFile.UniqueKey(recording.Source, taken) + ".wav"))];
    }
}
