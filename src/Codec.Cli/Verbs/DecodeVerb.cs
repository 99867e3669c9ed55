using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Codec.Audio;
using Codec.Cli.Files;
using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Files;

namespace Codec.Cli.Verbs;

/// <summary><c>codec decode</c>: compressed files to audio.</summary>
internal sealed class DecodeVerb
{
    private readonly Argument<string[]> _inputs = new("IN") { Description = "compressed files, folders, or - for standard input", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string?> _output = new("--output", "-o") { Description = "audio file (.wav .flac .ogg .opus .mp3 .aiff), folder for several inputs, or -", HelpName = "OUT|DIR" };
    private readonly PartOptions _part = new();
    private readonly Option<int?> _rate = new("--rate") { Description = "sample rate of the output; default: that of the original", HelpName = "HZ" };
    private readonly ModelOptions _model = new();
    private readonly RepairOptions _repair = new();
    private readonly Option<bool> _force = new("--force") { Description = "replace existing files" };
    private readonly Option<bool> _json = new("--json") { Description = "print results as JSON" };
    private readonly CommandContext _context;

    private DecodeVerb(CommandContext context) => _context = context;

    public static Command Create(CommandContext context)
    {
        var verb = new DecodeVerb(context);
        var command = new Command("decode", "Decompress files to audio.") { verb._inputs, verb._output, verb._rate };
        verb._part.AddTo(command);
        verb._model.AddTo(command);
        verb._repair.AddTo(command);
        command.Add(verb._force);
        command.Add(verb._json);
        command.SetAction(verb.Run);
        return command;
    }

    private int Run(ParseResult args)
    {
        var jobs = FileJob.Plan(args.GetValue(_inputs)!, args.GetValue(_output), ".wav", [CodecFile.Extension]);
        var output = new CommandOutput(_context.Terminal, args.GetValue(_json), jobs.Any(job => job.Output == FileJob.StandardStream));
        var force = args.GetValue(_force);
        var rate = args.GetValue(_rate);
        if (rate is { } wanted)
            Require.InRange(wanted, 1000, 768000, "--rate");
        using var models = _model.Open(args, _context);
        using var repairs = _repair.Open(args);
        return FileLoop.Run(jobs, job => job.Input, output, job =>
        {
            CommandFiles.RequireFree(job.Output, force);
            using var file = CommandFiles.OpenCompressed(job.Input, _context.Terminal);
            var codec = models.For(file.Header, job.Input);
            CodecFile.Check(file.Header, codec.Info, job.Input);
            var gaps = repairs.ForGaps(codec);
            codec = Regenerating(repairs, file.Header, codec, job.Input, output);
            var clock = Stopwatch.StartNew();
            file.ReadTrailer();
            var part = _part.Of(args);
            var outputRate = rate ?? file.Header.OriginalRate;
            var length = CodecFilePart.Length(file, part ?? TimeRange.All, outputRate);
            using var bar = output.Progress(job.Input, (double?)length / outputRate);
            using var audio = OpenAudio(job.Output, outputRate, length, file, force);
            var report = part is { } range
                ? CodecFilePart.Decompress(file, codec, range, audio, bar, _context.Cancellation, gaps)
                : CodecFile.Decompress(file, codec, audio, bar, _context.Cancellation, gaps);
            audio.Complete();
            return Tell(job, report, file, report.Samples / (double)outputRate, clock.Elapsed, output);
        });
    }

    private static ICodec Regenerating(RepairSource repairs, CodecFileHeader header, ICodec codec, string input, CommandOutput output)
    {
        var regenerating = repairs.ForBooks(header, codec, out var problem);
        if (problem is not null)
            output.Warning($"{input}: {problem}");
        if (regenerating is not null)
            output.Message($"{input}: {header.Books.Count} of {codec.Info.Books.Count} books were sent, the decoder makes up the others (--plain: leaves them out)");
        return regenerating ?? codec;
    }

    private AudioWriter OpenAudio(string path, int rate, long? length, CodecFileReader file, bool force)
    {
        if (path == FileJob.StandardStream)
            return AudioFile.OpenWrite(_context.Terminal.OpenOutput(), rate, file.Header.Channels, length: length);
        CommandFiles.CreateFolder(path);
        return AudioFile.OpenWrite(path, rate, file.Header.Channels, overwrite: force);
    }

    private static JsonObject Tell(FileJob job, DecompressionReport report, CodecFileReader file, double seconds, TimeSpan elapsed, CommandOutput output)
    {
        if (report.Truncated)
            output.Warning($"{job.Input}: the file was cut off: what is there was decoded");
        if (report.LostFrames > 0)
            output.Warning(string.Create(CultureInfo.InvariantCulture,
                $"{job.Input}: damaged: {report.LostFrames / file.Header.FrameRate:0.00} s of {report.Frames / file.Header.FrameRate:0.00} s were lost and are concealed: {Seconds(report.Lost)}"));
        output.Result(string.Create(CultureInfo.InvariantCulture, $"{job.Input} -> {job.Output}  {seconds:0.00} s  {seconds / elapsed.TotalSeconds:0.0}x real time"));
        return new JsonObject
        {
            ["input"] = job.Input,
            ["output"] = job.Output,
            ["seconds"] = seconds,
            ["samples"] = report.Samples,
            ["channels"] = file.Header.Channels,
            ["lost_frames"] = report.LostFrames,
            ["lost_seconds"] = new JsonArray([.. report.Lost.Select(lost => new JsonArray(lost.Start.TotalSeconds, lost.End.TotalSeconds))]),
            ["truncated"] = report.Truncated,
            ["real_time_factor"] = seconds / elapsed.TotalSeconds,
        };
    }

    private static string Seconds(IReadOnlyList<TimeRange> lost)
    {
        const int shown = 8;
        var ranges = lost.Take(shown).Select(range => string.Create(CultureInfo.InvariantCulture, $"{range.Start.TotalSeconds:0.00}-{range.End.TotalSeconds:0.00} s"));
        return string.Join(", ", ranges) + (lost.Count > shown ? $" and {lost.Count - shown} more (--json lists all)" : "");
    }
}
