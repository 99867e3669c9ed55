using System.Globalization;
using Codec.Core.Checkpoints;
using Codec.Core.Parity;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Encodec;

/// <summary>Replays recorded EnCodec cases: every checkpoint file, every input, all segments, bandwidths and layers, streams and batches.</summary>
public sealed class EncodecParity : IParityRunner
{
    public bool Handles(ParityCase parityCase)
        => parityCase.HasWeights && parityCase.Has("main.seg0.codes") && parityCase.Config.TryGetProperty("n_filters", out _);

    public void Run(ParityCase parityCase, ParityReport report)
    {
        report.Uses(parityCase.Recorded.Tensors.Keys.Where(k => k.EndsWith(".audio", StringComparison.Ordinal) || k.EndsWith("_margin", StringComparison.Ordinal)));
        using var codec = Load(parityCase, parityCase.Weights());
        foreach (var input in parityCase.Inputs)
            RunInput(codec, parityCase, report, input);
        Layers(codec, parityCase, report);
        if (codec.Info.Causal)
            Streams(codec, parityCase, report);
        Batch(codec, parityCase, report);
        foreach (var file in parityCase.CheckpointFiles())
            SameFile(codec, parityCase, report, file);
    }

    private static EncodecCodec Load(ParityCase parityCase, Checkpoint checkpoint)
    {
        var canonical = EncodecKeys.Canonical(checkpoint);
        return EncodecFamily.Load(canonical, EncodecConfigReader.FromJson(EncodecConfigReader.Read(canonical), parityCase.Config));
    }

    private static void RunInput(EncodecCodec codec, ParityCase parityCase, ParityReport report, string input)
    {
        using var scope = NewDisposeScope();
        var audio_BCS = parityCase.Load($"{input}.audio");
        var codes = codec.Encode(audio_BCS);
        var segments = codes.Segments ?? [new CodeSegment(codes.Frames, [])];
        report.Values($"{input}.n_segments", tensor(new[] { (long)segments.Count }));
        var start = 0;
        for (var s = 0; s < segments.Count; start += segments[s].Frames, s++)
        {
            var name = $"{input}.seg{s}";
            var part = codes.Slice(start, segments[s].Frames);
            report.Codes($"{name}.codes", CodeTensors.ToTensor(part, CPU));
            if (segments[s].Scales.Count > 0)
                report.Values($"{name}.scale", tensor(segments[s].Scales.ToArray()).unsqueeze(1), 1e-6);
            report.Values($"{name}.latent", codec.Latent(SegmentAudio(codec, audio_BCS, s, segments[s].Scales)));
            report.Values($"{name}.quantized", Quantized(codec, part));
        }
        report.Values($"{input}.decoded", codec.Decode(codes));
        foreach (var bandwidth in codec.Config.Bandwidths)
            RunBandwidth(codec, report, input, audio_BCS, codes, bandwidth);
    }

    private static void RunBandwidth(EncodecCodec codec, ParityReport report, string input, Tensor audio_BCS, Codes all, double bandwidth)
    {
        var name = $"{input}.bw{bandwidth.ToString("0.0###", CultureInfo.InvariantCulture)}";
        var books = codec.Config.BooksFor(bandwidth);
        report.Values($"{name}.n_q", tensor(new[] { (long)books }));
        var codes = codec.Encode(audio_BCS, books);
        report.Codes($"{name} codes are a prefix", CodeTensors.ToTensor(all.Take(books), CPU), CodeTensors.ToTensor(codes, CPU));
        if (codes.Segments is not { Count: > 1 })
            report.Values($"{name}.seg0.quantized", Quantized(codec, codes));
        report.Values($"{name}.decoded", codec.Decode(codes));
    }

    /// <summary>Layer by layer through the libtorch operators of the same modules.</summary>
    private static void Layers(EncodecCodec codec, ParityCase parityCase, ParityReport report)
    {
        if (!parityCase.Has("short.audio"))
            return;
        var audio_BCS = parityCase.Load("short.audio");
        var codes = codec.Encode(audio_BCS);
        codec.Model.Encoder.Forward(SegmentAudio(codec, audio_BCS, 0, codes.Segments?[0].Scales ?? []),
            (i, y_BCT) => report.Values($"short.layer.encoder.model.{i}", y_BCT));
        codec.Model.Decoder.Forward(Quantized(codec, codes), (i, y_BCT) => report.Values($"short.layer.decoder.model.{i}", y_BCT));
    }

    private static void Streams(EncodecCodec codec, ParityCase parityCase, ParityReport report)
    {
        var audio_BCS = parityCase.Load("main.audio");
        var codes = codec.Encode(audio_BCS);
        var decoded_BCS = codec.Decode(codes);
        foreach (var samples in new[] { codec.Info.HopLength, 3 * codec.Info.HopLength, 777 })
            report.Codes($"main codes streamed, {samples} samples a call", CodeTensors.ToTensor(codes, CPU), CodeTensors.ToTensor(EncodeStream(codec, audio_BCS, samples), CPU));
        foreach (var frames in new[] { 1, 5 })
            report.Values($"main decoded streamed, {frames} frames a call", decoded_BCS, DecodeStream(codec, codes, frames), 1e-6);
    }

    private static Codes EncodeStream(EncodecCodec codec, Tensor audio_BCS, int samples)
    {
        using var state = new StreamState();
        var parts = new List<Codes>();
        for (var start = 0L; start < audio_BCS.shape[2]; start += samples)
        {
            var count = Math.Min(samples, audio_BCS.shape[2] - start);
            state.Ending = start + count == audio_BCS.shape[2];
            parts.Add(codec.Encode(audio_BCS.narrow(2, start, count), state: state));
        }
        return Codes.Concat(parts);
    }

    private static Tensor DecodeStream(EncodecCodec codec, Codes codes, int frames)
    {
        using var state = new StreamState();
        var parts = new List<Tensor>();
        for (var start = 0; start < codes.Frames; start += frames)
        {
            var count = Math.Min(frames, codes.Frames - start);
            state.Ending = start + count == codes.Frames;
            parts.Add(codec.Decode(codes.Slice(start, count), state: state));
        }
        return cat(parts, 2);
    }

    private static void Batch(EncodecCodec codec, ParityCase parityCase, ParityReport report)
    {
        if (!parityCase.Has("batch2.audio"))
            return;
        var audio_BCS = parityCase.Load("batch2.audio");
        var together = codec.Encode(audio_BCS);
        for (var item = 0; item < together.Batch; item++)
        {
            var alone = codec.Encode(audio_BCS.narrow(0, item, 1));
            report.Codes($"batch2 row {item} alone", CodeTensors.ToTensor(alone, CPU), CodeTensors.ToTensor(together.Row(item), CPU));
            report.Values($"batch2 row {item} decoded alone", codec.Decode(alone), codec.Decode(together).narrow(0, item, 1), 0);
        }
    }

    /// <summary>Native and Hugging Face files hold the same weights and must give the same codes, found by the catalogue's own means.</summary>
    private static void SameFile(EncodecCodec codec, ParityCase parityCase, ParityReport report, string file)
    {
        using var scope = NewDisposeScope();
        var audio_BCS = parityCase.Load("main.audio");
        using var other = Load(parityCase, Checkpoint.Open(file));
        report.Codes($"main codes by {Path.GetRelativePath(parityCase.Folder, file)}",
            CodeTensors.ToTensor(codec.Encode(audio_BCS), CPU), CodeTensors.ToTensor(other.Encode(audio_BCS), CPU));
    }

    private static Tensor Quantized(EncodecCodec codec, Codes codes)
        => codec.Model.Quantizer.Decode(CodeTensors.ToTensor(codes, CPU)).transpose(1, 2).contiguous();

    /// <summary>The audio of a segment as the encoder sees it: divided by its level.</summary>
    private static Tensor SegmentAudio(EncodecCodec codec, Tensor audio_BCS, int segment, IReadOnlyList<float> scales)
    {
        if (codec.Config.SegmentLength is not { } length)
            return audio_BCS;
        var start = (long)segment * codec.Config.SegmentStride!.Value;
        return audio_BCS.narrow(2, start, Math.Min(length, audio_BCS.shape[2] - start)) / tensor(scales.ToArray()).reshape(-1, 1, 1);
    }
}
