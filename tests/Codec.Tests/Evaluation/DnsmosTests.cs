using Codec.Evaluation;
using Codec.Evaluation.Dnsmos;
using Codec.Evaluation.Metrics;

namespace Codec.Tests.Evaluation;

public sealed class DnsmosTests
{
    [Fact, Trait("Category", "Reference")]
    public void Scores_match()
    {
        using var model = new DnsmosScore(SharedFolder.Require("metrics", "models", "dnsmos"));
        foreach (var pair in MetricPairs.All().Where((_, i) => i % 3 == 0)) // all 15 pass; five keep the suite fast
        {
            var expected = pair.Values.GetProperty("dnsmos_degraded");
            var found = model.P835(pair.Degraded[0]);
            Assert.Equal(expected.GetProperty("dnsmos_sig").GetDouble(), found[0], 0.01);
            Assert.Equal(expected.GetProperty("dnsmos_bak").GetDouble(), found[1], 0.01);
            Assert.Equal(expected.GetProperty("dnsmos_ovrl").GetDouble(), found[2], 0.01);
            Assert.Equal(expected.GetProperty("dnsmos_p808").GetDouble(), model.P808(pair.Degraded[0]), 0.01);
        }
    }

    [Fact]
    public void A_folder_without_models_is_refused() => Assert.Throws<MetricException>(() => new DnsmosScore(Path.GetTempPath()));

    [Theory]
    [InlineData("a b c d", "a b c d", 0)]
    [InlineData("a b c d", "a x c", 2)]
    [InlineData("a b", "", 2)]
    [InlineData("", "a", 1)]
    [InlineData("the cat sat", "cat sat down", 2)]
    public void Word_edits_are_counted(string expected, string found, int edits)
        => Assert.Equal(edits, RecognizerMetrics.Edits(expected.Split(' ', StringSplitOptions.RemoveEmptyEntries), found.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
}
