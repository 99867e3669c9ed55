using Codec.Speech.Lm;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Lm;

/// <summary>
/// A start that knows pairs of codes: log ratios of counted pairs, factored by singular values, become embeddings (left factors) and output rows
/// (right factors), the biases log frequencies. The residual branches start at nothing, so that the first outputs are those of a smoothed bigram and
/// training spends its time on the rest.
/// </summary>
internal static class CountStart
{
    private const double Smoothing = 20; // pairs drawn from the frequencies, added to the counts of every context

    /// <param name="model">With one direct head and a depth transformer, or one book; biased heads.</param>
    /// <param name="corpus">Training tokens.</param>
    public static void Apply(SpeechLm model, TokenCorpus corpus)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (name, parameter) in model.named_parameters())
            if (name.Contains("out_projs.") || name.Contains("linear_out."))
                parameter.zero_();
        var books = Enumerable.Range(0, model.Streams).Select(k => Read(corpus, k)).ToArray();
        // All codes of a frame together predict the first code of the next.
        var sizes = corpus.Books.Select(b => b.Size).ToArray();
        var first = cat(books.Select((b, k) => LogRatios(b[0], books[0][1], sizes[k], sizes[0])).ToArray(), 0);
        // They say much the same: each counts for its share.
        var (left, right) = Factor(first / model.Streams, (int)model.Output(0).Weight.shape[1]);
        var row = 0;
        for (var k = 0; k < model.Streams; row += sizes[k++])
            model.Embedding(k).narrow(0, 0, sizes[k]).copy_(left.narrow(0, row, sizes[k]));
        Set(model.Output(0), right, books[0][1], sizes[0]);
        for (var k = 0; k < (model.Depth?.Streams ?? 0); k++)
        {
            var output = model.Depth!.Output(k);
            (left, right) = Factor(LogRatios(books[k][0], books[k + 1][0], sizes[k], sizes[k + 1]), (int)output.Weight.shape[1]);
            model.Depth.Embedding(k).narrow(0, 0, sizes[k]).copy_(left);
            Set(output, right, books[k + 1][0], sizes[k + 1]);
        }
    }

    private static void Set(Projection output, Tensor right_VR, Tensor codes, int size)
    {
        output.Weight.copy_(right_VR);
        var counts = codes.bincount(null, minlength: size).to(ScalarType.Float32) + 0.5;
        output.Bias!.copy_((counts / counts.sum()).log());
    }

    // Codes with a code after them in their recording, and those after codes.
    private static Tensor[] Read(TokenCorpus corpus, int book)
    {
        var rows = Enumerable.Range(0, corpus.Count).Select(i => corpus.Read(i)[book]).Where(r => r.Length > 1).ToArray();
        return [tensor(rows.SelectMany(r => r[..^1].Select(c => (long)c)).ToArray()), tensor(rows.SelectMany(r => r[1..].Select(c => (long)c)).ToArray())];
    }

    // log P(b | a) / P(b), smoothed.
    private static Tensor LogRatios(Tensor before, Tensor after, int rows, int columns)
    {
        var counts = (before * columns + after).bincount(null, minlength: rows * columns).view(rows, columns).to(ScalarType.Float32);
        var frequencies = counts.sum(0) + 0.5;
        frequencies = frequencies / frequencies.sum();
        return ((counts + Smoothing * frequencies) / ((counts.sum(1, keepdim: true) + Smoothing) * frequencies)).log();
    }

    // M = left right^T of the largest singular values, by the eigenvectors of M^T M: M has few columns.
    private static (Tensor Left, Tensor Right) Factor(Tensor ratios, int rank)
    {
        var (values, vectors) = linalg.eigh(ratios.transpose(0, 1).matmul(ratios));
        var count = (int)Math.Min(rank, values.shape[0]);
        var top = vectors.narrow(1, vectors.shape[1] - count, count);
        var root = values.narrow(0, values.shape[0] - count, count).clamp(1e-6).pow(0.25);
        var (left, right) = (ratios.matmul(top) / root, top * root);
        var missing = rank - count;
        return (nn.functional.pad(left, [0, missing]), nn.functional.pad(right, [0, missing]));
    }
}
