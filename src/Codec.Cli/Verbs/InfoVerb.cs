using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Codec.Cli.Files;
using Codec.Core.Bitstream;
using Codec.Core.Codecs;
using Codec.Core.Pretrained;

namespace Codec.Cli.Verbs;

/// <summary><c>codec info</c>: what a compressed file says of itself, checked to its end by its checksums; runs no model and decodes no codes.</summary>
internal static class InfoVerb
{
    public static Command Create(CommandContext context)
    {
        var files = new Argument<string[]>("FILE") { Description = "compressed files, or - for standard input", Arity = ArgumentArity.OneOrMore };
        var json = new Option<bool>("--json") { Description = "print results as JSON" };
        var command = new Command("info", "Show what a compressed file holds and whether it is whole.") { files, json };
        command.SetAction(args =>
        {
            var output = new CommandOutput(context.Terminal, args.GetValue(json));
            return FileLoop.Run(args.GetValue(files)!, file => file, output, file => Tell(file, context, output));
        });
        return command;
    }

    private static JsonObject Tell(string path, CommandContext context, CommandOutput output)
    {
        using var file = CommandFiles.OpenCompressed(path, context.Terminal);
        var (blocks, frames) = file.Check(context.Cancellation);
        var result = Describe(path, file, frames, blocks);
        output.Result(path);
        foreach (var (key, value) in result)
            if (key != "file")
                output.Result($"  {key.Replace('_', ' '),-18} {Text(value)}");
        return result;
    }

    private static JsonObject Describe(string path, CodecFileReader file, long frames, long blocks)
    {
        var header = file.Header;
        var seconds = file.Samples is { } samples ? (double)samples / header.OriginalRate : frames / header.FrameRate;
        var books = header.Books.Take(LowbandBooks.Before(header.Books)).ToArray();
        var coefficients = header.Books.Count - books.Length;
        var bytes = path == FileJob.StandardStream ? (long?)null : new FileInfo(path).Length;
        return new JsonObject
        {
            ["file"] = path,
            ["model"] = CodecCatalog.Find(header.CatalogueId)?.Name,
            ["weights"] = header.WeightHash == 0 ? null : header.WeightHash.ToString("x8", CultureInfo.InvariantCulture),
            ["bundled_as"] = PretrainedModels.Of(header.WeightHash)?.Name,
            ["books"] = books.Length,
            ["book_sizes"] = new JsonArray([.. books.Select(book => JsonValue.Create(book.Size))]),
            ["nested_in"] = header.Books[^1].NestedIn is > 0 and var whole ? whole : null,
            ["book_strides"] = new JsonArray([.. books.Select(book => JsonValue.Create(book.Stride))]),
            ["lowband_coefficients"] = coefficients > 0 ? coefficients : null,
            ["lowband_steps"] = coefficients > 0 ? LowbandBooks.Steps(header.Books[^1]) : null,
            ["codec_rate"] = header.SampleRate,
            ["frame_rate"] = header.FrameRate,
            ["sample_rate"] = header.OriginalRate,
            ["channels"] = header.Channels,
            ["samples"] = file.Samples,
            ["seconds"] = seconds,
            ["bytes"] = bytes,
            ["kbps"] = bytes is { } all && seconds > 0 ? all * 8 / seconds / 1000 : null,
            ["predictor"] = header.Predictor.ToString().ToLowerInvariant(),
            ["blocks"] = blocks,
            ["lost_frames"] = file.Lost.Sum(lost => lost.Frames),
            ["truncated"] = file.Truncated,
            ["tags"] = header.Tags.Length == 0 ? null : header.Tags,
        };
    }

    private static string Text(JsonNode? value) => value switch
    {
        null => "-",
        JsonArray array => string.Join(' ', array.Select(item => item!.ToString())),
        JsonValue number when number.TryGetValue<double>(out var real) => real.ToString("0.###", CultureInfo.InvariantCulture),
        _ => value.ToString(),
    };
}
