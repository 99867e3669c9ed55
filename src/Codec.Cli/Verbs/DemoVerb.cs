using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Codec.Audio;
using Codec.Audio.Pictures;
using Codec.Cli.Files;
using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Files;

namespace Codec.Cli.Verbs;

/// <summary><c>codec demo</c>: a bundled recording to a small file and back, with figures and a picture.</summary>
internal sealed class DemoVerb
{
    private readonly Argument<string?> _input = new("IN") { Description = "a recording; without one, the bundled clip of synthetic speech", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string> _output = new("--output", "-o") { Description = "folder for the files", HelpName = "DIR", DefaultValueFactory = _ => "codec-demo" };
    private readonly ModelOptions _model = new();
    private readonly BookOptions _books = new();
    private readonly CommandContext _context;

    private DemoVerb(CommandContext context) => _context = context;

    public static Command Create(CommandContext context)
    {
        var verb = new DemoVerb(context);
        var command = new Command("demo", "Compress and decompress a recording; show what it cost and what it looks like.") { verb._input, verb._output };
        verb._model.AddTo(command);
        verb._books.AddTo(command);
        command.SetAction(verb.Run);
        return command;
    }

    private int Run(ParseResult args)
    {
        var output = new CommandOutput(_context.Terminal, json: false);
        var input = args.GetValue(_input) ?? Path.Combine(AppContext.BaseDirectory, "demo", "speech.wav");
        var folder = Path.GetFullPath(args.GetValue(_output)!);
        string At(string name) => Path.Combine(folder, name);
        CommandFiles.CreateFolder(At("original.wav"));
        using var models = _model.Open(args, _context);
        var codec = models.Codec;
        var original = AudioFile.Read(input);
        AudioFile.Write(At("original.wav"), original);

        Warm(args, codec, At("original.wav"));
        var clock = Stopwatch.StartNew();
        var report = Compress(args, codec, At("original.wav"), At("compressed.cdc"));
        var encoding = clock.Elapsed;
        clock.Restart();
        Decompress(codec, At("compressed.cdc"), At("decoded.wav"));
        var decoding = clock.Elapsed;

        SpectrogramImage.Write(At("spectrograms.png"),
            new SpectrogramPanel("original", original),
            new SpectrogramPanel(string.Create(CultureInfo.InvariantCulture, $"decoded from {report.KilobitsPerSecond:0.00} kbit/s"), AudioFile.Read(At("decoded.wav"))));
        Tell(output, codec.Info, report, encoding, decoding, folder);
        return ExitCode.Done;
    }

    /// <summary>Runs a moment of audio, so that the times below are not those of loading and compiling.</summary>
    private void Warm(ParseResult args, ICodec codec, string from)
    {
        using var audio = AudioFile.OpenRead(from);
        using var probed = new ProbedReader(audio, seconds: 1);
        using var moment = probed.Beginning();
        using var compressed = new MemoryStream();
        Compress(args, codec, moment, compressed);
        compressed.Position = 0;
        using var file = new CodecFileReader(compressed);
        using var decoded = AudioFile.OpenWrite(Stream.Null, file.Header.OriginalRate, file.Header.Channels);
        CodecFile.Decompress(file, codec, decoded, cancellation: _context.Cancellation);
    }

    private CompressionReport Compress(ParseResult args, ICodec codec, string from, string to)
    {
        using var audio = AudioFile.OpenRead(from);
        return CommandFiles.Write(to, force: true, _context.Terminal, stream => Compress(args, codec, audio, stream));
    }

    private CompressionReport Compress(ParseResult args, ICodec codec, AudioReader audio, Stream to)
    {
        var rate = _books.BitsPerSecond(args);
        return rate is null && _books.Choose(args, codec.Info, audio.Channels) is { } books
            ? CodecFile.Compress(audio, codec, to, books, cancellation: _context.Cancellation)
            : RatedFile.Compress(audio, codec, to, rate, cancellation: _context.Cancellation);
    }

    private void Decompress(ICodec codec, string from, string to)
    {
        using var file = CommandFiles.OpenCompressed(from, _context.Terminal);
        using var audio = AudioFile.OpenWrite(to, file.Header.OriginalRate, file.Header.Channels, overwrite: true);
        CodecFile.Decompress(file, codec, audio, cancellation: _context.Cancellation);
        audio.Complete();
    }

    private static void Tell(CommandOutput output, CodecInfo codec, CompressionReport report, TimeSpan encoding, TimeSpan decoding, string folder)
    {
        void Row(string name, string value) => output.Result($"  {name,-24}{value}");
        output.Result(codec.Name);
        Row("audio", string.Create(CultureInfo.InvariantCulture, $"{report.Seconds:0.00} s, {report.SampleRate} Hz, {report.Channels} channel(s)"));
        Row("compressed", string.Create(CultureInfo.InvariantCulture, $"{report.Bytes} bytes = {report.KilobitsPerSecond:0.00} kbit/s with all overhead"));
        Row("to 16-bit PCM", string.Create(CultureInfo.InvariantCulture, $"1 : {report.Ratio:0}"));
        Row("encoding", string.Create(CultureInfo.InvariantCulture, $"{report.Seconds / encoding.TotalSeconds:0} x real time"));
        Row("decoding", string.Create(CultureInfo.InvariantCulture, $"{report.Seconds / decoding.TotalSeconds:0} x real time"));
        output.Result($"files in {folder}: original.wav  compressed.cdc  decoded.wav  spectrograms.png");
    }
}
