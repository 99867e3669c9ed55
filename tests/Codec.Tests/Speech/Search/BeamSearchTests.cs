using Codec.Audio;
using Codec.Speech;
using Codec.Speech.Search;

namespace Codec.Tests.Speech.Search;

public sealed class BeamSearchTests
{
    private const int End = 5;

    // A random model over six tokens: each context of two tokens has its own distribution.
    private static readonly FunctionModel Model = new(6, End, tokens =>
    {
        var random = new Random(17 + 31 * (tokens.Length > 0 ? tokens[^1] : 9) + 7 * (tokens.Length > 1 ? tokens[^2] : 9));
        var row = Enumerable.Range(0, 6).Select(_ => 3 * random.NextDouble()).ToArray();
        LogMath.LogSoftmax(row);
        return row;
    });

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(8)]
    public void Settings_at_their_neutral_values_change_nothing(int width)
    {
        var plain = Run(new BeamConfig { Width = width, MaxLength = 7 });
        Same(plain, Run(new BeamConfig { Width = width, MaxLength = 7, Groups = 1, DiversityStrength = 2, RequiredPhrases = [], LengthPenalty = new LengthPenalty.Power(0) }));
        var diverse = Run(new BeamConfig { Width = width, MaxLength = 7, Groups = 2, DiversityStrength = 0 });
        foreach (var group in diverse.Groups!)
            Assert.Equal(plain.Sequences.Select(s => string.Join(",", s.Tokens)), group.Select(s => string.Join(",", s.Tokens)));
        var bestFirst = Run(new BeamConfig { Width = width, MaxLength = 7, BestFirst = true });
        Assert.Equal(plain.Best.Tokens, bestFirst.Best.Tokens);
        Assert.True(bestFirst.ModelCalls <= plain.ModelCalls);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(20)]
    public void Every_result_holds_the_required_phrases(int width)
    {
        foreach (Ending ending in new Ending[] { new Ending.Compete(), new Ending.Patience() })
        {
            var result = Run(new BeamConfig { Width = width, MaxLength = 9, Ending = ending, RequiredPhrases = [[4, 4, 1], [2, 0]] });
            Assert.NotEmpty(result.Sequences);
            foreach (var sequence in result.Sequences)
            {
                var text = string.Concat(sequence.Tokens);
                Assert.Contains("441", text);
                Assert.Contains("20", text);
                Assert.Equal(End, sequence.Tokens[^1]);
            }
        }
    }

    [Fact]
    public void With_a_wide_beam_the_constrained_answer_is_the_best_of_all_that_hold_the_phrase()
    {
        var all = Run(new BeamConfig { Width = 100000, MaxLength = 5 }).Sequences;
        var best = all.First(s => string.Concat(s.Tokens).Contains("31"));
        Assert.Equal(best.Tokens, Run(new BeamConfig { Width = 100000, MaxLength = 5, RequiredPhrases = [[3, 1]] }).Best.Tokens);
    }

    [Fact]
    public void Arithmetic_samples_cover_the_distribution()
    {
        // With many evenly spaced codes the share of a sequence is its probability to within 1/N.
        const int count = 400;
        var samples = ArithmeticSampling.Codes(count, 0.37).Select(code => ArithmeticSampling.Decode(Model, code, 3)).ToArray();
        foreach (var group in samples.GroupBy(s => string.Join(",", s.Tokens)))
            Assert.Equal(group.First().High - group.First().Low, group.Count() / (double)count, 2.0 / count);
    }

    [Fact]
    public void Settings_that_exclude_each_other_are_refused()
    {
        Assert.Throws<ConfigException>(() => Run(new BeamConfig { MaxLength = 3, BestFirst = true, LengthPenalty = new LengthPenalty.Power(1) }));
        Assert.Throws<ConfigException>(() => Run(new BeamConfig { MaxLength = 3, Groups = 2, Ending = new Ending.Patience() }));
        Assert.Throws<ConfigException>(() => Run(new BeamConfig { MaxLength = 0 }));
    }

    private static BeamResult Run(BeamConfig config) => new BeamSearch(config, Model).Run();

    private static void Same(BeamResult a, BeamResult b)
    {
        Assert.Equal(a.ModelCalls, b.ModelCalls);
        Assert.Equal(a.Sequences.Select(s => (string.Join(",", s.Tokens), s.Score)), b.Sequences.Select(s => (string.Join(",", s.Tokens), s.Score)));
    }
}
