using Codec.Speech.Drafting;
using Codec.Speech.Sampling;

namespace Codec.Tests.Speech.Drafting;

public sealed class DraftVerifyLoopTests
{
    public static TheoryData<string> Drafters => new("ngram", "jacobi");

    [Theory, MemberData(nameof(Drafters))]
    public void Greedy_output_is_the_targets_own(string drafter)
    {
        for (var seed = 0; seed < 5; seed++)
        {
            var target = new CyclicTarget(seed, periodic: seed % 2 == 0);
            var expected = target.Greedy([1, 2], 200);
            var (tokens, report) = new DraftVerifyLoop(target, Build(drafter), new DraftConfig(), SamplerConfig.Greedy, 1).Run([1, 2], 200);
            Assert.Equal(expected, tokens);
            Assert.Equal(200, report.Tokens);
        }
    }

    [Fact]
    public void Periodic_text_takes_few_passes_and_unpredictable_text_turns_drafting_off()
    {
        var (_, periodic) = new DraftVerifyLoop(new CyclicTarget(0, periodic: true), new NGramDrafter(), new DraftConfig(), SamplerConfig.Greedy, 1).Run([1], 400);
        Assert.True(periodic.Passes < 160, $"{periodic.Passes} passes");
        Assert.Equal(0, periodic.TimesOff);
        var (_, noise) = new DraftVerifyLoop(new CyclicTarget(1, periodic: false), new JacobiDrafter(), new DraftConfig(), new SamplerConfig(), 1).Run([1], 400);
        Assert.True(noise.TimesOff > 0);
        Assert.True(noise.Drafted < 400 * 4 / 2);
    }

    [Fact]
    public void Sampled_pairs_have_the_targets_distribution()
    {
        // One target, many seeds: frequencies of the second and third token against the exact joint distribution.
        const int runs = 4000;
        var counts = new double[36];
        var target = new CyclicTarget(5, periodic: false, sharp: 1);
        for (var seed = 0; seed < runs; seed++)
        {
            target.Rewind(0);
            var (tokens, _) = new DraftVerifyLoop(target, new JacobiDrafter(), new DraftConfig { DraftLength = 2 }, new SamplerConfig(), (ulong)seed).Run([3], 2);
            counts[tokens[0] * 6 + tokens[1]]++;
        }
        var chi = 0.0;
        var first = target.Probabilities([3]);
        for (var a = 0; a < 6; a++)
        {
            var second = target.Probabilities([3, a]);
            for (var b = 0; b < 6; b++)
                chi += Math.Pow(counts[a * 6 + b] - runs * first[a] * second[b], 2) / (runs * first[a] * second[b]);
        }
        // 35 degrees of freedom: 66.6 is the 0.1 % point.
        Assert.True(chi < 66.6, $"chi-square {chi}");
    }

    private static IDrafter Build(string name) => name == "ngram" ? new NGramDrafter() : new JacobiDrafter();

    /// <summary>Logits are a function of the last two tokens; a periodic one follows a fixed cycle.</summary>
    private sealed class CyclicTarget(int seed, bool periodic, double sharp = 4) : IVerifier
    {
        private readonly List<int> _read = [];

        public float[][] Read(ReadOnlySpan<int> tokens)
        {
            var rows = new float[tokens.Length][];
            for (var i = 0; i < rows.Length; i++)
            {
                _read.Add(tokens[i]);
                rows[i] = Logits(_read);
            }
            return rows;
        }

        public void Rewind(int length) => _read.RemoveRange(length, _read.Count - length);

        public double[] Probabilities(int[] context)
        {
            var p = new double[6];
            new Sampler(new SamplerConfig()).Distribution(Logits(context), p);
            return p;
        }

        public int[] Greedy(int[] prompt, int count)
        {
            var tokens = prompt.ToList();
            while (tokens.Count < prompt.Length + count)
                tokens.Add(Sampler.ArgMax(Logits(tokens)));
            return tokens.Skip(prompt.Length).ToArray();
        }

        private float[] Logits(IReadOnlyList<int> context)
        {
            if (periodic)
                return Enumerable.Range(0, 6).Select(v => v == (context[^1] + 1) % 6 ? 9f : 0f).ToArray();
            var random = new Random(HashCode(context));
            return Enumerable.Range(0, 6).Select(_ => (float)(sharp * random.NextDouble())).ToArray();
        }

        private int HashCode(IReadOnlyList<int> context)
            => seed * 7919 + context[^1] * 31 + (context.Count > 1 ? context[^2] * 977 : 0) + (sharp > 2 ? context.Count * 13 : 0);
    }
}
