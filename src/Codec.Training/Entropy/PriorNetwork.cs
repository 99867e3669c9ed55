using Codec.Audio;
using Codec.Core.Bitstream.Prediction;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Training.Entropy;

/// <summary>The networks of <see cref="NeuralModel"/> in floating point, for training: the same contexts, whole blocks at once.</summary>
internal sealed class PriorNetwork : nn.Module
{
    private readonly ModuleList<PriorBook> books = [];

    /// <param name="orders">Codes of each book in the order of their clusters.</param>
    /// <param name="config">Sizes.</param>
    public PriorNetwork(IReadOnlyList<int[]> orders, NeuralPriorConfig config) : base(nameof(PriorNetwork))
    {
        for (var book = 0; book < orders.Count; book++)
            books.Add(new PriorBook(orders[book], NeuralContext.Taps(book), config));
        RegisterComponents();
    }

    /// <summary>Starts from what is known: codes mean the entries of their codebooks.</summary>
    /// <param name="codebooks">[V, D'] of each book.</param>
    public void Initialize(IReadOnlyList<float[,]> codebooks)
    {
        var size = codebooks.Max(book => Math.Sqrt(book.Cast<float>().Average(v => (double)v * v)));
        foreach (var (book, codebook) in books.Zip(codebooks))
            book.Initialize(codebook, (float)(1 / size));
    }

    /// <summary>Goes on from tables that were trained before, e.g. for an earlier state of the codec.</summary>
    /// <exception cref="ConfigException">They have other sizes.</exception>
    public void Load(NeuralPrior prior)
    {
        var real = prior.Dequantize();
        Require.That(real.Count == books.Count, "books of the tables to go on from", $"{books.Count}", real.Count);
        foreach (var (book, weights) in books.Zip(real))
            book.Load(weights);
    }

    /// <summary>Mean negative log likelihood of each book, in nats a code.</summary>
    /// <param name="codes_NKT">int64, on the CPU.</param>
    /// <param name="dropout">Share of hidden units that are dropped.</param>
    /// <returns>[K], differentiable.</returns>
    public Tensor Loss(Tensor codes_NKT, double dropout)
    {
        using var scope = NewDisposeScope();
        var losses = new List<Tensor>();
        Tensor? lower_NTD = null, next_NTD = null;
        for (var book = 0; book < books.Count; book++)
        {
            var target_NT = codes_NKT.select(1, book);
            var own_NTD = books[book].Embed(target_NT);
            losses.Add(books[book].Loss(Context(book, lower_NTD, next_NTD, own_NTD), target_NT.reshape(-1), dropout));
            lower_NTD = lower_NTD is null ? own_NTD : lower_NTD + own_NTD;
            next_NTD = own_NTD;
        }
        return stack(losses).MoveToOuterDisposeScope();
    }

    /// <summary>Rounded to the integers that predict.</summary>
    public NeuralPrior Quantize(uint tokenHash) => NeuralPrior.Quantize(tokenHash, [.. books.Select(book => book.Weights())]);

    /// <summary>The taps of <see cref="NeuralContext"/>, in its order. [N, T, taps * D].</summary>
    private static Tensor Context(int book, Tensor? lower_NTD, Tensor? next_NTD, Tensor own_NTD)
    {
        var taps = new List<Tensor>();
        if (lower_NTD is not null && next_NTD is not null)
        {
            Window(taps, lower_NTD, -NeuralContext.LowerPast, NeuralContext.Future);
            taps.Add(lower_NTD.mean([1], keepdim: true).expand(lower_NTD.shape));
            taps.Add(next_NTD);
        }
        Window(taps, own_NTD, -NeuralContext.OwnPast(book), -1);
        var before_NTD = F.pad(own_NTD.cumsum(1).narrow(1, 0, own_NTD.shape[1] - 1), [0, 0, 1, 0]);
        taps.Add(before_NTD / arange(own_NTD.shape[1]).clamp(1).reshape(1, -1, 1));
        return cat(taps, -1);
    }

    /// <summary>x at frames t + first ... t + last, zero outside.</summary>
    private static void Window(List<Tensor> taps, Tensor x_NTD, int first, int last)
    {
        var padded = F.pad(x_NTD, [0, 0, Math.Max(0, -first), Math.Max(0, last)]);
        for (var offset = first; offset <= last; offset++)
            taps.Add(padded.narrow(1, offset + Math.Max(0, -first), x_NTD.shape[1]));
    }
}
