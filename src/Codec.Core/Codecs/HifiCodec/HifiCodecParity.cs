using Codec.Core.Checkpoints;
using Codec.Core.Parity;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.HifiCodec;

/// <summary>Replays recorded HiFi-Codec cases.</summary>
public sealed class HifiCodecParity : IParityRunner
{
    public bool Handles(ParityCase parityCase) => parityCase.Config.TryGetProperty("n_code_groups", out _);

    public void Run(ParityCase parityCase, ParityReport report)
    {
        foreach (var file in parityCase.CheckpointFiles())
        {
            using var codec = new HifiCodecFamily().LoadHifi(Checkpoint.Open(file), dropIncompleteFrame: true);
            foreach (var input in parityCase.Inputs)
            {
                using var scope = NewDisposeScope();
                Input(parityCase, report, codec, input);
            }
        }
    }

    private static void Input(ParityCase parityCase, ParityReport report, HifiCodecCodec codec, string input)
    {
        var audio = parityCase.Load($"{input}.audio").unsqueeze(1);
        report.Values($"{input}.latent", codec.EncodeLatent(audio, (path, value) => report.Values($"{input}.layer.encoder.{path}", value)));
        var codes = codec.Encode(audio);
        report.Codes($"{input}.codes", CodeTensors.ToTensor(codes, codec.Info.Books, CPU).transpose(1, 2));
        var quantized = codec.DecodeLatent(codes);
        report.Values($"{input}.quantized", quantized);
        report.Values($"{input}.embed", quantized);
        codec.Model.generator.Run(quantized, (path, value) => report.Values($"{input}.layer.generator.{path}", value)).Dispose();
        report.Values($"{input}.decoded", codec.Decode(codes));
        for (var b = 0; audio.shape[0] > 1 && b < audio.shape[0]; b++)
            report.Codes($"{input} row {b} alone", parityCase.Load($"{input}.codes").narrow(0, b, 1),
                CodeTensors.ToTensor(codec.Encode(audio.narrow(0, b, 1)), codec.Info.Books, CPU).transpose(1, 2));
        report.Uses($"{input}.audio", $"{input}.code_margin");
    }
}
