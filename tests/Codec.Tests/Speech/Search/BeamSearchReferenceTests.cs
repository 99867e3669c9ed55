using System.Text.Json;
using Codec.Speech;
using Codec.Speech.Search;

namespace Codec.Tests.Speech.Search;

/// <summary>Recorded searches on explicit tables (beam_search*.json, mbr*.json).</summary>
[Trait("Category", "Reference")]
public sealed class BeamSearchReferenceTests
{
    public static IEnumerable<TheoryDataRow<string>> BeamFiles => ReferenceCases.Files("beam_search*.json");

    public static IEnumerable<TheoryDataRow<string>> MbrFiles => ReferenceCases.Files("mbr*.json");

    [Theory, MemberData(nameof(BeamFiles))]
    public void Textbook_and_greedy(string file) => ForEach(file, (c, model, length) =>
    {
        Match(c.GetProperty("greedy"), Run(model, new BeamConfig { Width = 1, MaxLength = length }).Best);
        foreach (var beam in c.GetProperty("beam").EnumerateArray())
        {
            var result = Run(model, new BeamConfig { Width = beam.Int("k"), MaxLength = length });
            Match(beam.GetProperty("hypotheses"), result.Sequences);
            Assert.Equal(beam.Int("lm_calls"), result.ModelCalls);
        }
    });

    [Theory, MemberData(nameof(BeamFiles))]
    public void A_wide_beam_is_exact(string file) => ForEach(file, (c, model, length) =>
    {
        var expected = c.GetProperty("exact_nbest");
        var all = Run(model, new BeamConfig { Width = 10000, MaxLength = length }).Sequences;
        Match(expected, all.Take(expected.GetArrayLength()).ToArray());
        ReferenceCases.Close(c.Number("total_prob_within_maxlen"), all.Sum(s => Math.Exp(s.RawScore)));
    });

    [Theory, MemberData(nameof(BeamFiles))]
    public void Best_first(string file) => ForEach(file, (c, model, length) =>
    {
        foreach (var beam in c.GetProperty("beam").EnumerateArray())
        {
            var expected = beam.GetProperty("best_first");
            var result = Run(model, new BeamConfig { Width = beam.Int("k"), MaxLength = length, BestFirst = true });
            Match(expected, result.Best);
            Assert.Equal(expected.Int("lm_calls"), result.ModelCalls);
            Assert.Equal(expected.GetProperty("pop_order").EnumerateArray().Select(p => (p[0].GetInt32(), string.Join(",", p[1].Ints()))),
                result.Pops!.Select(p => (p.Length, string.Join(",", p.Tokens))));
            Assert.Equal(expected.GetProperty("pops_per_length").Ints(),
                Enumerable.Range(0, length + 1).Select(n => result.Pops!.Count(p => p.Length == n)));
        }
    });

    [Theory, MemberData(nameof(BeamFiles))]
    public void Patience_and_length_penalty(string file) => ForEach(file, (c, model, length) =>
    {
        foreach (var p in c.GetProperty("patience").EnumerateArray())
        {
            LengthPenalty penalty = p.Optional("length_penalty") is not { } given ? new LengthPenalty.None()
                : given[0].GetString() == "power" ? new LengthPenalty.Power(given[1].GetDouble()) : new LengthPenalty.Gnmt(given[1].GetDouble());
            var result = Run(model, new BeamConfig
            {
                Width = p.Int("k"), MaxLength = length, Ending = new Ending.Patience(p.Number("patience")), LengthPenalty = penalty,
            });
            var finished = p.GetProperty("finished");
            Match(finished, result.Sequences, s => s.RawScore);
            foreach (var (expected, actual) in finished.EnumerateArray().Zip(result.Sequences))
                ReferenceCases.Close(expected.Number("score"), actual.Score);
            Assert.Equal(p.Int("steps"), result.Steps);
            Assert.Equal(p.Int("lm_calls"), result.ModelCalls);
        }
    });

    [Theory, MemberData(nameof(BeamFiles))]
    public void Diverse_groups(string file) => ForEach(file, (c, model, length) =>
    {
        foreach (var d in c.GetProperty("diverse").EnumerateArray())
        {
            var result = Run(model, new BeamConfig
            {
                Width = d.Int("beams_per_group"), MaxLength = length, Groups = d.Int("groups"), DiversityStrength = d.Number("strength"),
            });
            var groups = result.Groups ?? [result.Sequences];
            Assert.Equal(d.Int("groups"), groups.Count);
            foreach (var (expected, actual) in d.GetProperty("result").EnumerateArray().Zip(groups))
                Match(expected, actual);
        }
    });

    [Theory, MemberData(nameof(BeamFiles))]
    public void Arithmetic_sampling(string file) => ForEach(file, (c, model, length) =>
    {
        foreach (var a in c.GetProperty("arithmetic").EnumerateArray())
            foreach (var (expected, code) in a.GetProperty("samples").EnumerateArray().Zip(ArithmeticSampling.Codes(a.Int("N"), a.Number("offset"))))
            {
                var sample = ArithmeticSampling.Decode(model, code, length);
                ReferenceCases.Close(expected.Number("code"), sample.Code);
                Assert.Equal(expected.GetProperty("tokens").Ints(), sample.Tokens);
                ReferenceCases.Close(expected.GetProperty("interval").Numbers(), [sample.Low, sample.High]);
                ReferenceCases.Close(expected.Number("logp"), sample.LogProbability);
            }
    });

    [Theory, MemberData(nameof(MbrFiles))]
    public void Minimum_bayes_risk(string file) => ReferenceCases.ForEach(ReferenceCases.Read(file).GetProperty("cases"), c =>
    {
        var candidates = c.GetProperty("candidates").Ints2();
        var matrix = c.GetProperty("matrix").Numbers2();
        for (var i = 0; i < candidates.Length; i++)
            ReferenceCases.Close(matrix[i], candidates.Select(other => Mbr.EditSimilarity(candidates[i], other)).ToArray());
        foreach (var (name, weights) in new[] { ("uniform", null), ("weighted", c.GetProperty("weights").Numbers()) })
        {
            var (best, expected) = Mbr.Select(candidates, Mbr.EditSimilarity, weights);
            ReferenceCases.Close(c.GetProperty(name).GetProperty("expected_utility").Numbers(), expected);
            Assert.Equal(c.GetProperty(name).Int("best"), best);
        }
    });

    private static BeamResult Run(INextTokenModel model, BeamConfig config) => new BeamSearch(config, model).Run();

    private static void ForEach(string file, Action<JsonElement, INextTokenModel, int> check)
        => ReferenceCases.ForEach(ReferenceCases.Read(file).GetProperty("cases"), c => check(c, Trigram(c), c.Int("maxlen")));

    private static FunctionModel Trigram(JsonElement c)
    {
        var start = c.Int("V");
        var table = c.GetProperty("logits").Numbers3();
        foreach (var row in table.SelectMany(r => r))
            LogMath.LogSoftmax(row);
        return new FunctionModel(start + 1, c.Int("end"), tokens => table[tokens.Length > 1 ? tokens[^2] : start][tokens.Length > 0 ? tokens[^1] : start]);
    }

    private static void Match(JsonElement expected, IReadOnlyList<RankedSequence> actual, Func<RankedSequence, double>? score = null)
    {
        Assert.Equal(expected.GetArrayLength(), actual.Count);
        foreach (var (e, a) in expected.EnumerateArray().Zip(actual))
            Match(e, a, score);
    }

    private static void Match(JsonElement expected, RankedSequence actual, Func<RankedSequence, double>? score = null)
    {
        Assert.Equal(expected.GetProperty("tokens").Ints(), actual.Tokens);
        ReferenceCases.Close(expected.Number("logp"), score?.Invoke(actual) ?? actual.Score);
    }
}
