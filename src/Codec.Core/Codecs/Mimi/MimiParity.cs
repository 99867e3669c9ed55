using Codec.Core.Checkpoints;
using Codec.Core.Parity;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Mimi;

/// <summary>Replays recorded Mimi cases: every checkpoint file, every input and stage, layers, streams of both kinds, masked batches.</summary>
public sealed class MimiParity : IParityRunner
{
    public bool Handles(ParityCase parityCase)
        => parityCase.HasWeights && parityCase.Has("main.encoder_transformer_out") && parityCase.Config.TryGetProperty("transformer", out _);

    public void Run(ParityCase parityCase, ParityReport report)
    {
        report.Uses(parityCase.Recorded.Tensors.Keys.Where(k => k.EndsWith(".audio", StringComparison.Ordinal) || k.EndsWith("_margin", StringComparison.Ordinal)));
        using var codec = Load(parityCase, parityCase.Weights(), ringBuffer: false);
        foreach (var input in parityCase.Inputs)
            RunInput(codec, parityCase, report, input);
        Layers(codec, parityCase, report);
        Streams(codec, parityCase, report);
        using var ringBuffer = Load(parityCase, parityCase.Weights(), ringBuffer: true);
        RingBufferStreams(ringBuffer, parityCase, report);
        Masked(ringBuffer, parityCase, report);
        foreach (var file in parityCase.CheckpointFiles())
            SameFile(codec, parityCase, report, file);
    }

    private static MimiCodec Load(ParityCase parityCase, Checkpoint checkpoint, bool ringBuffer)
    {
        var (canonical, config) = MimiConfigReader.Read(checkpoint, parityCase.Config);
        return MimiFamily.Load(canonical, config with { RingBufferStreams = ringBuffer });
    }

    private static void RunInput(MimiCodec codec, ParityCase parityCase, ParityReport report, string input)
    {
        using var scope = NewDisposeScope();
        var audio_BCS = parityCase.Load($"{input}.audio");
        var hop = codec.Info.HopLength;
        var padded_BSC = nn.functional.pad(audio_BCS, [0, (hop - audio_BCS.shape[2] % hop) % hop]).transpose(1, 2).contiguous();
        report.Values($"{input}.padded_length", tensor(new[] { padded_BSC.shape[1] }));
        var frames_BTD = codec.Model.Encoder.Run(padded_BSC);
        Compare("encoder_out", frames_BTD);
        frames_BTD = codec.Model.EncoderTransformer.Run(frames_BTD);
        Compare("encoder_transformer_out", frames_BTD);
        Compare("latent", codec.Model.Downsample.Run(frames_BTD, null));
        var codes = codec.Encode(audio_BCS);
        report.Codes($"{input}.codes", CodeTensors.ToTensor(codes, CPU));
        var latent_BTD = Quantized(codec, codes);
        Compare("quantized", latent_BTD);
        frames_BTD = codec.Model.Upsample.Run(latent_BTD, null);
        Compare("upsampled", frames_BTD);
        Compare("decoder_transformer_out", codec.Model.DecoderTransformer.Run(frames_BTD));
        report.Values($"{input}.decoded", codec.Decode(codes));
        for (var books = 1; books < codec.Config.Books; books++)
        {
            if (!parityCase.Has($"{input}.nq{books}.decoded"))
                continue;
            var fewer = codec.Encode(audio_BCS, books);
            report.Codes($"{input} codes of {books} books are a prefix", CodeTensors.ToTensor(codes.Take(books), CPU), CodeTensors.ToTensor(fewer, CPU));
            Compare($"nq{books}.quantized", Quantized(codec, fewer));
            report.Values($"{input}.nq{books}.decoded", codec.Decode(fewer));
        }

        void Compare(string what, Tensor actual_BTD) => report.Values($"{input}.{what}", actual_BTD.transpose(1, 2));
    }

    /// <summary>Layer by layer through the libtorch operators of the same modules.</summary>
    private static void Layers(MimiCodec codec, ParityCase parityCase, ParityReport report)
    {
        if (!parityCase.Has("short.audio"))
            return;
        using var scope = NewDisposeScope();
        var audio_BCS = parityCase.Load("short.audio");
        var hop = codec.Info.HopLength;
        var padded_BCS = nn.functional.pad(audio_BCS, [0, (hop - audio_BCS.shape[2] % hop) % hop]);
        var (model, layer) = (codec.Model, "short.layer.");
        var frames_BDT = model.Encoder.Forward(padded_BCS, (i, y) => report.Values($"{layer}encoder.model.{i}", y));
        model.EncoderTransformer.Forward(frames_BDT.transpose(1, 2), (i, y) => report.Values($"{layer}encoder_transformer.layers.{i}", y));
        var upsampled_BDT = model.Upsample.forward(Quantized(codec, codec.Encode(audio_BCS)).transpose(1, 2));
        var decoder_BTD = model.DecoderTransformer.Forward(upsampled_BDT.transpose(1, 2), (i, y) => report.Values($"{layer}decoder_transformer.layers.{i}", y));
        model.Decoder.Forward(decoder_BTD.transpose(1, 2), (i, y) => report.Values($"{layer}decoder.model.{i}", y));
    }

    private static void Streams(MimiCodec codec, ParityCase parityCase, ParityReport report)
    {
        using var scope = NewDisposeScope();
        var audio_BCS = parityCase.Load("main.audio");
        var codes = codec.Encode(audio_BCS);
        var decoded_BCS = codec.Decode(codes);
        foreach (var samples in new[] { codec.Info.HopLength, 3 * codec.Info.HopLength, 777 })
            report.Codes($"main codes streamed, {samples} samples a call", CodeTensors.ToTensor(codes, CPU), CodeTensors.ToTensor(EncodeStream(codec, audio_BCS, samples), CPU));
        foreach (var frames in new[] { 1, 4 })
            report.Values($"main decoded streamed, {frames} frames a call", decoded_BCS, DecodeStream(codec, codes, frames), 5e-6);
    }

    /// <summary>The reference's own streams, whose ring buffer sees fewer keys once it is full.</summary>
    private static void RingBufferStreams(MimiCodec codec, ParityCase parityCase, ParityReport report)
    {
        using var scope = NewDisposeScope();
        var (audio_BCS, hop) = (parityCase.Load("main.audio"), codec.Info.HopLength);
        var offline = codec.Encode(audio_BCS);
        for (var frames = 1; frames <= 8; frames++)
        {
            if (!parityCase.Has($"main.streaming{frames}.codes"))
                continue;
            var codes = EncodeStream(codec, audio_BCS, frames * hop);
            report.Codes($"main.streaming{frames}.codes", CodeTensors.ToTensor(codes, CPU));
            report.Values($"main.streaming{frames}.decoded", DecodeStream(codec, codes, frames));
            report.Values($"main.streaming{frames}.decoded_from_offline_codes", DecodeStream(codec, offline, frames));
            using var state = new StreamState();
            var latents = Enumerable.Range(0, (int)(audio_BCS.shape[2] / (frames * hop)))
                .Select(i => codec.Model.Encode(audio_BCS.narrow(2, i * frames * hop, frames * hop).transpose(1, 2).contiguous(), state, ringBuffer: true)).ToArray();
            if (latents.Length * frames * hop == audio_BCS.shape[2])
                report.Values($"main.streaming{frames}.latent", cat(latents, 1).transpose(1, 2));
        }
    }

    /// <summary>Rows of a batch that advance by themselves: here every row is a stream of its own, and a masked step is no call.</summary>
    private static void Masked(MimiCodec codec, ParityCase parityCase, ParityReport report)
    {
        if (!parityCase.Has("masked.exec_mask"))
            return;
        report.Uses("masked.audio1", "masked.exec_mask", "masked.codes", "masked.decoded", "masked.reset_row1_before_frame");
        using var scope = NewDisposeScope();
        var mask = parityCase.Load("masked.exec_mask");
        var reset = (int)parityCase.Load("masked.reset_row1_before_frame").item<long>();
        var (codes_BKT, decoded_BCS, hop) = (parityCase.Load("masked.codes"), parityCase.Load("masked.decoded"), codec.Info.HopLength);
        for (var row = 0; row < mask.shape[1]; row++)
        {
            var audio_BCS = parityCase.Load(row == 0 && parityCase.Has("masked.audio0") ? "masked.audio0" : row == 0 ? "main.audio" : $"masked.audio{row}");
            using StreamState encoding = new(), decoding = new();
            for (var t = 0; t < mask.shape[0]; t++)
            {
                if (row == 1 && t == reset)
                {
                    encoding.Reset();
                    decoding.Reset();
                }
                if (!mask[t, row].item<bool>())
                    continue;
                using var step = NewDisposeScope();
                var codes = codec.Encode(audio_BCS.narrow(2, (long)t * hop, hop), state: encoding);
                report.Codes($"masked.codes row {row} frame {t}", codes_BKT.narrow(0, row, 1).narrow(2, t, 1), CodeTensors.ToTensor(codes, CPU));
                report.Values($"masked.decoded row {row} frame {t}", decoded_BCS.narrow(0, row, 1).narrow(2, (long)t * hop, hop), codec.Decode(codes, state: decoding));
            }
        }
    }

    private static Codes EncodeStream(MimiCodec codec, Tensor audio_BCS, int samples)
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

    private static Tensor DecodeStream(MimiCodec codec, Codes codes, int frames)
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

    /// <summary>Native and Hugging Face files hold the same weights and must give the same codes.</summary>
    private static void SameFile(MimiCodec codec, ParityCase parityCase, ParityReport report, string file)
    {
        using var scope = NewDisposeScope();
        var audio_BCS = parityCase.Load("main.audio");
        using var other = Load(parityCase, Checkpoint.Open(file), ringBuffer: false);
        report.Codes($"main codes by {Path.GetRelativePath(parityCase.Folder, file)}",
            CodeTensors.ToTensor(codec.Encode(audio_BCS), CPU), CodeTensors.ToTensor(other.Encode(audio_BCS), CPU));
    }

    private static Tensor Quantized(MimiCodec codec, Codes codes) => codec.Model.Quantizer.Decode(CodeTensors.ToTensor(codes, CPU));
}
