using System.Text.Json;
using Codec.Speech.Sampling;

namespace Codec.Tests.Speech.Sampling;

/// <summary>Recorded one-step draws (sampling*.json).</summary>
[Trait("Category", "Reference")]
public sealed class SamplerReferenceTests
{
    public static IEnumerable<TheoryDataRow<string>> Files => ReferenceCases.Files("sampling*.json");

    [Theory, MemberData(nameof(Files))]
    public void Distributions_and_draws_are_equal(string file)
        => ReferenceCases.ForEach(ReferenceCases.Read(file).GetProperty("cases"), Check);

    private static void Check(JsonElement c)
    {
        var logits = Array.ConvertAll(c.GetProperty("logits").Numbers(), v => (float)v);
        var sampler = new Sampler(new SamplerConfig { Temperature = c.Number("temperature"), TopK = c.Int("top_k"), TopP = c.Number("top_p") });
        var probabilities = new double[logits.Length];
        sampler.Distribution(logits, probabilities);
        // The sampler takes float logits: 1e-6 instead of the tables' 1e-9.
        ReferenceCases.Close(c.GetProperty("probs").Numbers(), probabilities, 1e-6);
        Assert.Equal(c.GetProperty("sorted_order").Ints().Where(i => probabilities[i] > 0), sampler.Descending(probabilities).ToArray().Where(i => probabilities[i] > 0));
        foreach (var (u, natural, sorted) in c.GetProperty("uniforms").Numbers()
            .Zip(c.GetProperty("tokens_natural_order").Ints(), c.GetProperty("tokens_sorted_order").Ints()))
        {
            Assert.Equal(natural, Sampler.Draw(probabilities, u));
            Assert.Equal(natural, sampler.Sample(logits, u));
            Assert.Equal(sorted, sampler.DrawDescending(probabilities, u));
        }
        foreach (var (exponentials, token) in c.GetProperty("exponentials").Numbers2().Zip(c.GetProperty("tokens_exponential_race").Ints()))
            Assert.Equal(token, Sampler.Race(probabilities, exponentials));
    }
}
