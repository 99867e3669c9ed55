using Codec.Core;
using Codec.Core.Codecs.Mimi;
using Codec.Core.Layers;
using Codec.Core.Layers.Seanet;
using static TorchSharp.torch;

namespace Codec.Benchmarks;

/// <summary>Mimi with 8 books, published sizes.</summary>
internal sealed class MimiSpeed : ISpeedCase
{
    private readonly MimiCodec _codec;
    private readonly Dictionary<string, Tensor> _weights;

    public MimiSpeed()
    {
        manual_seed(1);
        _codec = MimiFamily.Create(new MimiConfig
        {
            Seanet = new SeanetConfig { Dimension = 512, Filters = 64, Ratios = [8, 6, 5, 4], LastKernel = 3, TrueSkip = true, Causal = true, PadMode = PadMode.Zero },
            Transformer = new MimiTransformerConfig { Layers = 8, Heads = 8, FeedForward = 2048 },
            CodebookDimension = 256, CodebookSize = 2048, Books = 32,
        });
        _weights = _codec.Model.Quantizer.state_dict();
    }

    public string Name => "Mimi, 8 books";

    public ICodec Codec => _codec;

    public int Books => 8;

    public Codes EncodePlain(Tensor audio_BCS)
    {
        using var scope = NewDisposeScope();
        var model = _codec.Model;
        var frames_BDT = model.Encoder.forward(audio_BCS);
        frames_BDT = model.EncoderTransformer.Forward(frames_BDT.transpose(1, 2)).transpose(1, 2);
        var latent_BTD = model.Downsample.forward(frames_BDT).transpose(1, 2);
        var first = PlainQuantizer.Encode(Project(latent_BTD, "rvq_first.input_proj"), BooksOf("rvq_first", 1));
        var rest = PlainQuantizer.Encode(Project(latent_BTD, "rvq_rest.input_proj"), BooksOf("rvq_rest", Books - 1));
        return CodeTensors.ToCodes(cat([first, rest], 1), _codec.Info.Books);
    }

    public Tensor DecodePlain(Codes codes)
    {
        using var scope = NewDisposeScope();
        var codes_BKT = CodeTensors.ToTensor(codes, CPU);
        var model = _codec.Model;
        var first = Project(PlainQuantizer.Decode(codes_BKT.narrow(1, 0, 1), BooksOf("rvq_first", 1)), "rvq_first.output_proj");
        var rest = Project(PlainQuantizer.Decode(codes_BKT.narrow(1, 1, Books - 1), BooksOf("rvq_rest", Books - 1)), "rvq_rest.output_proj");
        var frames_BDT = model.Upsample.forward((first + rest).transpose(1, 2));
        frames_BDT = model.DecoderTransformer.Forward(frames_BDT.transpose(1, 2)).transpose(1, 2);
        return model.Decoder.forward(frames_BDT).MoveToOuterDisposeScope();
    }

    public void Dispose() => _codec.Dispose();

    private Tensor Project(Tensor x_BTD, string key) => nn.functional.linear(x_BTD, _weights[key + ".weight"].squeeze(-1));

    private Tensor[] BooksOf(string quantizer, int count)
        => [.. Enumerable.Range(0, count).Select(k => _weights[$"{quantizer}.rvq.quantizers.{k}.codebook.weight"])];
}
