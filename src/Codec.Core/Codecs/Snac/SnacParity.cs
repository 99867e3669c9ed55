using Codec.Core.Checkpoints;
using Codec.Core.Parity;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Snac;

/// <summary>Replays recorded SNAC cases.</summary>
public sealed class SnacParity : IParityRunner
{
    public bool Handles(ParityCase parityCase) => parityCase.Config.TryGetProperty("vq_strides", out _);

    public void Run(ParityCase parityCase, ParityReport report)
    {
        foreach (var file in parityCase.CheckpointFiles())
        {
            using var codec = new SnacFamily().LoadSnac(Checkpoint.Open(file));
            foreach (var input in parityCase.Inputs)
            {
                using var scope = NewDisposeScope();
                Input(parityCase, report, codec, input);
            }
        }
    }

    private static void Input(ParityCase parityCase, ParityReport report, SnacCodec codec, string input)
    {
        var audio = parityCase.Load($"{input}.audio");
        report.Values($"{input}.encoder_latent", codec.EncodeLatent(audio));
        var codes = codec.Encode(audio);
        report.Values($"{input}.audio_padded_length", tensor(new[] { (long)codes.Frames * codec.Info.HopLength }), 0);
        report.That($"{input} frames", codes.Frames == codec.Info.FramesFor(audio.shape[2]), $"{codes.Frames} are not {codec.Info.FramesFor(audio.shape[2])}");
        var tensors = CodeTensors.ToTensors(codes, codec.Info.Books, CPU);
        for (var k = 0; k < tensors.Length; k++)
        {
            report.Codes($"{input}.codes.{k}", tensors[k]);
            report.Values($"{input}.stage{k}.out", codec.Model.quantizer.DecodeStage(k, tensors[k]).transpose(1, 2));
            var fewer = CodeTensors.ToTensors(codec.Encode(audio, k + 1), codec.Info.Books, CPU);
            report.That($"{input} {k + 1} books", fewer.Length == k + 1 && fewer[k].eq(tensors[k]).all().item<bool>(), "are no prefix of all");
        }
        var quantized = codec.DecodeLatent(codes);
        report.Values($"{input}.quantized", quantized);
        report.Values($"{input}.from_codes.quantized", quantized);
        report.Values($"{input}.decoded_zero_noise", codec.DecodeWith(quantized, null));
        report.Values($"{input}.decoded_with_noise", codec.DecodeWith(quantized, (block, _) => parityCase.Load($"{input}.noise.{block}")));
        report.That($"{input} output length", codec.Decode(codes, audio.shape[2]).shape[2] == audio.shape[2], "differs from the input's");
        Batched(report, codec, input, audio, codes);
        Layers(parityCase, report, codec, input, audio);
        report.Uses(parityCase.Recorded.Tensors.Keys.Where(k => k.StartsWith(input + ".noise.", StringComparison.Ordinal)
            || k.StartsWith(input + ".code_margin", StringComparison.Ordinal) || k == input + ".audio"));
    }

    /// <summary>The input twice, the second time reversed: the first row must not notice.</summary>
    private static void Batched(ParityReport report, SnacCodec codec, string input, Tensor audio, Codes codes)
    {
        var pair = codec.Encode(cat([audio, audio.flip(-1)], 0)).Row(0);
        for (var k = 0; k < codes.Books; k++)
            report.Codes($"{input}.codes.{k} batched", CodeTensors.ToTensors(codes, codec.Info.Books, CPU)[k], CodeTensors.ToTensors(pair, codec.Info.Books, CPU)[k]);
    }

    private static void Layers(ParityCase parityCase, ParityReport report, SnacCodec codec, string input, Tensor audio)
    {
        var padded = OfflineCall.PadToMultiple(audio, codec.Info.HopLength * codec.Config.FrameMultiple);
        LayerWalk.Run(report, input, "encoder.block", codec.Model.encoder.named_children().Single().module, padded);
        LayerWalk.Run(report, input, "decoder.model", codec.Model.decoder.named_children().Single().module, parityCase.Load($"{input}.quantized"));
    }
}
