using Codec.Core;
using Codec.Core.Codecs.Encodec;
using Codec.Core.Codecs.Mimi;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Codecs;

/// <summary>Signals that are coded in chunks give what coding them whole gives.</summary>
public sealed class LongSignalTests : IDisposable
{
    private readonly EncodecCodec _encodec = (EncodecCodec)new EncodecFamily().CreateTiny(3);
    private readonly MimiCodec _mimi = (MimiCodec)new MimiFamily().CreateTiny(3);

    public void Dispose()
    {
        _encodec.Dispose();
        _mimi.Dispose();
    }

    [Theory, NoTensorLeaks]
    [InlineData(72_000)]
    [InlineData(60_003)]
    public void Encodec(int samples)
    {
        using var scope = NewDisposeScope();
        using var none = inference_mode();
        using var random = manual_seed(1);
        var audio = randn(2, 1, samples) * 0.1;
        var codes = CodeTensors.ToTensor(_encodec.Encode(audio), CPU);
        Tensors.Equal(_encodec.Model.Quantizer.Encode(_encodec.Model.Encoder.Run(audio.transpose(1, 2).contiguous())), codes);
        var whole = _encodec.Model.Decoder.Run(_encodec.Model.Quantizer.Decode(codes)).transpose(1, 2);
        Tensors.Equal(whole, _encodec.Decode(CodeTensors.ToCodes(codes, _encodec.Info.Books)));
    }

    [Fact, NoTensorLeaks]
    public void Mimi_beyond_its_chunk_and_its_window()
    {
        using var scope = NewDisposeScope();
        using var none = inference_mode();
        using var random = manual_seed(1);
        var audio = randn(1, 1, 40 * _mimi.Info.HopLength) * 0.1;
        var codes = CodeTensors.ToTensor(_mimi.Encode(audio), CPU);
        var latent = _mimi.Model.Downsample.Run(_mimi.Model.EncoderTransformer.Run(_mimi.Model.Encoder.Run(audio.transpose(1, 2).contiguous())), null);
        Tensors.Equal(_mimi.Model.Quantizer.Encode(latent, _mimi.Config.Books), codes);
    }
}
