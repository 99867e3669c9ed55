using Codec.Audio;
using Codec.Core.Codecs.Dac;
using Codec.Core.Codecs.Encodec;
using Codec.Core.Codecs.Esc;
using Codec.Core.Codecs.Mimi;
using Codec.Core.Codecs.HifiCodec;
using Codec.Core.Codecs.Snac;
using Codec.Core.Codecs.SpeechTokenizer;
using Codec.Core.Codecs.Vocos;
using Codec.Core.Quantizers;
using static TorchSharp.torch;

namespace Codec.Core.Parity;

/// <summary>Finds the runner of a case and runs it.</summary>
public static class ParityTool
{
    /// <summary>All runners; the first that handles a case takes it.</summary>
    public static IReadOnlyList<IParityRunner> Runners { get; } =
    [
        new EncodecParity(),
        new OverlapAddParity(),
        new ArithmeticCoderParity(),
        new DacParity(),
        new SnacParity(),
        new MimiParity(),
        new VocosParity(),
        new HifiCodecParity(),
        new SeanetVocosParity(),
        new SpeechTokenizerParity(),
        new QuantizerParity(),
        new EscParity(),
    ];

    /// <summary>The runner of a case; null where no family claims it.</summary>
    public static IParityRunner? RunnerOf(ParityCase parityCase) => Runners.FirstOrDefault(runner => runner.Handles(parityCase));

    /// <exception cref="ConfigException">No family claims the case.</exception>
    public static ParityReport Run(ParityCase parityCase)
    {
        var runner = RunnerOf(parityCase)
            ?? throw new ConfigException($"{parityCase.Folder}: no codec family of this program claims the case");
        var report = new ParityReport(parityCase);
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        runner.Run(parityCase, report);
        return report;
    }
}
