using Codec.Core;
using Codec.Core.Bitstream.Prediction;
using Codec.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Entropy;

/// <summary>Trains the tables of the neural entropy coder on the codes of a codec.</summary>
public static class NeuralPriorTrainer
{
    /// <summary>Trains on the codes of many files.</summary>
    /// <param name="files">All with the same books, each book at the base frame rate; every batch item counts as a file.</param>
    /// <param name="tokenHash">Of the codec that made the codes.</param>
    /// <param name="config">Sizes and steps.</param>
    /// <param name="codebooks">Entries [V, D] of each book, from which training starts; null: from nothing, which takes longer.</param>
    /// <param name="start">Tables to go on from; those of an earlier state of the codec lend their hidden layers. Null: train anew.</param>
    /// <param name="report">Called now and then with the step and the bits a code of each book, averaged since the last call.</param>
    /// <returns>The tables, ready to be written.</returns>
    public static NeuralPrior Train(IReadOnlyList<Codes> files, uint tokenHash, NeuralPriorConfig config,
        IReadOnlyList<float[,]>? codebooks = null, NeuralPrior? start = null, Action<int, double[]>? report = null)
    {
        config.Validate();
        var specs = files[0].Specs;
        if (specs.Any(book => book.Stride != 1))
            throw new ArgumentException("the neural predictor needs books at the base frame rate", nameof(files));
        var codes = Join(files, specs.Count);
        if (codes[0].Length < config.BlockFrames)
            throw new ArgumentException($"expected at least {config.BlockFrames} frames, found {codes[0].Length}", nameof(files));
        random.manual_seed(config.Seed);
        using var network = new PriorNetwork(Orders(codes, specs, codebooks, start, tokenHash), config);
        if (codebooks is not null)
            network.Initialize(codebooks);
        if (start is not null)
            network.Load(start, sameCodes: start.TokenHash == tokenHash);
        using var optimizer = new AdamW(network.Parameters,
            new AdamWConfig { Beta1 = 0.9, WeightDecay = config.WeightDecay, AverageDecay = config.AverageDecay });
        var draws = new Random(config.Seed);
        var sums = new double[specs.Count];
        var since = 0;
        for (var step = 0; step < config.Steps; step++)
        {
            var nats = network.Backward(Draw(codes, config, draws));
            optimizer.Step(Rate(config, step), 1);
            for (var book = 0; book < sums.Length; book++)
                sums[book] += nats[book] / Math.Log(2);
            since++;
            if (report is null || (step + 1) % 100 != 0 && step + 1 != config.Steps)
                continue;
            report(step + 1, [.. sums.Select(sum => sum / since)]);
            Array.Clear(sums);
            since = 0;
        }
        optimizer.SwapAverages();
        return network.Quantize(tokenHash);
    }

    /// <summary>Codes that mean nearly the same come together: clusters are runs of these orders.</summary>
    private static int[][] Orders(int[][] codes, IReadOnlyList<CodebookSpec> specs, IReadOnlyList<float[,]>? codebooks, NeuralPrior? start, uint tokenHash)
        => [.. codes.Select((book, k) => start is not null && start.TokenHash == tokenHash && k < start.Books && start.Size(k) == specs[k].Size
            ? start.Order(k).ToArray()
            : CodeClusters.Order(codebooks?[k] ?? CodeClusters.Neighbours(book, specs[k].Size), NeuralPrior.MembersFor(specs[k].Size)))];

    private static double Rate(NeuralPriorConfig config, int step)
    {
        var warmUp = Math.Max(1, config.Steps / 20);
        return step < warmUp
            ? config.LearningRate * (step + 1) / warmUp
            : config.LearningRate * 0.5 * (1 + Math.Cos(Math.PI * (step - warmUp) / (config.Steps - warmUp)));
    }

    /// <summary>All files one after another: [book][frame].</summary>
    private static int[][] Join(IReadOnlyList<Codes> files, int books)
        => [.. Enumerable.Range(0, books).Select(book =>
            files.SelectMany(file => Enumerable.Range(0, file.Batch).SelectMany(item => file[book, item].ToArray())).ToArray())];

    /// <summary>Random blocks: [book][block * frames + frame].</summary>
    private static int[][] Draw(int[][] codes, NeuralPriorConfig config, Random random)
    {
        int[] starts = [.. Enumerable.Range(0, config.Batch).Select(_ => random.Next(codes[0].Length - config.BlockFrames + 1))];
        return [.. codes.Select(book => starts.SelectMany(start => book.AsSpan(start, config.BlockFrames).ToArray()).ToArray())];
    }
}
