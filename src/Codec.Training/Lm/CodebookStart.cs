using Codec.Audio;
using Codec.Core.Codecs;
using Codec.Core.Codecs.Native;
using Codec.Speech.Lm;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Lm;

/// <summary>
/// A start that knows which codes sound alike: embeddings and output rows are random projections of the codec's code vectors, output
/// biases the log frequencies of the codes.
/// </summary>
internal static class CodebookStart
{
    private const double EmbeddingScale = 0.1;
    private const double OutputScale = 0.05;

    /// <exception cref="ConfigException">The codec has no code vectors to take.</exception>
    public static void Apply(SpeechLm model, string codecPath, TokenCorpus corpus)
    {
        using var codec = CodecCatalog.Load(codecPath) as NativeCodec ?? throw new ConfigException($"{codecPath}: expected a native codec to take code vectors from, found another");
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        for (var k = 0; k < model.Streams; k++)
        {
            var vectors_VC = Vectors(codec, k, corpus.Books[k].Size);
            Set(model.Embedding(k).narrow(0, 0, corpus.Books[k].Size), vectors_VC, EmbeddingScale);
            if (k >= model.Config.DirectHeads)
                continue;
            Set(model.Output(k).Weight, vectors_VC, OutputScale);
            model.Output(k).Bias!.copy_(LogFrequencies(corpus, k));
        }
    }

    private static void Set(Tensor target_VD, Tensor vectors_VC, double scale)
    {
        var projected = vectors_VC.matmul(randn(vectors_VC.shape[1], target_VD.shape[1]));
        target_VD.copy_(projected * (scale / projected.square().mean().sqrt()));
    }

    // What one code adds to the latent, relative to the mean of its book.
    private static Tensor Vectors(NativeCodec codec, int book, int size)
    {
        var codes = zeros([1, book + 1, size], ScalarType.Int64);
        codes[0][book].copy_(arange(size));
        var vectors_VC = codec.Model.Quantizer.Decode(codes).squeeze(0);
        return vectors_VC - vectors_VC.mean([0], keepdim: true);
    }

    private static Tensor LogFrequencies(TokenCorpus corpus, int book)
    {
        var counts = new float[corpus.Books[book].Size];
        Array.Fill(counts, 0.5f);
        for (var i = 0; i < corpus.Count; i++)
            foreach (var code in corpus.Read(i)[book])
                counts[code]++;
        var all = tensor(counts);
        return (all / all.sum()).log();
    }
}
