using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Codec.Audio;
using Codec.Cli.Files;
using Codec.Core;
using Codec.Core.Checkpoints;
using Codec.Core.Codecs.Vocos;
using Codec.Core.Tokens;
using static TorchSharp.torch;

namespace Codec.Cli.Verbs;

/// <summary><c>codec vocode</c>: a Vocos vocoder alone: mel features, recordings through mel features, or EnCodec codes to audio.</summary>
internal sealed class VocodeVerb
{
    private const int CodesRate = 24_000; // the published vocoder of codes decodes those of the 24 kHz EnCodec
    private readonly Argument<string> _input = new("IN") { Description = "recording or .safetensors of mel features [bands, frames] for a mel vocoder; token file for a vocoder of EnCodec codes" };
    private readonly Option<string> _output = new("--output", "-o") { Description = "audio file", HelpName = "OUT", Required = true };
    private readonly Option<string> _model = new("--model") { Description = "path of a Vocos checkpoint", HelpName = "PATH", Required = true };
    private readonly Option<int?> _bandwidth = new("--bandwidth-id") { Description = "row of the adaptive norms; default: by the number of books", HelpName = "N" };
    private readonly Option<int?> _threads = new("--threads") { Description = "threads of one tensor operation", HelpName = "N" };
    private readonly Option<bool> _force = new("--force") { Description = "replace an existing file" };
    private readonly Option<bool> _json = new("--json") { Description = "print results as JSON" };
    private readonly CommandContext _context;

    private VocodeVerb(CommandContext context) => _context = context;

    public static Command Create(CommandContext context)
    {
        var verb = new VocodeVerb(context);
        var command = new Command("vocode", "Sound from mel features or EnCodec codes by a Vocos vocoder.") { verb._input, verb._output, verb._model, verb._bandwidth, verb._threads, verb._force, verb._json };
        command.SetAction(verb.Run);
        return command;
    }

    private int Run(ParseResult args)
    {
        var (input, path) = (args.GetValue(_input)!, args.GetValue(_output)!);
        var output = new CommandOutput(_context.Terminal, args.GetValue(_json));
        CommandFiles.RequireFree(path, args.GetValue(_force));
        _context.UseTorch(args.GetValue(_threads));
        var checkpoint = Checkpoint.Open(args.GetValue(_model)!);
        if (!VocosFamily.Recognises(checkpoint))
            throw new CheckpointException(checkpoint.FilePath, "is no Vocos vocoder");
        using var model = VocosFamily.LoadModel(checkpoint);
        using var scope = NewDisposeScope();
        var (features, rate, samples) = model.Config.Mel is { } mel ? Features(input, model, mel) : Codes(input, model);
        var bandwidth = args.GetValue(_bandwidth) ?? features.Bandwidth;
        Require.InRange(bandwidth, 0, (model.Config.Backbone.AdaNormEmbeddings ?? 1) - 1, "--bandwidth-id");
        CommandFiles.CreateFolder(path);
        using var audio = AudioFile.OpenWrite(path, rate, (int)features.Values_BCT.shape[0], overwrite: args.GetValue(_force));
        var written = Write(model, features.Values_BCT, bandwidth, samples, audio);
        audio.Complete();
        output.Result(string.Create(CultureInfo.InvariantCulture, $"{input} -> {path}  {(double)written / rate:0.00} s at {rate} Hz"));
        output.Result(new JsonObject { ["input"] = input, ["output"] = path, ["samples"] = written, ["sample_rate"] = rate, ["bandwidth_id"] = bandwidth });
        return ExitCode.Done;
    }

    /// <returns>Samples per channel: those that are wanted, with silence where the frames hold fewer.</returns>
    private long Write(VocosModel model, Tensor features_BCT, int bandwidth, long? samples, AudioWriter audio)
    {
        var (channels, written) = ((int)features_BCT.shape[0], 0L);
        foreach (var piece_BS in model.DecodeLong(features_BCT, bandwidth))
        {
            _context.Cancellation.ThrowIfCancellationRequested();
            using var piece = piece_BS;
            var count = (int)Math.Min(piece.shape[1], (samples ?? long.MaxValue) - written);
            using var interleaved = piece.narrow(1, 0, count).t().contiguous();
            audio.Write(interleaved.data<float>().ToArray());
            written += count;
        }
        if (samples - written is > 0 and var missing)
            audio.Write(new float[missing * channels]);
        return samples ?? written;
    }

    private static (VocoderInput Features, int Rate, long? Samples) Features(string input, VocosModel model, VocosMelConfig mel)
    {
        if (!input.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
        {
            var audio = Resampler.Resample(AudioFile.Read(input), mel.SampleRate);
            var shortest = mel.FrameLength; // what the mirrored ends need
            var rows = Enumerable.Range(0, audio.Channels).Select(c => tensor(audio.Channel(c)).unsqueeze(0)).ToList();
            var signal_BS = cat(rows, 0);
            var filled_BS = nn.functional.pad(signal_BS, [0, Math.Max(0, shortest - audio.Length)]);
            return (new VocoderInput(model.Mel.forward(filled_BS), 0), mel.SampleRate, audio.Length);
        }
        var file = Checkpoint.Open(input);
        var stored = file.Tensors.Count == 1 ? file.Tensors.Values.First() : file.Tensors.GetValueOrDefault("mel")
            ?? throw new TokenFileException(input, $"expected one tensor, or one named mel, found {file.Tensors.Count}");
        var shape = stored.Shape;
        if (shape.Count is not (2 or 3) || shape[^2] != mel.Bands || shape[^1] < 1)
            throw new TokenFileException(input, $"{stored.Name}: expected [{mel.Bands}, frames] or [channels, {mel.Bands}, frames], found [{string.Join(", ", shape)}]");
        return (new VocoderInput(stored.Load().to(float32).reshape(-1, mel.Bands, shape[^1]), 0), mel.SampleRate, null);
    }

    private (VocoderInput Features, int Rate, long? Samples) Codes(string input, VocosModel model)
    {
        var recordings = TokenFile.Read(input).Take(2).ToList();
        if (recordings.Count != 1)
            throw new TokenFileException(input, $"expected one recording, found {(recordings.Count == 0 ? "none" : "several")}");
        var (recording, codes) = (recordings[0], recordings[0].ToCodes(input));
        var entries = codes.Specs[0].Size;
        if (recording.CodecRate != CodesRate || codes.Specs.Any(book => book != new CodebookSpec(entries)) || (long)entries * codes.Books > model.CodebookRows)
            throw new TokenFileException(input, $"expected codes of the {CodesRate} Hz EnCodec, at most {model.CodebookRows} entries in all, found {codes.Books} books of {entries} at {recording.CodecRate} Hz");
        var samples = Resampler.OutputLength(recording.Samples, recording.SampleRate, recording.CodecRate);
        return (new VocoderInput(model.FeaturesOf(CodeTensors.ToTensor(codes, CPU), entries), Bandwidth(model, recording, codes)), recording.CodecRate, samples);
    }

    /// <summary>The row of the norms that was trained for so many books.</summary>
    private static int Bandwidth(VocosModel model, TokenizedAudio recording, Codes codes)
    {
        var bits = Math.Log2(codes.Specs[0].Size) * Math.Ceiling((double)recording.CodecRate / recording.HopLength);
        var books = model.Config.Bandwidths.Select(kbps => (int)(1000 * kbps / bits)).ToList();
        return books.IndexOf(codes.Books) is >= 0 and var row ? row
            : throw new ConfigException($"--bandwidth-id: {codes.Books} books are none of the {string.Join(", ", books)} that the vocoder was trained for: name a row");
    }

    private sealed record VocoderInput(Tensor Values_BCT, int Bandwidth);
}
