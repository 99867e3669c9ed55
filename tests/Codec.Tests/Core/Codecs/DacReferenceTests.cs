using Codec.Core;
using Codec.Core.Checkpoints;
using Codec.Core.Codecs;
using Codec.Core.Codecs.Dac;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Codecs;

/// <summary>Every recorded case below parity/dac: codes exactly, latents and audio within 1e-4.</summary>
[Trait("Category", "Reference")]
public sealed class DacReferenceTests
{
    private const double Tolerance = 1e-4;

    public static TheoryData<string> Cases => ReferenceCase.Rows("dac");

    [Theory]
    [MemberData(nameof(Cases))]
    public void Codes_and_audio_are_the_recorded_ones(string name)
    {
        var c = ReferenceCase.Open("dac", name);
        using var codec = Load(c);
        foreach (var input in Inputs(c))
            CheckInput(c, codec, input);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Losses_are_the_recorded_ones(string name)
    {
        var c = ReferenceCase.Open("dac", name);
        using var codec = Load(c);
        using var scope = NewDisposeScope();
        foreach (var input in Inputs(c))
        {
            var result = codec.Model.quantizer.QuantizeItems(c[$"{input}.encoder_latent"].transpose(1, 2));
            Tensors.Equal(c[$"{input}.codes"], result.Codes, $"{input}.codes");
            Tensors.Close(c[$"{input}.quantized"], result.Quantized.transpose(1, 2), Tolerance, $"{input}.quantized");
            Tensors.Close(c[$"{input}.commitment_loss"].sum(), result.Commitment.mean(), 1e-5, $"{input}.commitment_loss");
            Tensors.Close(c[$"{input}.codebook_loss"].sum(), result.Codebook.mean(), 1e-5, $"{input}.codebook_loss");
        }
    }

    private static IEnumerable<string> Inputs(ReferenceCase c)
        => c.Names.Where(n => n.EndsWith(".audio", StringComparison.Ordinal)).Select(n => n[..^".audio".Length]);

    private static DacCodec Load(ReferenceCase c)
    {
        var config = DacConfig.Read(c.Config);
        var model = new DacModel(config);
        c.LoadWeights(model);
        return new DacCodec(config, model);
    }

    private static void CheckInput(ReferenceCase c, DacCodec codec, string input)
    {
        using var scope = NewDisposeScope();
        var audio = c[$"{input}.audio"];
        Tensors.Close(c[$"{input}.encoder_latent"], codec.EncodeLatent(audio), Tolerance, $"{input}.encoder_latent");
        var recorded = c[$"{input}.codes"];
        var codes = codec.Encode(audio);
        Tensors.Equal(recorded, CodeTensors.ToTensor(codes, codec.Info.Books, CPU), $"{input}.codes");
        Tensors.Close(c[$"{input}.decoded_untrimmed"], codec.Decode(codes), Tolerance, $"{input}.decoded");
        Assert.Equal(audio.shape, codec.Decode(codes, audio.shape[2]).shape);
        for (var k = 1; k < codes.Books; k++)
        {
            if (!c.Has($"{input}.nq{k}.decoded_untrimmed"))
                continue;
            var fewer = codec.Encode(audio, k);
            Tensors.Equal(recorded.narrow(1, 0, k), CodeTensors.ToTensor(fewer, codec.Info.Books, CPU), $"{input}.nq{k}.codes");
            Tensors.Close(c[$"{input}.nq{k}.decoded_untrimmed"], codec.Decode(fewer), Tolerance, $"{input}.nq{k}.decoded");
        }
        for (var b = 0; audio.shape[0] > 1 && b < audio.shape[0]; b++)
            Tensors.Equal(recorded.narrow(0, b, 1), CodeTensors.ToTensor(codec.Encode(audio.narrow(0, b, 1)), codec.Info.Books, CPU), $"{input} row {b}");
    }
}
