using Codec.Audio;
using Codec.Speech.Sampling;

namespace Codec.Tests.Speech.Sampling;

public sealed class SamplerTests
{
    private static readonly float[] Logits = [1, 3, -2, 3, 0.5f];

    [Fact]
    public void Greedy_takes_the_first_of_equals()
        => Assert.Equal(1, new Sampler(SamplerConfig.Greedy).Sample(Logits, 0.99));

    [Fact]
    public void Min_p_keeps_what_is_probable_enough()
    {
        var p = new double[5];
        new Sampler(new SamplerConfig { MinP = 0.5 }).Distribution(Logits, p);
        Assert.Equal([0, 0.5, 0, 0.5, 0], p.Select(v => Math.Round(v, 12)));
    }

    [Fact]
    public void Repeated_tokens_of_the_window_lose()
    {
        var sampler = new Sampler(new SamplerConfig { Temperature = 0, RepetitionWindow = 2, RepetitionPenalty = 10 });
        Assert.Equal(1, sampler.Sample(Logits, 0, [1, 0, 0]));
        Assert.Equal(3, sampler.Sample(Logits, 0, [0, 1, 1]));
        Assert.Equal(0, sampler.Sample(Logits, 0, [3, 1]));
    }

    [Fact]
    public void A_penalty_makes_negative_logits_smaller()
    {
        var (plain, penalised) = (new double[2], new double[2]);
        new Sampler(new SamplerConfig()).Distribution([-1, -1], plain);
        new Sampler(new SamplerConfig { RepetitionWindow = 1, RepetitionPenalty = 2 }).Distribution([-1, -1], penalised, [0]);
        Assert.Equal(0.5, plain[0], 12);
        Assert.Equal(1 / (1 + Math.E), penalised[0], 12);
    }

    [Fact]
    public void Guidance_extrapolates()
    {
        float[] cond = [2, 1];
        Sampler.Guide(cond, [1, 1], 3);
        Assert.Equal([4, 1], cond);
    }

    [Fact]
    public void Uniforms_depend_on_seed_and_index_only_and_are_uniform()
    {
        var numbers = new SeededUniforms(7);
        Assert.Equal(numbers[3], new SeededUniforms(7)[3]);
        Assert.NotEqual(numbers[3], new SeededUniforms(8)[3]);
        var draws = Enumerable.Range(0, 20000).Select(i => numbers[i]).ToArray();
        Assert.All(draws, u => Assert.InRange(u, 0, 1 - 1e-17));
        Assert.Equal(0.5, draws.Average(), 0.01);
        Assert.Equal(1 / 12.0, draws.Average(u => (u - 0.5) * (u - 0.5)), 0.003);
        Assert.Equal(0, draws.Zip(draws.Skip(1), (a, b) => (a - 0.5) * (b - 0.5)).Average(), 0.003);
    }

    [Theory]
    [InlineData(-1, 0, 0)]
    [InlineData(1, 2, 0)]
    [InlineData(1, 0, -0.1)]
    public void Values_out_of_range_are_refused(double temperature, double topP, double minP)
        => Assert.Throws<ConfigException>(() => new Sampler(new SamplerConfig { Temperature = temperature, TopP = topP, MinP = minP }));
}
