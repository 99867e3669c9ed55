using Codec.Audio;
using Codec.Core.Bitstream.Prediction;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Training.Entropy;

/// <summary>The network of <see cref="NeuralModel"/> in floating point, for training: the same contexts, whole blocks at once.</summary>
internal sealed class PriorNetwork : nn.Module
{
    private readonly ModuleList<Embedding> embeddings = [];
    private readonly ModuleList<Linear> input = [];
    private readonly ModuleList<Linear> middle = [];
    private readonly ModuleList<Linear> output = [];

    /// <param name="sizes">Entries of each codebook.</param>
    /// <param name="width">Length of an embedding.</param>
    /// <param name="hidden">Units of the first hidden layer.</param>
    /// <param name="rank">Rank of the output.</param>
    public PriorNetwork(IReadOnlyList<int> sizes, int width, int hidden, int rank) : base(nameof(PriorNetwork))
    {
        for (var book = 0; book < sizes.Count; book++)
        {
            var embedding = nn.Embedding(sizes[book], width);
            nn.init.normal_(embedding.weight!, 0, 0.3);
            embeddings.Add(embedding);
            input.Add(nn.Linear(NeuralContext.Taps(book) * width, hidden));
            middle.Add(nn.Linear(hidden, rank));
            output.Add(nn.Linear(rank, sizes[book]));
        }
        RegisterComponents();
    }

    /// <summary>Starts from what is known: codes mean the entries of their codebooks, and come as often as they came.</summary>
    /// <param name="codebooks">[V, D'] of each book; null: meanings are learned from nothing.</param>
    /// <param name="counts">How often each code of each book came.</param>
    public void Initialize(IReadOnlyList<float[,]>? codebooks, IReadOnlyList<int[]> counts)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var unit = codebooks is null ? 0 : (float)(1 / codebooks.Max(Size));
        for (var book = 0; book < embeddings.Count; book++)
        {
            var total = counts[book].Sum() + 0.5 * counts[book].Length;
            output[book].bias!.copy_(tensor(counts[book].Select(n => (float)Math.Log((n + 0.5) / total)).ToArray()));
            if (codebooks is null)
                continue;
            var entries_VD = tensor(codebooks[book]);
            Place(embeddings[book].weight!, entries_VD * tensor(unit));
            Place(output[book].weight!, entries_VD * (0.2 / entries_VD.std()));
        }
    }

    /// <summary>Root mean square of all values.</summary>
    private static double Size(float[,] book) => Math.Sqrt(book.Cast<float>().Average(v => (double)v * v));

    /// <summary>Goes on from tables that were trained before, e.g. for an earlier state of the codec.</summary>
    /// <exception cref="ConfigException">They have other sizes.</exception>
    public void Load(NeuralPrior prior)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var (tables, layers) = prior.Dequantize();
        Require.That(tables.Count == embeddings.Count, "books of the tables to go on from", $"{embeddings.Count}", tables.Count);
        for (var book = 0; book < tables.Count; book++)
        {
            Copy(embeddings[book].weight!, tensor(tables[book]));
            Linear[] own = [input[book], middle[book], output[book]];
            for (var i = 0; i < own.Length; i++)
            {
                Copy(own[i].weight!, tensor(layers[book][i].Weight));
                own[i].bias!.copy_(tensor(layers[book][i].Bias));
            }
        }
    }

    private static void Copy(Tensor target, Tensor source)
    {
        Require.That(target.shape.SequenceEqual(source.shape), "sizes of the tables to go on from",
            string.Join(" x ", target.shape), string.Join(" x ", source.shape));
        target.copy_(source);
    }

    /// <summary>Copies the columns that both have.</summary>
    private static void Place(Tensor target, Tensor source_VD)
    {
        var width = Math.Min(target.shape[1], source_VD.shape[1]);
        target.narrow(1, 0, width).copy_(source_VD.narrow(1, 0, width));
    }

    /// <summary>Mean negative log likelihood of each book, in nats a code.</summary>
    /// <param name="codes_NKT">int64.</param>
    /// <param name="dropout">Share of hidden units that are dropped.</param>
    /// <returns>[K], differentiable.</returns>
    public Tensor Loss(Tensor codes_NKT, double dropout)
    {
        using var scope = NewDisposeScope();
        var losses = new List<Tensor>();
        var (batch, frames) = (codes_NKT.shape[0], codes_NKT.shape[2]);
        var lower_NTD = zeros(batch, frames, embeddings[0].weight!.shape[1], device: codes_NKT.device);
        for (var book = 0; book < embeddings.Count; book++)
        {
            var target_NT = codes_NKT.select(1, book);
            var own_NTD = embeddings[book].forward(target_NT);
            var hidden = F.relu(input[book].forward(Context(book, lower_NTD, own_NTD)));
            if (dropout > 0)
                hidden = F.dropout(hidden, dropout);
            var logits = output[book].forward(middle[book].forward(hidden));
            losses.Add(F.cross_entropy(logits.reshape(-1, logits.shape[2]), target_NT.reshape(-1)));
            lower_NTD = lower_NTD + own_NTD;
        }
        return stack(losses).MoveToOuterDisposeScope();
    }

    /// <summary>Rounded to the integers that predict.</summary>
    public NeuralPrior Quantize(uint tokenHash)
        => NeuralPrior.Quantize(tokenHash, [.. embeddings.Select(e => Matrix(e.weight!))],
            [.. Enumerable.Range(0, embeddings.Count).Select(book => new[] { Layer(input[book]), Layer(middle[book]), Layer(output[book]) })]);

    /// <summary>The taps of <see cref="NeuralContext"/>, in its order. [N, T, taps * D].</summary>
    private static Tensor Context(int book, Tensor lower_NTD, Tensor own_NTD)
    {
        var taps = new List<Tensor>();
        if (book > 0)
        {
            foreach (var offset in NeuralContext.LowerOffsets)
                taps.Add(Shifted(lower_NTD, offset));
            taps.Add(lower_NTD.mean([1], keepdim: true).expand(lower_NTD.shape));
        }
        for (var back = 1; back <= NeuralContext.OwnPast(book); back++)
            taps.Add(Shifted(own_NTD, -back));
        var before_NTD = Shifted(own_NTD.cumsum(1), -1);
        var count = arange(own_NTD.shape[1], device: own_NTD.device).clamp(1).reshape(1, -1, 1);
        taps.Add(before_NTD / count);
        return cat(taps, -1);
    }

    /// <summary>Frame t of the result is frame t + offset of x, zero outside.</summary>
    private static Tensor Shifted(Tensor x_NTD, int offset)
    {
        var frames = x_NTD.shape[1];
        var gone = Math.Min(Math.Abs(offset), frames);
        if (offset == 0)
            return x_NTD;
        return offset > 0
            ? F.pad(x_NTD.narrow(1, gone, frames - gone), [0, 0, 0, gone])
            : F.pad(x_NTD.narrow(1, 0, frames - gone), [0, 0, gone, 0]);
    }

    private static (float[,], float[]) Layer(Linear layer) => (Matrix(layer.weight!), layer.bias!.data<float>().ToArray());

    internal static float[,] Matrix(Tensor weight)
    {
        var matrix = new float[weight.shape[0], weight.shape[1]];
        var values = weight.detach().cpu().contiguous().data<float>().ToArray();
        Buffer.BlockCopy(values, 0, matrix, 0, sizeof(float) * values.Length);
        return matrix;
    }
}
