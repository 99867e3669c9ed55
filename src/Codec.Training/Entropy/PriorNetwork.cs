using Codec.Audio;
using Codec.Core.Bitstream.Prediction;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Training.Entropy;

/// <summary>The networks of <see cref="NeuralModel"/> in floating point, for training: the same contexts, whole blocks at once.</summary>
internal sealed class PriorNetwork : IDisposable
{
    private readonly PriorBook[] _books;
    private readonly NeuralPriorConfig _config;

    /// <param name="orders">Codes of each book in the order of their clusters.</param>
    /// <param name="config">Sizes.</param>
    public PriorNetwork(IReadOnlyList<int[]> orders, NeuralPriorConfig config)
    {
        _config = config;
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        _books = [.. orders.Select((order, book) => new PriorBook(order, NeuralContext.Taps(book), config))];
    }

    public IEnumerable<(string Name, Parameter Weight)> Parameters
        => _books.SelectMany((book, k) => book.Parameters.Select(p => ($"{k}.{p.Name}", p.Weight)));

    /// <summary>Starts from what is known: codes mean the entries of their codebooks.</summary>
    /// <param name="codebooks">[V, D'] of each book.</param>
    public void Initialize(IReadOnlyList<float[,]> codebooks)
    {
        var size = Math.Sqrt(codebooks.Max(MeanSquare));
        foreach (var (book, codebook) in _books.Zip(codebooks))
            book.Initialize(codebook, (float)(1 / size));
    }

    /// <summary>Goes on from tables that were trained before.</summary>
    /// <param name="prior">The tables.</param>
    /// <param name="sameCodes">False: codes mean something else, only the hidden layers are taken, at the scale of the embeddings that are there.</param>
    /// <exception cref="ConfigException">They have other sizes.</exception>
    public void Load(NeuralPrior prior, bool sameCodes)
    {
        var real = prior.Dequantize();
        Require.That(real.Count == _books.Length, "books of the tables to go on from", $"{_books.Length}", real.Count);
        var scale = sameCodes ? 1 : Math.Sqrt(real.Sum(book => MeanSquare(book.Embeddings)) / _books.Sum(book => MeanSquare(book.Weights().Embeddings)));
        foreach (var (book, weights) in _books.Zip(real))
            book.Load(weights, sameCodes, (float)scale);
    }

    /// <summary>Adds the gradient of the sum of all books' losses to the parameters' gradients.</summary>
    /// <param name="codes">[book][block * frames + frame].</param>
    /// <returns>Mean negative log likelihood of each book, in nats a code.</returns>
    public double[] Backward(int[][] codes)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var (width, length) = (_config.Width, codes[0].Length * _config.Width);
        var own = codes.Select((book, k) => _books[k].Embed(book)).ToArray();
        var gradients = codes.Select(_ => new float[length]).ToArray();
        var lowerGradients = codes.Select(_ => new float[length]).ToArray();
        var lower = new float[length];
        var nats = new double[codes.Length];
        for (var book = 0; book < codes.Length; book++)
        {
            using var inner = NewDisposeScope();
            var taps = new ContextTaps(book, width, _config.BlockFrames, codes[0].Length / _config.BlockFrames);
            var context_MX = zeros(codes[0].Length, NeuralContext.Taps(book) * width);
            taps.Gather(lower, book > 0 ? own[book - 1] : [], own[book], context_MX.Floats());
            var gradient_MX = _books[book].Backward(context_MX, codes[book], _config.Dropout, out nats[book]);
            taps.Scatter(gradient_MX.Floats(), lowerGradients[book], book > 0 ? gradients[book - 1] : [], gradients[book]);
            FloatRows.AddScaled(lower, own[book], 1);
        }
        var above = new float[length];
        for (var book = codes.Length - 1; book >= 0; book--)
        {
            FloatRows.AddScaled(gradients[book], above, 1);
            FloatRows.AddScaled(above, lowerGradients[book], 1);
            _books[book].EmbedBackward(codes[book], gradients[book]);
        }
        return nats;
    }

    /// <summary>Rounded to the integers that predict.</summary>
    public NeuralPrior Quantize(uint tokenHash) => NeuralPrior.Quantize(tokenHash, [.. _books.Select(book => book.Weights())]);

    private static double MeanSquare(float[,] table) => table.Cast<float>().Average(v => (double)v * v);

    public void Dispose()
    {
        foreach (var book in _books)
            book.Dispose();
    }
}
