using Codec.Core.Checkpoints;
using Codec.Core.Parity;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Esc;

/// <summary>Replays recorded ESC cases.</summary>
public sealed class EscParity : IParityRunner
{
    public bool Handles(ParityCase parityCase) => parityCase.Config.TryGetProperty("h_dims", out _) && parityCase.HasWeights;

    public void Run(ParityCase parityCase, ParityReport report)
    {
        foreach (var file in parityCase.CheckpointFiles())
        {
            using var codec = new EscFamily().LoadEsc(Checkpoint.Open(file), dropIncompleteFrame: true);
            foreach (var input in parityCase.Inputs)
            {
                using var scope = NewDisposeScope();
                Input(parityCase, report, codec, input);
                report.Uses($"{input}.audio", $"{input}.code_margin");
            }
        }
    }

    private static void Input(ParityCase parityCase, ParityReport report, EscCodec codec, string input)
    {
        var audio = parityCase.Load($"{input}.audio").unsqueeze(1);
        var spectrum = codec.Spectrum(audio);
        report.Values($"{input}.spectrum", spectrum);
        var states = codec.Model.States(spectrum);
        for (var i = 0; i < states.Count; i++)
            report.Values($"{input}.encoder_hidden.{i}", Published(codec, states[i]));
        report.Codes($"{input}.feat_shape", tensor([states[^1].shape[1], states[^1].shape[2]]));
        var codes = codec.Encode(audio);
        report.Codes($"{input}.codes", Codes(codec, codes));
        codec.Model.Decode(CodeTensors.ToTensor(codes, codec.Info.Books, codec.Device), (i, value) =>
            report.Values($"{input}.decoder_hidden.{i}", i < codec.Config.Streams ? Published(codec, value) : value)).Dispose();
        var decoded = codec.Decode(codes).squeeze(1);
        report.Values($"{input}.decoded", decoded);
        report.Values($"{input}.forward.recon_audio", decoded);
        for (var streams = 1; streams < codec.Config.Streams; streams++)
        {
            var fewer = codec.Encode(audio, streams * codec.Config.Groups);
            report.Codes($"{input}.streams{streams} codes", parityCase.Load($"{input}.codes").narrow(1, 0, streams), Codes(codec, fewer));
            report.Values($"{input}.streams{streams}.decoded", codec.Decode(fewer).squeeze(1));
        }
        for (var b = 0; audio.shape[0] > 1 && b < audio.shape[0]; b++)
            report.Codes($"{input} row {b} alone", parityCase.Load($"{input}.codes").narrow(0, b, 1), Codes(codec, codec.Encode(audio.narrow(0, b, 1))));
    }

    /// <summary>[B, streams, groups, T].</summary>
    private static Tensor Codes(EscCodec codec, Codes codes)
        => CodeTensors.ToTensor(codes, codec.Info.Books, CPU).view(codes.Batch, -1, codec.Config.Groups, codes.Frames);

    /// <summary>Rows and columns as one for the transformer, channels first for convolutions.</summary>
    private static Tensor Published(EscCodec codec, Tensor state_BHWC)
        => codec.Config.Backbone == EscBackbone.Transformer ? state_BHWC.flatten(1, 2) : state_BHWC.permute(0, 3, 1, 2);
}
