using Codec.Core.Codecs;
using Codec.Core.Codecs.Snac;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Codecs;

/// <summary>Every recorded case below parity/snac: codes exactly, latents and audio within 1e-4.</summary>
[Trait("Category", "Reference")]
public sealed class SnacReferenceTests
{
    private const double Tolerance = 1e-4;

    public static TheoryData<string> Cases => ReferenceCase.Rows("snac");

    [Theory]
    [MemberData(nameof(Cases))]
    public void Codes_and_audio_are_the_recorded_ones(string name)
    {
        var c = ReferenceCase.Open("snac", name);
        var config = SnacConfig.Read(c.Config);
        var model = new SnacModel(config);
        c.LoadWeights(model);
        using var codec = new SnacCodec(config, model);
        foreach (var input in c.Inputs)
            CheckInput(c, codec, input);
    }

    private static void CheckInput(ReferenceCase c, SnacCodec codec, string input)
    {
        using var scope = NewDisposeScope();
        var audio = c[$"{input}.audio"];
        var books = codec.Info.Books.Count;
        Tensors.Close(c[$"{input}.encoder_latent"], codec.EncodeLatent(audio), Tolerance, $"{input}.encoder_latent");
        var codes = codec.Encode(audio);
        Assert.Equal(c[$"{input}.audio_padded_length"].item<long>(), (long)codes.Frames * codec.Info.HopLength);
        Assert.Equal(codes.Frames, codec.Info.FramesFor(audio.shape[2]));
        var tensors = CodeTensors.ToTensors(codes, codec.Info.Books, CPU);
        for (var k = 0; k < books; k++)
        {
            Tensors.Equal(c[$"{input}.codes.{k}"], tensors[k], $"{input}.codes.{k}");
            Tensors.Close(c[$"{input}.stage{k}.out"], codec.Model.quantizer.DecodeStage(k, tensors[k]).transpose(1, 2), Tolerance, $"{input}.stage{k}");
        }
        var quantized = codec.DecodeLatent(codes);
        Tensors.Close(c[$"{input}.quantized"], quantized, Tolerance, $"{input}.quantized");
        Tensors.Close(c[$"{input}.decoded_zero_noise"], codec.DecodeWith(quantized, null), Tolerance, $"{input}.decoded_zero_noise");
        Tensors.Close(c[$"{input}.decoded_with_noise"], codec.DecodeWith(quantized, (block, _) => c[$"{input}.noise.{block}"]), Tolerance, $"{input}.decoded_with_noise");
        Assert.Equal(audio.shape, codec.Decode(codes, audio.shape[2]).shape);
    }
}
