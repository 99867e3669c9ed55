using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Codec.Audio;
using Codec.Cli.Files;
using Codec.Core.Bitstream;
using Codec.Core.Files;

namespace Codec.Cli.Verbs;

/// <summary><c>codec transcode</c>: a compressed file with fewer or smaller books, without touching audio.</summary>
internal sealed class TranscodeVerb
{
    private readonly Argument<string[]> _inputs = new("FILE") { Description = "compressed files, folders, or - for standard input", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string?> _output = new("--output", "-o") { Description = "file, folder for several inputs, or - for standard output", HelpName = "OUT|DIR", Required = true };
    private readonly Option<int?> _books = new("--books") { Description = "books to keep", HelpName = "N" };
    private readonly Option<double?> _kbps = new("--kbps") { Description = "keep what fits this rate before entropy coding; between whole books the last one is shrunk to a nested one", HelpName = "RATE" };
    private readonly Option<bool> _force = new("--force") { Description = "replace existing files" };
    private readonly Option<bool> _json = new("--json") { Description = "print results as JSON" };
    private readonly CommandContext _context;

    private TranscodeVerb(CommandContext context) => _context = context;

    public static Command Create(CommandContext context)
    {
        var verb = new TranscodeVerb(context);
        var command = new Command("transcode", "Drop or shrink books of compressed files: the bytes are those of encoding at the lower rate.")
            { verb._inputs, verb._output, verb._books, verb._kbps, verb._force, verb._json };
        command.SetAction(verb.Run);
        return command;
    }

    private int Run(ParseResult args)
    {
        var (books, kbps) = (args.GetValue(_books), args.GetValue(_kbps));
        Require.That(books is null != kbps is null, "rate", "one of --books and --kbps", books is null ? "none" : "both");
        Require.Positive(books ?? 1, "--books");
        Require.Positive(kbps ?? 1, "--kbps");
        var jobs = FileJob.Plan(args.GetValue(_inputs)!, args.GetValue(_output), CodecFile.Extension, [CodecFile.Extension]);
        var output = new CommandOutput(_context.Terminal, args.GetValue(_json), jobs.Any(job => job.Output == FileJob.StandardStream));
        var force = args.GetValue(_force);
        return FileLoop.Run(jobs, job => job.Input, output, job =>
        {
            CommandFiles.RequireFree(job.Output, force);
            using var input = CommandFiles.OpenBytes(job.Input, _context.Terminal);
            try
            {
                var header = CommandFiles.Write(job.Output, force, _context.Terminal, stream => Transcoder.DropBooks(input, stream,
                    header => books is { } count ? new BookSelection(LowbandBooks.Within(header.Books, count)) : header.SelectionWithin(kbps!.Value * 1000)));
                var nested = header.Books[^1] is { NestedIn: > 0 } last ? $", the last of {last.Size} entries nested in {last.NestedIn}" : "";
                output.Result(string.Create(CultureInfo.InvariantCulture, $"{job.Input} -> {job.Output}  {header.Books.Count} books{nested}"));
                return new JsonObject { ["input"] = job.Input, ["output"] = job.Output, ["books"] = header.Books.Count, ["last_book_size"] = header.Books[^1].Size };
            }
            catch (BitstreamException e)
            {
                throw new AudioFileException(job.Input, e.Message, e);
            }
        });
    }
}
