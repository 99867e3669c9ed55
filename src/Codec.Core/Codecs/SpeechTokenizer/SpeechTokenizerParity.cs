using Codec.Core.Checkpoints;
using Codec.Core.Parity;
using Codec.Core.Quantizers;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.SpeechTokenizer;

/// <summary>Replays recorded SpeechTokenizer cases.</summary>
public sealed class SpeechTokenizerParity : IParityRunner
{
    public bool Handles(ParityCase parityCase) => parityCase.Config.TryGetProperty("semantic_dimension", out _) && parityCase.HasWeights;

    public void Run(ParityCase parityCase, ParityReport report)
    {
        foreach (var file in parityCase.CheckpointFiles())
        {
            using var codec = (SpeechTokenizerCodec)new SpeechTokenizerFamily().Load(Checkpoint.Open(file));
            foreach (var input in parityCase.Inputs)
            {
                using var scope = NewDisposeScope();
                Input(parityCase, report, codec, input);
                report.Uses($"{input}.audio", $"{input}.code_margin");
            }
        }
    }

    private static void Input(ParityCase parityCase, ParityReport report, SpeechTokenizerCodec codec, string input)
    {
        var audio = parityCase.Load($"{input}.audio");
        codec.Model.Encoder.Forward(audio, (i, value) => report.Values($"{input}.layer.encoder.model.{i}", value)).Dispose();
        var latent_BTD = codec.EncodeLatent(audio);
        report.Values($"{input}.latent", latent_BTD.transpose(1, 2));
        var codes = codec.Encode(audio);
        var codes_BKT = CodeTensors.ToTensor(codes, CPU);
        report.Codes($"{input}.codes", codes_BKT.transpose(0, 1));
        for (var k = 1; k < codes.Books; k++)
            if (parityCase.Has($"{input}.nq{k}.codes"))
                report.Codes($"{input}.nq{k}.codes", CodeTensors.ToTensor(codec.Encode(audio, k), CPU).transpose(0, 1));
        var quantized_BTD = codec.Model.Quantizer.Decode(codes_BKT);
        report.Values($"{input}.quantized", quantized_BTD.transpose(1, 2));
        codec.Model.Decoder.Forward(quantized_BTD.transpose(1, 2).contiguous(), (i, value) => report.Values($"{input}.layer.decoder.model.{i}", value)).Dispose();
        var decoded = codec.Decode(codes);
        report.Values($"{input}.decoded", decoded);
        report.Values($"{input}.forward_out", decoded);
        Stages(report, codec, input, latent_BTD, codes_BKT);
        report.That($"{input} output length", codec.Decode(codes, audio.shape[2]).shape[2] == audio.shape[2], "differs from the input's");
        for (var b = 0; audio.shape[0] > 1 && b < audio.shape[0]; b++)
            report.Codes($"{input} row {b} alone", parityCase.Load($"{input}.codes").narrow(1, b, 1),
                CodeTensors.ToTensor(codec.Encode(audio.narrow(0, b, 1)), CPU).transpose(0, 1));
    }

    /// <summary>Single stages, and the chain begun at the second stage on the raw latent.</summary>
    private static void Stages(ParityReport report, SpeechTokenizerCodec codec, string input, Tensor latent_BTD, Tensor codes_BKT)
    {
        var quantizer = codec.Model.Quantizer;
        var values = Enumerable.Range(0, quantizer.Books.Count).Select(k => quantizer.Stage(k).Decode(codes_BKT.narrow(1, k, 1))).ToArray();
        for (var k = 0; k < values.Length; k++)
            report.Values($"{input}.layer_quantized.{k}", values[k].transpose(1, 2));
        report.Values($"{input}.semantic_feature", codec.Model.Semantic(values[0]));
        report.Values($"{input}.decoded_first_only", codec.Synthesize(values[0]));
        report.Values($"{input}.decoded_from_1_to_end", codec.Synthesize(values.Skip(1).Aggregate((a, b) => a + b)));
        var residual_BTD = latent_BTD;
        var later = new List<Tensor>();
        foreach (IQuantizerStage stage in Enumerable.Range(1, values.Length - 1).Select(quantizer.Stage))
        {
            later.Add(stage.Encode(residual_BTD));
            residual_BTD = residual_BTD - stage.Decode(later[^1]);
        }
        report.Codes($"{input}.codes_st1", cat(later, 1).transpose(0, 1));
    }
}
