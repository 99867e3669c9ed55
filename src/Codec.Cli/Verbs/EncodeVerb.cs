using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Codec.Audio;
using Codec.Cli.Files;
using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Codecs.Native;
using Codec.Core.Files;
using Codec.Speech.Repair;

namespace Codec.Cli.Verbs;

/// <summary><c>codec encode</c>: recordings to compressed files.</summary>
internal sealed class EncodeVerb
{
    private const int RegeneratedBooks = 2;
    private const int LowbandBookCount = 4; // beside a low band the books behind these say little
    private const string Auto = "auto";     // of --lowband

    private readonly Argument<string[]> _inputs = new("IN") { Description = "audio files, folders, or - for standard input", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string?> _output = new("--output", "-o") { Description = "file, folder for several inputs, or - for standard output", HelpName = "OUT|DIR" };
    private readonly ModelOptions _model = new();
    private readonly BookOptions _books = new(FormattableString.Invariant($"; default: {LowbandRate.Usual / 1000} for each channel where the model has a low band, otherwise all books"));
    private readonly Option<bool> _regenerate = new("--regenerate") { Description = $"send the first books only ({RegeneratedBooks} unless --kbps or --books says otherwise) and have the decoder make up the others" };
    private readonly Option<string?> _fine = new("--fine") { Description = "with --regenerate: model that the decoder will be given; default: the bundled one", HelpName = "PATH" };
    private readonly Option<int?> _effort = new("--effort") { Description = "0 to 3: search longer for better codes; any decoder takes them (default: 1 where the codec can; 0 with --regenerate)", HelpName = "N" };
    private readonly Option<double> _rateAware = new("--rate-aware") { Description = "take cheaper codes where they are nearly as good: what a bit is worth, as a share of the squared error (0.01 is a start)", HelpName = "SHARE", DefaultValueFactory = _ => 0 };
    private readonly Option<string?> _lowband = new("--lowband") { Description = "spend bits on the waveform below 1 kHz, which comes closer to the recording: in so many steps (30 to 120; 60 is a start) beside --books (default 4), or auto: what --kbps leaves room for", HelpName = "STEPS|auto" };
    private readonly Option<double> _vbr = new("--vbr") { Description = "leave fine books out of frames to which they add little: what a code has to gain (0.015 to 0.04 is a start); --kbps or --books is then the most that a frame gets", HelpName = "SHARE", DefaultValueFactory = _ => 0 };
    private readonly Option<string?> _targetSize = new("--target-size") { Description = "keep as many books as fit into so many bytes (k and M: 1000 and 1000000)", HelpName = "BYTES" };
    private readonly Option<bool> _force = new("--force") { Description = "replace existing files" };
    private readonly Option<bool> _json = new("--json") { Description = "print results as JSON" };
    private readonly CommandContext _context;

    private EncodeVerb(CommandContext context) => _context = context;

    public static Command Create(CommandContext context)
    {
        var verb = new EncodeVerb(context);
        var command = new Command("encode", "Compress recordings with a neural codec.") { verb._inputs, verb._output };
        verb._model.AddTo(command);
        verb._books.AddTo(command);
        command.Add(verb._regenerate);
        command.Add(verb._fine);
        command.Add(verb._effort);
        command.Add(verb._rateAware);
        command.Add(verb._vbr);
        command.Add(verb._lowband);
        command.Add(verb._targetSize);
        command.Add(verb._force);
        command.Add(verb._json);
        command.SetAction(verb.Run);
        return command;
    }

    private int Run(ParseResult args)
    {
        var jobs = FileJob.Plan(args.GetValue(_inputs)!, args.GetValue(_output), CodecFile.Extension, AudioFile.Extensions);
        var output = new CommandOutput(_context.Terminal, args.GetValue(_json), jobs.Any(job => job.Output == FileJob.StandardStream));
        var force = args.GetValue(_force);
        using var models = _model.Open(args, _context);
        _books.Check(args, () => models.Codec.Info, nested: !args.GetValue(_regenerate));
        var target = TargetSize(args.GetValue(_targetSize));
        using var searching = Searching(models.Codec, args);
        var steps = LowbandSteps(args, models);
        using var variable = args.GetValue(_vbr) != 0 ? Variable(args, searching ?? models.Codec) : steps is { } count ? Lowband(args, searching ?? models.Codec, count) : null;
        return FileLoop.Run(jobs, job => job.Input, output, job =>
        {
            CommandFiles.RequireFree(job.Output, force);
            using var audio = CommandFiles.OpenAudio(job.Input, _context.Terminal);
            var whole = variable ?? searching ?? models.Codec;
            var beside = variable is null && target is null && !args.GetValue(_regenerate) ? BesideLowband(args, whole.Info, audio.Channels) : null;
            var (codec, books, tags) = Selected(args, whole, audio.Channels);
            var clock = Stopwatch.StartNew();
            using var bar = output.Progress(job.Input, (double?)audio.Length / audio.SampleRate);
            var report = CommandFiles.Write(job.Output, force, _context.Terminal, stream =>
            {
                if (target is { } bytes)
                    return TargetedFile.Compress(audio, codec, stream, bytes, books, bar, _context.Cancellation, tags);
                return beside is { } low
                    ? LowbandRate.CompressOr(audio, whole, stream, low.Books, low.BitsPerSecond, (codec, books), bar, _context.Cancellation)
                    : CodecFile.Compress(audio, codec, stream, books, bar, _context.Cancellation, tags);
            });
            return Tell(job, report, codec.Info, clock.Elapsed, output);
        });
    }

    /// <summary>The codec of the books that are kept, and how many.</summary>
    private (ICodec Codec, int? Books, string Tags) Selected(ParseResult args, ICodec codec, int channels)
    {
        if (args.GetValue(_regenerate))
        {
            var (whole, tags) = Regenerated(codec, _books.Choose(args, codec.Info, channels), args.GetValue(_fine));
            return (codec, whole, tags);
        }
        if (LowbandBooks.Before(codec.Info.Books) < codec.Info.Books.Count)
            return (codec, null, "");
        var selection = _books.ChooseNested(args, codec.Info, channels);
        return (codec.WithNested(selection?.Last), selection?.Books, "");
    }

    /// <summary>The books beside a low band and the rate of both, where --kbps is better spent on one.</summary>
    private (int Books, double BitsPerSecond)? BesideLowband(ParseResult args, CodecInfo codec, int channels)
    {
        var rate = _books.Given(args) ? _books.BitsPerSecond(args) : LowbandRate.Usual * channels;
        return rate is { } given && LowbandRate.Books(codec, given / channels, args.GetValue(_lowband) == Auto) is { } books ? (books, given) : null;
    }

    private ICodec? Searching(ICodec codec, ParseResult args)
    {
        var (asked, share) = (args.GetValue(_effort), args.GetValue(_rateAware));
        Require.InRange(asked ?? 0, 0, 3, "--effort");
        Require.InRange(share, 0, 1, "--rate-aware");
        // What is made up learned from codes that were not searched for.
        var effort = asked ?? (codec is ISearchingCodec { Searches: true } && !args.GetValue(_regenerate) ? ISearchingCodec.FileEffort : 0);
        if (effort == 0 && share == 0)
            return null;
        var option = effort > 0 ? "--effort" : "--rate-aware";
        try
        {
            return codec is ISearchingCodec searching ? ((ISearchingCodec)searching.WithEffort(effort)).WithRateAwareness(share)
                : throw new ConfigException($"{option}: {codec.Info.Name} has no search");
        }
        catch (NotSupportedException e)
        {
            throw new ConfigException($"{option}: {e.Message}", e);
        }
    }

    private ICodec Variable(ParseResult args, ICodec codec)
    {
        Require.InRange(args.GetValue(_vbr), 0, 10, "--vbr");
        Require.That(!args.GetValue(_regenerate), "--vbr", "no --regenerate", "both");
        return codec.WithVariableBooks(args.GetValue(_vbr));
    }

    /// <summary>Steps of --lowband; null where it was not given or leaves them to --kbps.</summary>
    private int? LowbandSteps(ParseResult args, ModelSource models)
    {
        if (args.GetValue(_lowband) is not { } text)
            return null;
        Require.That(!args.GetValue(_regenerate) && args.GetValue(_vbr) == 0, "--lowband", "neither --regenerate nor --vbr", "one of them");
        if (text == Auto)
        {
            var rate = _books.BitsPerSecond(args);
            Require.That(rate is { } wanted && LowbandRate.Books(models.Codec.Info, wanted, asked: true) is not null && args.GetValue(_targetSize) is null, "--lowband auto", "--kbps from 2.2 on and a model with a low band",
                rate is { } found ? FormattableString.Invariant($"{found / 1000}") : "none");
            return null;
        }
        var known = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var steps);
        Require.That(known && steps is >= LowbandBooks.FewestSteps and <= LowbandBooks.MostSteps, "--lowband", $"auto, or {LowbandBooks.FewestSteps} to {LowbandBooks.MostSteps} steps", text);
        return steps;
    }

    private ICodec Lowband(ParseResult args, ICodec codec, int steps)
        => codec.WithLowband(_books.Choose(args, codec.Info, channels: 1) ?? Math.Min(LowbandBookCount, codec.Info.Books.Count), steps);

    /// <summary>Bytes, with k or M for thousands and millions.</summary>
    private static long? TargetSize(string? text)
    {
        if (text is null)
            return null;
        var unit = text[^Math.Min(1, text.Length)..] switch { "k" or "K" => 1000L, "M" => 1_000_000, _ => 1 };
        var number = unit == 1 ? text : text[..^1];
        return double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count) && count * unit is >= 1 and < 1e15
            ? (long)(count * unit)
            : throw new ConfigException($"--target-size: expected bytes, e.g. 200000, 200k or 1.5M, found {text}");
    }

    private static (int? Books, string Tags) Regenerated(ICodec codec, int? books, string? fine)
    {
        if (RepairSource.Path(codec, RepairKind.Fine, fine) is { } path)
            RepairFile.Check(path, (NativeCodec)codec, RepairKind.Fine);
        else
            throw new ConfigException($"--regenerate: no model that makes up fine books is bundled for the codes of {codec.Info.Name}");
        books ??= RegeneratedBooks;
        Require.That(books < codec.Info.Books.Count, "--regenerate", $"fewer than all {codec.Info.Books.Count} books", books.Value);
        return (books, RegenerationTag.AddTo(""));
    }

    private static JsonObject Tell(FileJob job, CompressionReport report, CodecInfo codec, TimeSpan elapsed, CommandOutput output)
    {
        foreach (var warning in report.Warnings)
            output.Warning($"{job.Input}: {warning}");
        output.Result(string.Create(CultureInfo.InvariantCulture,
            $"{job.Input} -> {job.Output}  {report.Seconds:0.00} s  {report.Bytes} bytes  {report.KilobitsPerSecond:0.00} kbit/s  1/{report.Ratio:0.#} of 16-bit PCM  {report.Seconds / elapsed.TotalSeconds:0.0}x real time"));
        return new JsonObject
        {
            ["input"] = job.Input,
            ["output"] = job.Output,
            ["model"] = codec.Name,
            ["books"] = report.Books,
            ["seconds"] = report.Seconds,
            ["samples"] = report.Samples,
            ["sample_rate"] = report.SampleRate,
            ["channels"] = report.Channels,
            ["frames"] = report.Frames,
            ["bytes"] = report.Bytes,
            ["kbps"] = report.KilobitsPerSecond,
            ["ratio"] = report.Samples == 0 ? 0 : report.Ratio,
            ["real_time_factor"] = report.Seconds / elapsed.TotalSeconds,
            ["warnings"] = new JsonArray([.. report.Warnings.Select(w => JsonValue.Create(w))]),
        };
    }
}
