using Codec.Core.Checkpoints;
using Codec.Core.Codecs.LanguageCodec;
using Codec.Core.Codecs.WavTokenizer;
using Codec.Core.Parity;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Vocos;

/// <summary>Replays recorded WavTokenizer and Language-Codec cases.</summary>
public sealed class SeanetVocosParity : IParityRunner
{
    // A group norm over two numbers divides by their difference: one frame of a narrow model is rounded by up to 1e-3 from processor to
    // processor (libtorch has other convolutions there), and the recorded one is 2.5e-4 from what double precision gives.
    private const double IllConditioned = 1e-3;
    private const int FewestNormed = 3; // numbers that are well enough behaved

    public bool Handles(ParityCase parityCase)
        => parityCase.Config.TryGetProperty("downsamples", out _) && parityCase.Config.TryGetProperty("adanorm_num_embeddings", out _);

    public void Run(ParityCase parityCase, ParityReport report)
    {
        foreach (var file in parityCase.CheckpointFiles())
        {
            var checkpoint = Checkpoint.Open(file);
            ICodecFamily family = SeanetVocosLoader.HasPositionNet(checkpoint) ? new WavTokenizerFamily() : new LanguageCodecFamily();
            using var codec = (SeanetVocosCodec)family.Load(checkpoint);
            foreach (var input in parityCase.Inputs)
            {
                using var scope = NewDisposeScope();
                Input(parityCase, report, codec, input);
            }
        }
    }

    private static void Input(ParityCase parityCase, ParityReport report, SeanetVocosCodec codec, string input)
    {
        var audio = parityCase.Load($"{input}.audio").unsqueeze(1);
        codec.Model.Encoder.Forward(audio, (i, value) => report.Values($"{input}.layer.encoder.model.{i}", value)).Dispose();
        report.Values($"{input}.latent", codec.EncodeLatent(audio).transpose(1, 2));
        var codes = codec.Encode(audio);
        report.Codes($"{input}.codes", CodeTensors.ToTensor(codes, CPU).transpose(0, 1));
        var features = codec.DecodeLatent(codes).transpose(1, 2);
        report.Values($"{input}.features", features);
        report.Values($"{input}.codes_to_features", features);
        var tolerance = codec.Model.SmallestNorm(features.shape[2]) < FewestNormed ? IllConditioned : ParityReport.DefaultTolerance;
        for (var id = 0; id < 64; id++)
            if (parityCase.Has($"{input}.decoded_bw{id}"))
                report.Values($"{input}.decoded_bw{id}", codec.Model.Synthesize(features, id,
                    id == 0 ? (path, value) => VocosParity.Observe(report, input, path, value) : null), tolerance);
        report.That($"{input} output length", codec.Decode(codes, audio.shape[2]).shape[2] == audio.shape[2], "differs from the input's");
        for (var b = 0; audio.shape[0] > 1 && b < audio.shape[0]; b++)
            report.Codes($"{input} row {b} alone", parityCase.Load($"{input}.codes").narrow(1, b, 1),
                CodeTensors.ToTensor(codec.Encode(audio.narrow(0, b, 1)), CPU).transpose(0, 1));
        report.Uses($"{input}.audio", $"{input}.code_margin");
    }
}
