using Codec.Core.Checkpoints;
using Codec.Core.Parity;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Vocos;

/// <summary>Replays recorded Vocos cases: mel features to audio, or EnCodec codes to audio.</summary>
public sealed class VocosParity : IParityRunner
{
    public bool Handles(ParityCase parityCase)
        => parityCase.Config.TryGetProperty("backbone", out var backbone) && backbone.ValueKind == System.Text.Json.JsonValueKind.Object
            && parityCase.Config.TryGetProperty("head", out _);

    public void Run(ParityCase parityCase, ParityReport report)
    {
        foreach (var file in parityCase.CheckpointFiles())
        {
            using var model = VocosFamily.LoadModel(Checkpoint.Open(file));
            foreach (var input in parityCase.Inputs)
            {
                using var scope = NewDisposeScope();
                if (model.Config.Mel is not null)
                    Mel(parityCase, report, model, input);
                else
                    CodesOfEncodec(parityCase, report, model, input);
                report.Uses($"{input}.audio", $"{input}.code_margin", $"{input}.bw0.codes", $"{input}.bw1.codes");
            }
        }
    }

    private static void Mel(ParityCase parityCase, ParityReport report, VocosModel model, string input)
    {
        var audio = parityCase.Load($"{input}.audio");
        report.Values($"{input}.mel_linear", model.Mel.Linear(audio));
        var features = model.Mel.forward(audio);
        report.Values($"{input}.features", features, 1e-3); // logarithms of values near 1e-7
        var recorded = parityCase.Load($"{input}.features");
        report.Values($"{input}.backbone_out", model.Backbone(recorded));
        report.Values($"{input}.decoded", model.Decode(recorded, 0, (path, value) => Observe(report, $"{input}", path, value)));
    }

    private static void CodesOfEncodec(ParityCase parityCase, ParityReport report, VocosModel model, string input)
    {
        var entries = parityCase.Config.GetProperty("encodec").GetProperty("bins").GetInt32();
        for (var id = 0; id < model.Config.Bandwidths.Count; id++)
        {
            var prefix = $"{input}.bw{id}";
            if (!parityCase.Has($"{prefix}.codes"))
                continue;
            var codes_BKT = parityCase.Load($"{prefix}.codes").transpose(0, 1);
            var features = model.FeaturesOf(codes_BKT, entries);
            report.Values($"{prefix}.features", features);
            report.Values($"{prefix}.codes_to_features", features);
            report.Values($"{prefix}.decoded", model.Decode(features, id, (path, value) => Observe(report, prefix, path, value)));
        }
    }

    internal static void Observe(ParityReport report, string prefix, string path, Tensor value)
        => report.Values(path.StartsWith("stft_", StringComparison.Ordinal) ? $"{prefix}.{path}" : $"{prefix}.layer.{path}", value);
}
