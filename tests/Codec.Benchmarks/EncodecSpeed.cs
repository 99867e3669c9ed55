using Codec.Core;
using Codec.Core.Codecs.Encodec;
using Codec.Core.Layers;
using Codec.Core.Layers.Seanet;
using static TorchSharp.torch;

namespace Codec.Benchmarks;

/// <summary>EnCodec 24 kHz at 6 kbit/s, published sizes.</summary>
internal sealed class EncodecSpeed : ISpeedCase
{
    private readonly EncodecCodec _codec;
    private readonly Tensor[] _books;

    public EncodecSpeed()
    {
        manual_seed(1);
        _codec = EncodecFamily.Create(new EncodecConfig
        {
            Seanet = new SeanetConfig { Dimension = 128, Filters = 32, Ratios = [8, 5, 4, 2], LstmLayers = 2, Causal = true, PadMode = PadMode.Reflect },
            SampleRate = 24000, Books = 32, CodebookSize = 1024,
        });
        _books = [.. _codec.Model.Quantizer.state_dict().Values.Take(Books)];
    }

    public string Name => "EnCodec 24 kHz, 8 books";

    public ICodec Codec => _codec;

    public int Books => 8;

    public Codes EncodePlain(Tensor audio_BCS)
    {
        using var scope = NewDisposeScope();
        return CodeTensors.ToCodes(PlainQuantizer.Encode(_codec.Model.Encoder.forward(audio_BCS).transpose(1, 2), _books), _codec.Info.Books);
    }

    public Tensor DecodePlain(Codes codes)
    {
        using var scope = NewDisposeScope();
        return _codec.Model.Decoder.forward(PlainQuantizer.Decode(CodeTensors.ToTensor(codes, CPU), _books).transpose(1, 2)).MoveToOuterDisposeScope();
    }

    public void Dispose() => _codec.Dispose();
}
