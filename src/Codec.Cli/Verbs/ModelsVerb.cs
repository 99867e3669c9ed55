using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Codec.Cli.Files;
using Codec.Core.Checkpoints;
using Codec.Core.Codecs;
using Codec.Core.Codecs.Vocos;
using Codec.Core.Pretrained;

namespace Codec.Cli.Verbs;

/// <summary><c>codec models</c>: the bundled models, or what a checkpoint holds; loads no weights.</summary>
internal static class ModelsVerb
{
    public static Command Create(CommandContext context)
    {
        var paths = new Argument<string[]>("MODEL") { Description = "checkpoints to describe; default: the bundled models", Arity = ArgumentArity.ZeroOrMore };
        var json = new Option<bool>("--json") { Description = "print results as JSON" };
        var command = new Command("models", "List the bundled models and the codec families, or describe checkpoints.") { paths, json };
        command.SetAction(args =>
        {
            var output = new CommandOutput(context.Terminal, args.GetValue(json));
            context.UseTorch();
            var models = args.GetValue(paths) is { Length: > 0 } named ? named : [.. PretrainedModels.All.Select(model => model.Name)];
            var code = FileLoop.Run(models, model => model, output, model => Tell(model, output));
            if (args.GetValue(paths) is not { Length: > 0 })
                output.Result($"families: {string.Join(", ", CodecCatalog.Families.Select(family => family.Name))}, and the vocoder vocos (give a checkpoint with --model PATH)");
            return code;
        });
        return command;
    }

    private static JsonObject Tell(string model, CommandOutput output)
    {
        var path = PretrainedModels.Resolve(model);
        var checkpoint = Checkpoint.Open(path);
        CodecCatalog.Check(checkpoint);
        if (VocosFamily.Recognises(checkpoint))
            return TellVocoder(model, checkpoint, output);
        var description = CodecCatalog.Describe(path);
        var info = description.Info;
        var low = info.BitsPerSecond(1) / 1000;
        var high = info.BitsPerSecond(info.Books.Count) / 1000;
        output.Result(model);
        output.Result(string.Create(CultureInfo.InvariantCulture, $"  codec       {description.Preset.Name}, {description.Parameters / 1e6:0.0} M parameters, licence: {description.Preset.Licence}"));
        output.Result(string.Create(CultureInfo.InvariantCulture, $"  audio       {info.SampleRate} Hz, {info.Channels} channel(s), {info.FrameRate:0.##} frames/s, {(info.Causal ? "causal" : "not causal")}, delay {info.DelaySamples} samples"));
        output.Result(string.Create(CultureInfo.InvariantCulture, $"  books       {info.Books.Count} of {string.Join('/', info.Books.Select(b => b.Size).Distinct())} entries: {low:0.###} to {high:0.###} kbit/s"));
        output.Result($"  weights     {checkpoint.FilePath}");
        output.Result($"  sha256      {checkpoint.Sha256}");
        return new JsonObject
        {
            ["model"] = model,
            ["codec"] = description.Preset.Name,
            ["parameters"] = description.Parameters,
            ["licence"] = description.Preset.Licence,
            ["sample_rate"] = info.SampleRate,
            ["channels"] = info.Channels,
            ["frame_rate"] = info.FrameRate,
            ["causal"] = info.Causal,
            ["delay_samples"] = info.DelaySamples,
            ["book_sizes"] = new JsonArray([.. info.Books.Select(book => JsonValue.Create(book.Size))]),
            ["book_strides"] = new JsonArray([.. info.Books.Select(book => JsonValue.Create(book.Stride))]),
            ["kbps_min"] = low,
            ["kbps_max"] = high,
            ["path"] = checkpoint.FilePath,
            ["bytes"] = new FileInfo(checkpoint.FilePath).Length,
            ["sha256"] = checkpoint.Sha256,
        };
    }

    /// <summary>A vocoder has no codes of its own: it turns features, or the codes of an EnCodec model, into sound.</summary>
    private static JsonObject TellVocoder(string model, Checkpoint checkpoint, CommandOutput output)
    {
        var vocoder = VocosFamily.Describe(checkpoint);
        var (head, mel) = (vocoder.Config.Head, vocoder.Config.Mel);
        output.Result(model);
        output.Result(string.Create(CultureInfo.InvariantCulture, $"  vocoder     {vocoder.Name}, {vocoder.Parameters / 1e6:0.0} M parameters, licence: {vocoder.Licence}"));
        output.Result(mel is not null ? $"  input       {mel.Bands} log-mel bands of {mel.SampleRate} Hz audio" : $"  input       EnCodec codes: a table of {vocoder.CodebookRows} entries");
        output.Result($"  output      {head.HopLength} samples a frame, {head.Kind} head");
        output.Result($"  weights     {checkpoint.FilePath}");
        output.Result($"  sha256      {checkpoint.Sha256}");
        return new JsonObject
        {
            ["model"] = model, ["vocoder"] = vocoder.Name, ["parameters"] = vocoder.Parameters, ["licence"] = vocoder.Licence,
            ["mel_bands"] = mel?.Bands, ["sample_rate"] = mel?.SampleRate, ["codebook_rows"] = vocoder.CodebookRows, ["hop"] = head.HopLength,
            ["path"] = checkpoint.FilePath, ["bytes"] = new FileInfo(checkpoint.FilePath).Length, ["sha256"] = checkpoint.Sha256,
        };
    }
}
