using Codec.Core;
using Codec.Core.Codecs.Native;
using Codec.Core.Quantizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Codecs;

/// <summary>Every kind of quantizer inside the native codec.</summary>
public sealed class NativeQuantizerTests
{
    public static TheoryData<QuantizerKind> Kinds => [.. Enum.GetValues<QuantizerKind>()];

    private static NativeModel MakeModel(QuantizerKind kind)
    {
        random.manual_seed(3);
        return NativeModel.Create(new NativeConfig
        {
            EncoderWidth = 16, EncoderBlocks = 1, DecoderWidth = 16, DecoderBlocks = 1, HeadWidth = 16, HeadBlocks = 1, LatentDim = 8,
            Quantizer = new QuantizerConfig { Kind = kind, Books = 4, Size = 32, CodeDim = 4, Levels = [5, 5] },
        });
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Streams_and_decodes_every_prefix(QuantizerKind kind)
    {
        using var codec = new NativeCodec(MakeModel(kind));
        using var scope = NewDisposeScope();
        using var generator = new Generator(4);
        var audio = randn([1, 1, 320 * 12], generator: generator) * 0.1;
        using var state = new StreamState();
        var whole = codec.Encode(audio);
        Assert.Equal(codec.Info.Books, codec.Model.Quantizer.Books);
        for (var frame = 0; frame < 12; frame++)
        {
            var one = codec.Encode(audio.narrow(2, frame * 320, 320), state: state);
            for (var k = 0; k < 4; k++)
                Assert.Equal(whole[k][frame], one[k][0]);
        }
        for (var k = 1; k <= 4; k++)
            Assert.Equal(320 * 12, codec.Decode(whole.Take(k), 320 * 12).shape[2]);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Gradients_reach_the_encoder(QuantizerKind kind)
    {
        using var model = MakeModel(kind);
        using var scope = NewDisposeScope();
        var latent_BTD = model.Encoder.forward(randn(2, 320 * 8) * 0.1, null);
        var quantized = model.Quantizer.Quantize(latent_BTD, model.Config.Quantizer.Scalable ? [4, 2] : null);
        (quantized.Quantized.pow(2).sum() + quantized.Loss).backward();
        Assert.Contains(model.Encoder.parameters(), p => p.grad is not null && p.grad.abs().sum().item<float>() > 0);
    }
}
