using Codec.Core;
using Codec.Core.Codecs;
using Codec.Core.Codecs.Snac;
using static TorchSharp.torch;

namespace Codec.Benchmarks;

/// <summary>SNAC 24 kHz in its published size, without noise. The quantizer is ours in both paths.</summary>
internal sealed class SnacSpeed : ISpeedCase
{
    private readonly SnacCodec _codec;
    private readonly SnacModel _plain;

    public SnacSpeed()
    {
        manual_seed(1);
        var config = new SnacConfig { SampleRate = 24_000 };
        _codec = new SnacCodec(config, new SnacModel(config), new CodecPreset(39, "SNAC 24 kHz", "")) { Noise = null };
        _plain = new SnacModel(config);
        PlainPath.Copy(_codec.Model, PlainPath.Ordered(_plain));
    }

    public string Name => _codec.Info.Name;

    public ICodec Codec => _codec;

    public int Books => _codec.Info.Books.Count;

    public Codes EncodePlain(Tensor audio_BCS)
    {
        using var scope = NewDisposeScope();
        var latent_BTD = PlainPath.Run(() => _plain.encoder.forward(audio_BCS)).transpose(1, 2).contiguous();
        return CodeTensors.ToCodes(_plain.quantizer.Encode(latent_BTD, Books), _codec.Info.Books, (int)latent_BTD.shape[1]);
    }

    public Tensor DecodePlain(Codes codes)
    {
        using var scope = NewDisposeScope();
        var quantized_BDT = _codec.DecodeLatent(codes).contiguous();
        return PlainPath.Run(() => _plain.decoder.Run(quantized_BDT, null)).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _codec.Dispose();
        _plain.Dispose();
    }
}
