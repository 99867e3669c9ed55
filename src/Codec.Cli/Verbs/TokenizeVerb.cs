using System.CommandLine;
using System.Text.Json.Nodes;
using Codec.Audio;
using Codec.Cli.Files;
using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Prediction;
using Codec.Core.Files;
using Codec.Core.Interchange;
using Codec.Core.Tokens;

namespace Codec.Cli.Verbs;

/// <summary><c>codec tokenize</c>: codes of recordings and of compressed files, in formats that others read.</summary>
internal sealed class TokenizeVerb
{
    private readonly Argument<string[]> _inputs = new("IN") { Description = "audio files, compressed files, folders, or -", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string> _output = new("--output", "-o") { Description = "file that ends in .jsonl, .npz or .safetensors, or - for JSON Lines", HelpName = "OUT", Required = true };
    private readonly ModelOptions _model = new();
    private readonly BookOptions _books = new();
    private readonly Option<bool> _force = new("--force") { Description = "replace an existing file" };
    private readonly Option<bool> _json = new("--json") { Description = "print results as JSON" };
    private readonly CommandContext _context;

    private TokenizeVerb(CommandContext context) => _context = context;

    public static Command Create(CommandContext context)
    {
        var verb = new TokenizeVerb(context);
        var command = new Command("tokenize", "Write codes as numbers: JSON Lines, NumPy or safetensors.") { verb._inputs, verb._output };
        verb._model.AddTo(command);
        verb._books.AddTo(command);
        command.Add(verb._force);
        command.Add(verb._json);
        command.SetAction(verb.Run);
        return command;
    }

    private int Run(ParseResult args)
    {
        var path = args.GetValue(_output)!;
        var output = new CommandOutput(_context.Terminal, args.GetValue(_json), path == FileJob.StandardStream);
        CommandFiles.RequireFree(path, args.GetValue(_force));
        var inputs = FileJob.Expand(args.GetValue(_inputs)!, [.. AudioFile.Extensions, CodecFile.Extension]);
        using var models = _model.Open(args, _context);
        _books.Check(args, () => models.Codec.Info);
        using var writer = Create(path, args.GetValue(_force));
        var code = FileLoop.Run(inputs, input => input, output, input =>
        {
            var recording = Tokenize(input, args, models, output);
            writer.Add(recording);
            return Tell(recording, output);
        }, fatal: e => e is OutputFileException); // all recordings share one file
        // Where every input failed there is nothing to write.
        if (writer.Count > 0)
            writer.Complete();
        return code;
    }

    private TokenWriter Create(string path, bool force)
    {
        if (path == FileJob.StandardStream)
            return TokenWriter.ToStream(_context.Terminal.OpenOutput());
        CommandFiles.CreateFolder(path);
        return TokenWriter.Create(path, force);
    }

    private TokenizedAudio Tokenize(string input, ParseResult args, ModelSource models, CommandOutput output)
    {
        if (Path.GetExtension(input).Equals(CodecFile.Extension, StringComparison.OrdinalIgnoreCase))
            return FromCompressed(input);
        using var audio = CommandFiles.OpenAudio(input, _context.Terminal);
        var codec = models.Codec;
        using var bar = output.Progress(input, (double?)audio.Length / audio.SampleRate);
        long samples = 0;
        var pieces = CodecFile.Encode(audio, codec, _books.Choose(args, codec.Info, audio.Channels), count => samples = count, bar, _context.Cancellation).ToList();
        if (pieces.Count == 0)
            throw new AudioFileException(input, "holds no samples");
        return TokenizedAudio.Of(Codes.Concat(pieces), input, codec.Info.SampleRate, codec.Info.HopLength, audio.SampleRate, audio.Channels, samples) with
        {
            Model = codec.Info.Name,
            Weights = codec.Info.WeightHash,
            CatalogueId = codec.Info.CatalogueId,
            Prior = EntropyPriors.For(CodecFileHeader.HashPrefix(codec.Info.TokenHash), codec.Info.Books)?.Id ?? 0,
        };
    }

    private TokenizedAudio FromCompressed(string input)
    {
        using var file = CommandFiles.OpenCompressed(input, _context.Terminal);
        return ContainerCodes.Read(file, input);
    }

    private static JsonObject Tell(TokenizedAudio recording, CommandOutput output)
    {
        output.Result($"{recording.Source}  {recording.Frames} frames, {recording.BookSizes.Count} books");
        return new JsonObject { ["input"] = recording.Source, ["frames"] = recording.Frames, ["books"] = recording.BookSizes.Count };
    }
}
