using Codec.Audio;
using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Prediction;
using Codec.Tests.Core.Bitstream.Prediction;
using Codec.Training.Entropy;

namespace Codec.Tests.Training.Entropy;

public sealed class LowbandPriorTests
{
    private const int Coefficients = 10, Books = 3, Steps = 40;

    private static readonly CodebookSpec[] Specs = [.. Enumerable.Repeat(new CodebookSpec(40), 4)];

    /// <summary>Laplacian coefficients whose size hangs on the codes: the network finds out, counting finds what it cannot see.</summary>
    [Fact]
    public void Training_finds_sizes_and_signs()
    {
        var neural = SmallPrior.Make(Specs, tokenHash: 9);
        LowbandRecording[] recordings = [.. Enumerable.Range(0, 40).Select(Draw)];
        var (train, unseen) = (recordings[..36], recordings[36..]);
        var config = new LowbandPriorConfig { Hidden = 24, Rank = 12, FewestBooks = 2, MostBooks = 3, Steps = 500, Batch = 128, LearningRate = 1e-2, Quantizations = [25, Steps] };
        List<double> densities = [];
        var prior = LowbandPriorTrainer.Train(train, neural, config, (_, bits) => densities.Add(bits));
        Assert.True(densities[^1] < densities[0]);
        Assert.Equal((9u, neural.Id, Coefficients), (prior.TokenHash, prior.NeuralId, prior.Coefficients));
        var bits = LowbandPriorTrainer.Measure(prior, neural, unseen, Books, Steps, config.BlockFrames);
        Codes[] codes = [.. unseen.Select(recording => recording.Join(Books, Steps))];
        var adaptive = CodeLength.Measure(codes, () => new AdaptiveModel(codes[0].Specs), codes.Max(file => file.Frames)).Skip(Books).Average();
        Assert.InRange(bits, 0.3, Math.Log2(2 * Steps + 1) / 2);
        Assert.InRange(bits, 0.3, Static(train, codes) * 0.9);
        Assert.InRange(bits, 0.3, adaptive * 0.9);
        var uncounted = CodeLength.Measure(codes, () => new LowbandModel(Uncounted(prior, neural), neural), config.BlockFrames).Skip(Books).Average();
        Assert.InRange(bits, 0.3, uncounted * 0.98);
    }

    [Fact]
    public void Recordings_are_encoded_for_every_number_of_books()
    {
        using var folder = new TemporaryFolder();
        float[] samples = [.. Enumerable.Range(0, 1000).Select(i => i / 1024f)];
        AudioFile.Write(folder.Combine("a.wav"), new AudioBuffer([samples], 16000));
        using var codec = new LowbandCodec(Specs, Coefficients);
        var config = new LowbandPriorConfig { FewestBooks = 2, MostBooks = 3 };
        var recording = Assert.Single(LowbandPriorRun.Encode(codec, folder.Path, folder.Combine("cache"), config));
        Assert.Equal((4, Coefficients, 2), (recording.Codes.Frames, recording.Coefficients, recording.Shares.Count));
        Assert.Equal(643 / 1024f / 3, recording.SharesOf(3)[2 * Coefficients + 3], 1e-4f);
        using var none = new PcmCodec();
        Assert.Contains("low band", Assert.Throws<ConfigException>(() => LowbandPriorRun.Neural(none, null)).Message);
        Assert.Contains("00000009", Assert.Throws<ConfigException>(() => LowbandPriorRun.Neural(codec, SmallPrior.Make(Specs, tokenHash: 8))).Message);
        Assert.Equal(9u, LowbandPriorRun.Neural(codec, SmallPrior.Make(Specs, tokenHash: 9)).TokenHash);
    }

    /// <summary>The frequencies of each coefficient's codes in all of training.</summary>
    private static double Static(LowbandRecording[] train, Codes[] unseen)
    {
        double bits = 0;
        for (var book = Books; book < Books + Coefficients; book++)
        {
            var counts = Enumerable.Repeat(0.1, 2 * Steps + 1).ToArray();
            foreach (var recording in train)
                foreach (var code in recording.Join(Books, Steps)[book])
                    counts[code]++;
            bits -= unseen.Average(file => file[book].ToArray().Average(code => Math.Log2(counts[code] / counts.Sum())));
        }
        return bits / Coefficients;
    }

    /// <summary>The same network without what was counted.</summary>
    private static LowbandPrior Uncounted(LowbandPrior prior, NeuralPrior neural) => prior.WithCounts(neural, [], 50);

    private static LowbandRecording Draw(int seed)
    {
        const int frames = 150;
        var random = new Random(seed);
        var codes = new Codes(Specs, [.. Specs.Select(_ => new[] { Enumerable.Range(0, frames).Select(_ => random.Next(40)).ToArray() })], frames);
        var shares = new float[frames * Coefficients];
        for (var t = 0; t < frames; t++)
        {
            var next = t + 1 < frames ? codes[0][t + 1] : 0;
            for (var k = 0; k < Coefficients; k++)
            {
                var size = Math.Pow(2, -7 + (codes[0][t] % 2 == 0 ? 3 : 0) + (next < 20 ? 1.5 : 0) - 0.1 * k) * -Math.Log(1 - random.NextDouble());
                var like = k > 0 && random.Next(8) > 0 ? Math.Sign(shares[t * Coefficients + k - 1]) : random.Next(2) * 2 - 1;
                shares[t * Coefficients + k] = (float)(like * size);
            }
        }
        return new LowbandRecording(codes, 2, [shares, shares]);
    }
}
