using System.Text.Json;
using Codec.Speech;
using Codec.Speech.Ctc;
using Codec.Speech.Search;

namespace Codec.Tests.Speech.Ctc;

/// <summary>CTC prefix scores and joint CTC/attention searches (ctc_attention_joint*.json).</summary>
[Trait("Category", "Reference")]
public sealed class JointDecodingReferenceTests
{
    public static IEnumerable<TheoryDataRow<string>> Files => ReferenceCases.Files("ctc_attention_joint*.json");

    [Theory, MemberData(nameof(Files))]
    public void Prefix_scores(string file) => ReferenceCases.ForEach(ReferenceCases.Read(file).GetProperty("cases"), c =>
    {
        var scorer = Scorer(c);
        foreach (var p in c.GetProperty("prefix").EnumerateArray())
        {
            var prefix = p.GetProperty("prefix").Ints().Aggregate(Hypothesis.Empty, (h, label) => h.Extend(label, 0));
            foreach (var next in p.GetProperty("log_prefix_score_next").EnumerateObject())
                ReferenceCases.Close(next.Value.Number(), scorer.PrefixScore(prefix, int.Parse(next.Name)));
            ReferenceCases.Close(p.Number("log_complete"), scorer.CompleteScore(prefix));
            ReferenceCases.Close(p.GetProperty("forward_nonblank").Numbers(), scorer.Forward(prefix).NonBlank);
            ReferenceCases.Close(p.GetProperty("forward_blank").Numbers(), scorer.Forward(prefix).Blank);
        }
    });

    [Theory, MemberData(nameof(Files))]
    public void Joint_searches(string file) => ReferenceCases.ForEach(ReferenceCases.Read(file).GetProperty("cases"), c =>
    {
        foreach (var s in c.GetProperty("search").EnumerateArray())
        {
            var found = Search(c, s, s.Int("beam"), s.Optional("pre_beam")?.GetInt32()).Sequences.Where(r => r.Score > -1e8).ToArray();
            var expected = s.GetProperty("nbest");
            Assert.True(found.Length >= expected.GetArrayLength(), $"{found.Length} found, {expected.GetArrayLength()} expected");
            foreach (var (e, a) in expected.EnumerateArray().Zip(found))
            {
                ReferenceCases.Close(e.Number("score"), a.Score);
                Assert.Equal(e.GetProperty("tokens").Ints()[1..], a.Tokens);
            }
        }
    });

    [Theory, MemberData(nameof(Files))]
    public void A_wide_search_finds_the_best_of_all(string file) => ReferenceCases.ForEach(ReferenceCases.Read(file).GetProperty("cases"), c =>
    {
        foreach (var x in c.GetProperty("exact").EnumerateArray())
        {
            var best = x.GetProperty("nbest")[0];
            var found = Search(c, x, 4000, null, new Ending.Patience(1e9)).Best;
            ReferenceCases.Close(best.Number("score"), found.Score);
            Assert.Equal(best.GetProperty("labels").Ints(), found.Tokens[..^1]);
        }
    });

    private static BeamResult Search(JsonElement c, JsonElement s, int width, int? preBeam, Ending? ending = null)
    {
        var end = c.Int("eos");
        var attention = c.GetProperty("attention_logits").Numbers3();
        foreach (var row in attention.SelectMany(p => p))
            LogMath.LogSoftmax(row);
        var lm = CtcReferenceTests.LogSoftmax(c.GetProperty("lm_logits").Numbers2());
        var start = c.Int("sos");
        var vocabulary = c.Int("V");
        var ctcWeight = s.Number("ctc_weight");
        return new BeamSearch(
            new BeamConfig { Width = width, MaxLength = c.Int("T"), Ending = ending ?? new Ending.Detect(), PreBeam = preBeam, TokenBonus = s.Number("length_bonus") },
            [
                (new FunctionModel(vocabulary, end, y => attention[y.Length][y.Length == 0 ? start : y[^1]]), 1 - ctcWeight),
                (new FunctionModel(vocabulary, end, y => lm[y.Length == 0 ? start : y[^1]]), s.Number("lm_weight")),
            ],
            [(Scorer(c), ctcWeight)]).Run();
    }

    private static CtcPrefixScorer Scorer(JsonElement c)
        => new(CtcReferenceTests.LogSoftmax(c.GetProperty("ctc_logits").Numbers2()), c.Int("eos"), c.Int("blank"));
}
