using Codec.Core.Checkpoints;
using Codec.Core.Parity;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Dac;

/// <summary>Replays recorded DAC cases.</summary>
public sealed class DacParity : IParityRunner
{
    public bool Handles(ParityCase parityCase)
        => parityCase.Config.TryGetProperty("encoder_rates", out _) && parityCase.Config.TryGetProperty("n_codebooks", out _);

    public void Run(ParityCase parityCase, ParityReport report)
    {
        foreach (var file in parityCase.CheckpointFiles())
        {
            using var codec = new DacFamily().LoadDac(Checkpoint.Open(file));
            foreach (var input in parityCase.Inputs)
            {
                using var scope = NewDisposeScope();
                Input(parityCase, report, codec, input);
                Prefixes(parityCase, report, codec, input);
                Layers(parityCase, report, codec, input);
                report.Uses($"{input}.audio", $"{input}.code_margin");
            }
            DacFileParity.Run(parityCase, report, codec);
        }
    }

    private static void Input(ParityCase parityCase, ParityReport report, DacCodec codec, string input)
    {
        var audio = parityCase.Load($"{input}.audio");
        var latent = codec.EncodeLatent(audio);
        report.Values($"{input}.encoder_latent", latent);
        var latent_BTD = latent.transpose(1, 2).contiguous();
        var quantizer = codec.Model.quantizer;
        var training = quantizer.QuantizeItems(latent_BTD);
        report.Codes($"{input}.codes", training.Codes);
        report.Values($"{input}.projected_latents", quantizer.Project(latent_BTD).transpose(1, 2));
        report.Values($"{input}.commitment_loss", training.Commitment.mean().reshape(1));
        report.Values($"{input}.codebook_loss", training.Codebook.mean().reshape(1));

        var codes = codec.Encode(audio);
        report.Codes($"{input}.codes", CodeTensors.ToTensor(codes, codec.Info.Books, CPU));
        var quantized = quantizer.Decode(CodeTensors.ToTensor(codes, codec.Info.Books, CPU)).transpose(1, 2);
        var decoded = codec.Decode(codes);
        foreach (var prefix in new[] { "", "from_codes." })
            report.Values($"{input}.{prefix}quantized", quantized);
        report.Values($"{input}.decoded_untrimmed", decoded);
        report.Values($"{input}.from_codes.decoded", decoded);
        report.That($"{input} output length", codec.Decode(codes, audio.shape[2]).shape[2] == audio.shape[2], "differs from the input's");
        for (var b = 0; audio.shape[0] > 1 && b < audio.shape[0]; b++)
        {
            var single = codec.Encode(audio.narrow(0, b, 1));
            report.Codes($"{input} row {b} alone", parityCase.Load($"{input}.codes").narrow(0, b, 1), CodeTensors.ToTensor(single, codec.Info.Books, CPU));
            report.Values($"{input} row {b} decoded alone", decoded.narrow(0, b, 1), codec.Decode(single), 1e-5);
        }
    }

    private static void Prefixes(ParityCase parityCase, ParityReport report, DacCodec codec, string input)
    {
        for (var k = 1; k < codec.Info.Books.Count; k++)
        {
            if (!parityCase.Has($"{input}.nq{k}.quantized"))
                continue;
            var codes = codec.Encode(parityCase.Load($"{input}.audio"), k);
            report.Values($"{input}.nq{k}.quantized", codec.Model.quantizer.Decode(CodeTensors.ToTensor(codes, codec.Info.Books, CPU)).transpose(1, 2));
            report.Values($"{input}.nq{k}.decoded_untrimmed", codec.Decode(codes));
        }
    }

    private static void Layers(ParityCase parityCase, ParityReport report, DacCodec codec, string input)
    {
        var audio = OfflineCall.PadToMultiple(parityCase.Load($"{input}.audio"), codec.Info.HopLength);
        LayerWalk.Run(report, input, "encoder.block", codec.Model.encoder.named_children().Single().module, audio);
        LayerWalk.Run(report, input, "decoder.model", codec.Model.decoder.named_children().Single().module, parityCase.Load($"{input}.quantized"));
    }
}
