using Codec.Core;
using Codec.Core.Codecs;
using Codec.Core.Codecs.Dac;
using static TorchSharp.torch;

namespace Codec.Benchmarks;

/// <summary>DAC in published sizes. The quantizer, a thousandth of the work, is ours in both paths.</summary>
internal sealed class DacSpeed : ISpeedCase
{
    private readonly DacCodec _codec;
    private readonly DacModel _plain;

    private DacSpeed(string name, DacConfig config)
    {
        manual_seed(1);
        _codec = new DacCodec(config, new DacModel(config), new CodecPreset(29, name, ""));
        _plain = new DacModel(config);
        PlainPath.Copy(_codec.Model, PlainPath.Ordered(_plain));
    }

    public string Name => _codec.Info.Name;

    public ICodec Codec => _codec;

    public int Books => _codec.Config.Codebooks;

    public static DacSpeed Of16() => new("DAC 16 kHz", Config(16_000, [2, 4, 5, 8], 12));

    public static DacSpeed Of24() => new("DAC 24 kHz", Config(24_000, [2, 4, 5, 8], 32));

    public static DacSpeed Of44() => new("DAC 44.1 kHz", Config(44_100, [2, 4, 8, 8], 9));

    public Codes EncodePlain(Tensor audio_BCS)
    {
        using var scope = NewDisposeScope();
        var latent_BDT = PlainPath.Run(() => _plain.encoder.forward(audio_BCS));
        return CodeTensors.ToCodes(_plain.quantizer.Encode(latent_BDT.transpose(1, 2).contiguous(), Books), _codec.Info.Books);
    }

    public Tensor DecodePlain(Codes codes)
    {
        using var scope = NewDisposeScope();
        var latent_BTD = _plain.quantizer.Decode(CodeTensors.ToTensor(codes, CPU));
        return PlainPath.Run(() => _plain.decoder.forward(latent_BTD.transpose(1, 2).contiguous())).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _codec.Dispose();
        _plain.Dispose();
    }

    private static DacConfig Config(int rate, int[] rates, int books) => new()
    {
        SampleRate = rate, EncoderRates = rates, DecoderRates = [.. rates.Reverse()], Codebooks = books, CodebookDims = [.. Enumerable.Repeat(8, books)],
    };
}
