using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Codec.Audio;
using Codec.Cli.Files;
using Codec.Core.Checkpoints;
using Codec.Core.Codecs.Dac;
using Codec.Evaluation;
using Codec.Evaluation.Metrics;
using static TorchSharp.torch;

namespace Codec.Cli.Verbs;

/// <summary>
/// <c>codec dac</c>: the .dac files of the reference tool, both ways. Its levels are of the whole recording, so recordings are held in memory.
/// </summary>
internal sealed class DacVerb
{
    private const string Extension = ".dac";
    private const double Quietest = -70; // what the reference tool says of silence

    private readonly Argument<string> _input = new("IN") { Description = "recording, or a .dac file" };
    private readonly Option<string> _output = new("--output", "-o") { Description = ".dac file for a recording, audio file for a .dac file", HelpName = "OUT", Required = true };
    private readonly Option<double> _window = new("--window") { Description = "seconds of a chunk", HelpName = "S", DefaultValueFactory = _ => 5 };
    private readonly Option<int?> _books = new("--books") { Description = "books to keep; default: all", HelpName = "N" };
    private readonly Option<string> _loudness = new("--loudness") { Description = "bs1770 (as the published tool) or mean-square", HelpName = "KIND", DefaultValueFactory = _ => "bs1770" };
    private readonly ModelOptions _model = new();
    private readonly Option<bool> _force = new("--force") { Description = "replace an existing file" };
    private readonly Option<bool> _json = new("--json") { Description = "print results as JSON" };
    private readonly CommandContext _context;

    private DacVerb(CommandContext context) => _context = context;

    public static Command Create(CommandContext context)
    {
        var verb = new DacVerb(context);
        var command = new Command("dac", "Write or read the .dac files of the DAC reference tool.") { verb._input, verb._output, verb._window, verb._books, verb._loudness };
        verb._model.AddTo(command);
        command.Add(verb._force);
        command.Add(verb._json);
        command.SetAction(verb.Run);
        return command;
    }

    private int Run(ParseResult args)
    {
        var (input, path, force) = (args.GetValue(_input)!, args.GetValue(_output)!, args.GetValue(_force));
        var output = new CommandOutput(_context.Terminal, args.GetValue(_json));
        CommandFiles.RequireFree(path, force);
        Require.That(args.GetValue(_window) is > 0 and <= 3600, "--window", "in (0, 3600] seconds", args.GetValue(_window));
        using var models = _model.Open(args, _context);
        if (models.Codec is not DacCodec codec)
            throw new CheckpointException(models.Codec.Info.Name, "expected a DAC model: give one with --model");
        if (args.GetValue(_books) is { } books)
            Require.InRange(books, 1, codec.Info.Books.Count, "--books");
        var coder = new DacChunkedCoder(codec, LoudnessOf(args.GetValue(_loudness)!, codec.Info.SampleRate));
        var seconds = input.EndsWith(Extension, StringComparison.OrdinalIgnoreCase)
            ? Decompress(input, path, force, coder, codec)
            : Compress(input, path, force, coder, codec, args);
        output.Result(string.Create(CultureInfo.InvariantCulture, $"{input} -> {path}  {seconds:0.00} s"));
        output.Result(new JsonObject { ["input"] = input, ["output"] = path, ["seconds"] = seconds, ["bytes"] = new FileInfo(path).Length });
        return ExitCode.Done;
    }

    private double Compress(string input, string path, bool force, DacChunkedCoder coder, DacCodec codec, ParseResult args)
    {
        var original = AudioFile.Read(input);
        if (original.Length == 0)
            throw new AudioFileException(input, "holds no samples");
        using var scope = NewDisposeScope();
        var audio_CS = Rows(Resampler.Resample(original, codec.Info.SampleRate));
        DacFile file;
        try
        {
            file = coder.Compress(audio_CS, args.GetValue(_window), args.GetValue(_books));
        }
        catch (ArgumentException e)
        {
            throw new ConfigException($"--window: {e.Message}", e);
        }
        return CommandFiles.Write(path, force, _context.Terminal, stream =>
        {
            (file with { OriginalLength = original.Length, SampleRate = original.SampleRate }).Write(stream);
            return original.Duration.TotalSeconds;
        });
    }

    private static double Decompress(string input, string path, bool force, DacChunkedCoder coder, DacCodec codec)
    {
        var file = Read(input, codec);
        using var scope = NewDisposeScope();
        var rate = codec.Info.SampleRate;
        var audio_CS = coder.Decompress(file with { OriginalLength = Resampler.OutputLength(file.OriginalLength, file.SampleRate, rate) });
        var decoded = new AudioBuffer([.. audio_CS.cpu().unbind(0).Select(row => row.contiguous().data<float>().ToArray())], rate);
        var audio = Resampler.Resample(decoded, file.SampleRate);
        var channels = Enumerable.Range(0, audio.Channels).Select(c => audio.Channel(c)).ToArray();
        foreach (ref var channel in channels.AsSpan())
            Array.Resize(ref channel, checked((int)file.OriginalLength)); // rounding of the two rates
        CommandFiles.CreateFolder(path);
        AudioFile.Write(path, new AudioBuffer(channels, file.SampleRate), overwrite: force);
        return (double)file.OriginalLength / file.SampleRate;
    }

    /// <summary>A .dac file is input: what is wrong with it is no fault of the model.</summary>
    private static DacFile Read(string input, DacCodec codec)
    {
        try
        {
            var file = DacFile.Read(input, codec.Info.Books[0].Size);
            var most = ((long)file.Codes.Frames + 1) * codec.Info.HopLength;
            if (file.Codes.Books > codec.Info.Books.Count || Resampler.OutputLength(file.OriginalLength, file.SampleRate, codec.Info.SampleRate) > most)
                throw new AudioFileException(input, $"holds {file.Codes.Books} books and {file.Codes.Frames} frames for {file.OriginalLength} samples, found {codec.Info.Name} with {codec.Info.Books.Count} books and {codec.Info.HopLength} samples a frame");
            return file;
        }
        catch (CheckpointException e)
        {
            throw new AudioFileException(input, e.Message, e);
        }
    }

    private static Tensor Rows(AudioBuffer audio)
    {
        using var scope = NewDisposeScope();
        return stack(Enumerable.Range(0, audio.Channels).Select(c => tensor(audio.Channel(c))).ToList()).MoveToOuterDisposeScope();
    }

    private static Func<Tensor, double> LoudnessOf(string kind, int rate) => kind switch
    {
        "mean-square" => DacChunkedCoder.MeanSquareDb,
        "bs1770" => audio_CS => Integrated(audio_CS, rate),
        _ => throw new ConfigException($"--loudness: expected bs1770 or mean-square, found {kind}"),
    };

    /// <summary>LUFS; half a second at least, and -70 for what the gates leave nothing of.</summary>
    private static double Integrated(Tensor audio_CS, int rate)
    {
        using var scope = NewDisposeScope();
        var filled = nn.functional.pad(audio_CS, [0, Math.Max(0, rate / 2 - audio_CS.shape[1])]).to(float32).cpu();
        try
        {
            return Math.Max(Quietest, Loudness.Integrated([.. filled.unbind(0).Select(row => row.contiguous().data<float>().ToArray())], rate));
        }
        catch (MetricException)
        {
            return Quietest;
        }
    }
}
