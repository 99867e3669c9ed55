using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Prediction;
using Codec.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Entropy;

/// <summary>Trains the tables of the low band: the network for a Laplacian likelihood of the coefficients, then frequencies by counting.</summary>
public static class LowbandPriorTrainer
{
    /// <param name="recordings">What is learned from.</param>
    /// <param name="neural">Tables of the codes.</param>
    /// <param name="config">Sizes and steps.</param>
    /// <param name="report">Called now and then with the step and the mean of log2 of the coefficients' Laplacian density since the last call, negated.</param>
    /// <returns>The tables, ready to be written.</returns>
    public static LowbandPrior Train(IReadOnlyList<LowbandRecording> recordings, NeuralPrior neural, LowbandPriorConfig config, Action<int, double>? report = null)
    {
        config.Validate();
        random.manual_seed(config.Seed);
        var frames = new LowbandFrames(recordings, neural, config);
        using var layers = new LowbandLayers(LowbandPrior.Taps * neural.Width, recordings[0].Coefficients, config);
        layers.StartAt(MeanLogs(recordings, config));
        using var optimizer = new AdamW(layers.named_parameters().Select(p => (p.name, p.parameter)),
            new AdamWConfig { Beta1 = 0.9, WeightDecay = config.WeightDecay, AverageDecay = 0.98 });
        double sum = 0;
        var since = 0;
        for (var step = 0; step < config.Steps; step++)
        {
            sum += Step(layers, frames, config);
            optimizer.Step(Rate(config, step), 1);
            since++;
            if (report is null || (step + 1) % 100 != 0 && step + 1 != config.Steps)
                continue;
            report(step + 1, sum / since);
            (sum, since) = (0, 0);
        }
        optimizer.SwapAverages();
        return LowbandPrior.Quantize(neural, layers.Weights(frames.Scale)).WithCounts(neural, Quantized(recordings, config), config.BlockFrames);
    }

    /// <summary>Bits a coefficient.</summary>
    /// <param name="prior">The tables.</param>
    /// <param name="neural">Those of the codes.</param>
    /// <param name="recordings">That they have not seen.</param>
    /// <param name="books">That are kept.</param>
    /// <param name="steps">From 0 to the largest coefficient.</param>
    /// <param name="blockFrames">Frames of a block.</param>
    public static double Measure(LowbandPrior prior, NeuralPrior neural, IEnumerable<LowbandRecording> recordings, int books, int steps, int blockFrames)
        => CodeLength.Measure(recordings.Select(recording => recording.Join(books, steps)), () => new LowbandModel(prior, neural), blockFrames).Skip(books).Average();

    private static double Step(LowbandLayers layers, LowbandFrames frames, LowbandPriorConfig config)
    {
        using var scope = NewDisposeScope();
        var (x, sizes) = frames.Draw(config.Batch);
        var sizes_BK = tensor(sizes).reshape(config.Batch, -1) + config.Floor;
        var log_BK = layers.forward(tensor(x).reshape(config.Batch, -1));
        // Density of a Laplacian of mean size b: exp(-x / b) / 2b.
        var loss = (log_BK + 1 + sizes_BK * (log_BK * -Math.Log(2)).exp() / Math.Log(2)).mean();
        loss.backward();
        return loss.item<float>();
    }

    private static double Rate(LowbandPriorConfig config, int step)
    {
        var warmUp = Math.Max(1, config.Steps / 20);
        return step < warmUp
            ? config.LearningRate * (step + 1) / warmUp
            : config.LearningRate * 0.5 * (1 + Math.Cos(Math.PI * (step - warmUp) / (config.Steps - warmUp)));
    }

    private static float[] MeanLogs(IReadOnlyList<LowbandRecording> recordings, LowbandPriorConfig config)
    {
        var coefficients = recordings[0].Coefficients;
        var (sums, count) = (new double[coefficients], 0L);
        foreach (var recording in recordings)
        {
            var shares = recording.SharesOf(config.FewestBooks);
            for (var i = 0; i < shares.Length; i++)
                sums[i % coefficients] += Math.Abs(shares[i]);
            count += recording.Codes.Frames;
        }
        return [.. sums.Select(sum => (float)Math.Log2(sum / count + config.Floor))];
    }

    /// <summary>Every recording with two quantizations, all numbers of books in turn.</summary>
    private static Codes[] Quantized(IReadOnlyList<LowbandRecording> recordings, LowbandPriorConfig config)
    {
        var (books, steps) = (config.MostBooks - config.FewestBooks + 1, config.Quantizations);
        return [.. recordings.SelectMany((recording, i) => new[] { 0, 2 }.Select(more => recording.Join(config.FewestBooks + i % books, steps[(i + more) % steps.Count])))];
    }
}
