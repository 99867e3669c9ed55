using System.Text.Json;
using Codec.Audio;
using Codec.Speech;
using Codec.Speech.Ctc;
using Codec.Speech.Search;

namespace Codec.Tests.Speech.Ctc;

/// <summary>Recorded CTC cases (ctc_*.json).</summary>
[Trait("Category", "Reference")]
public sealed class CtcReferenceTests
{
    public static IEnumerable<TheoryDataRow<string>> LossFiles => ReferenceCases.Files("ctc_loss*.json");

    public static IEnumerable<TheoryDataRow<string>> AlignFiles => ReferenceCases.Files("ctc_align*.json");

    public static IEnumerable<TheoryDataRow<string>> BeamFiles => ReferenceCases.Files("ctc_beam*.json");

    public static IEnumerable<TheoryDataRow<string>> SegmentationFiles => ReferenceCases.Files("ctc_segmentation*.json");

    [Theory, MemberData(nameof(LossFiles))]
    public void Loss_and_gradient(string file) => ReferenceCases.ForEach(ReferenceCases.Read(file).GetProperty("cases"), c =>
    {
        var logits_TBV = c.GetProperty("logits").Numbers3();
        var lengths = c.GetProperty("input_lengths").Ints();
        var targets = c.GetProperty("targets").Ints2();
        var blank = c.Int("blank");
        double[][] Frames(int b) => LogSoftmax(logits_TBV.Take(lengths[b]).Select(row => row[b]).ToArray());
        var losses = targets.Select((labels, b) => CtcLoss.Compute(Frames(b), labels, blank)).ToArray();
        CheckReductions(c.GetProperty("plain"), losses, targets);
        CheckReductions(c.GetProperty("zero_infinity"), losses.Select(l => double.IsInfinity(l) ? 0 : l).ToArray(), targets);
        foreach (var name in new[] { "plain", "zero_infinity" })
            if (c.GetProperty(name).Optional("grad_sum_wrt_logits") is { } gradients)
                for (var b = 0; b < targets.Length; b++)
                {
                    var (_, gradient) = CtcLoss.WithGradient(Frames(b), targets[b], blank);
                    for (var t = 0; t < logits_TBV.Length; t++)
                        ReferenceCases.Close(gradients[t][b].Numbers(), t < lengths[b] ? gradient[t] : new double[c.Int("V")], 2e-8);
                }
    });

    [Theory, MemberData(nameof(AlignFiles))]
    public void Alignment(string file) => ReferenceCases.ForEach(ReferenceCases.Read(file).GetProperty("cases"), c =>
    {
        var logProbs = LogSoftmax(c.GetProperty("logits").Numbers2());
        var targets = c.GetProperty("targets").Ints();
        if (c.Optional("infeasible") is { } infeasible && infeasible.GetBoolean())
        {
            Assert.Throws<CodecException>(() => CtcAlignment.Find(logProbs, targets, c.Int("blank")));
            return;
        }
        var alignment = CtcAlignment.Find(logProbs, targets, c.Int("blank"));
        Assert.Equal(c.GetProperty("path").Ints(), alignment.Path);
        Assert.Equal(c.GetProperty("token_index").Ints(), alignment.TokenIndex);
        ReferenceCases.Close(c.Number("path_logp"), alignment.LogProbability);
        ReferenceCases.Close(c.GetProperty("frame_logp").Numbers(), alignment.Path.Select((v, t) => logProbs[t][v]).ToArray());
        ReferenceCases.Close(c.Number("total_logp"), -CtcLoss.Compute(logProbs, targets, c.Int("blank")));
        var spans = c.GetProperty("spans").EnumerateArray().ToArray();
        Assert.Equal(spans.Select(s => (s.Int("token"), s.Int("start"), s.Int("end"))), alignment.Spans.Select(s => (s.Token, s.Start, s.End)));
        ReferenceCases.Close(spans.Select(s => s.Number("score")).ToArray(), alignment.Spans.Select(s => s.Score).ToArray());
    });

    [Theory, MemberData(nameof(BeamFiles))]
    public void Greedy_and_prefix_beam(string file)
    {
        var root = ReferenceCases.Read(file);
        foreach (var list in new[] { "cases", "large" })
            if (root.Optional(list) is { } cases)
                ReferenceCases.ForEach(cases, CheckBeams);
    }

    [Theory, MemberData(nameof(SegmentationFiles))]
    public void Segmentation(string file) => ReferenceCases.ForEach(ReferenceCases.Read(file).GetProperty("cases"), c =>
    {
        var segmenter = new CtcSegmenter(new CtcSegmenterConfig
        {
            Subsampling = c.Int("subsampling"), BlankThreshold = c.Int("blank_threshold"),
            SpikeThreshold = c.Number("spike_threshold"), MinAccumulated = c.Int("min_accumulated"),
        });
        var left = c.Int("total_input_frames");
        foreach (var block in c.GetProperty("blocks").EnumerateArray())
        {
            var frames = Math.Min(left, c.Int("block"));
            left -= frames;
            var reset = segmenter.Add(block.GetProperty("probs").Numbers2(), frames, block.GetProperty("best_hyp_ends_with_eos").GetBoolean());
            Assert.Equal(block.Int("n_blank_frames"), segmenter.BlankFrames);
            Assert.Equal(block.Int("n_accumulated"), segmenter.AccumulatedFrames);
            Assert.Equal(block.GetProperty("reason").GetString() switch { null => CtcReset.None, "ctc" => CtcReset.Blanks, _ => CtcReset.End }, reset);
            Assert.Equal(block.GetProperty("reset").GetBoolean(), reset != CtcReset.None);
        }
    });

    private static void CheckBeams(JsonElement c)
    {
        var logProbs = LogSoftmax(c.GetProperty("logits").Numbers2());
        var blank = c.Int("blank");
        var greedy = c.GetProperty("greedy");
        var (labels, path, pathScore) = CtcDecoder.Greedy(logProbs, blank);
        Assert.Equal(greedy.GetProperty("labels").Ints(), labels);
        Assert.Equal(greedy.GetProperty("path").Ints(), path);
        ReferenceCases.Close(greedy.Number("path_logp"), pathScore);
        ReferenceCases.Close(greedy.Number("label_logp"), -CtcLoss.Compute(logProbs, labels, blank));
        if (c.Optional("exact_nbest") is { } exact)
            Match(exact, "logp", CtcDecoder.PrefixBeam(logProbs, 100000, blank: blank), exact.GetArrayLength());
        foreach (var beam in c.GetProperty("beam").EnumerateObject())
        {
            Match(beam.Value, "score", CtcDecoder.PrefixBeam(logProbs, int.Parse(beam.Name), blank: blank), beam.Value.GetArrayLength());
            foreach (var hypothesis in beam.Value.EnumerateArray())
                if (hypothesis.Optional("exact_logp") is { } exactScore)
                    ReferenceCases.Close(exactScore.Number(), -CtcLoss.Compute(logProbs, hypothesis.GetProperty("labels").Ints(), blank));
        }
        if (c.Optional("lm") is not { } lm)
            return;
        var table = LogSoftmax(lm.GetProperty("bigram_logits").Numbers2());
        var end = table[0].Length - 1;
        var start = table.Length - 1;
        int Previous(int[] prefix) => prefix.Length == 0 ? start : prefix[^1];
        var model = new CtcLanguageModel((prefix, next) => table[Previous(prefix)][next], lm.Number("alpha"), lm.Number("beta"),
            lm.GetProperty("use_eos").GetBoolean() ? prefix => table[Previous(prefix)][end] : null);
        if (lm.Optional("exact_nbest") is { } exactLm)
            Match(exactLm, "score", CtcDecoder.PrefixBeam(logProbs, 100000, model, blank), exactLm.GetArrayLength());
        foreach (var beam in lm.GetProperty("beam").EnumerateObject())
            Match(beam.Value, "score", CtcDecoder.PrefixBeam(logProbs, int.Parse(beam.Name), model, blank), beam.Value.GetArrayLength());
    }

    private static void Match(JsonElement expected, string score, IReadOnlyList<CtcResult> actual, int count)
    {
        Assert.True(actual.Count >= count);
        foreach (var (e, a) in expected.EnumerateArray().Zip(actual))
        {
            ReferenceCases.Close(e.Optional(score)?.Number() ?? e.Number("score"), a.Score);
            Assert.Equal(e.GetProperty("labels").Ints(), a.Labels);
        }
    }

    private static void CheckReductions(JsonElement expected, double[] losses, int[][] targets)
    {
        ReferenceCases.Close(expected.GetProperty("none").Numbers(), losses, 1e-8);
        ReferenceCases.Close(expected.Number("sum"), losses.Sum(), 1e-8);
        ReferenceCases.Close(expected.Number("mean"), losses.Zip(targets, (l, t) => l / Math.Max(1, t.Length)).Average(), 1e-8);
    }

    internal static double[][] LogSoftmax(double[][] rows)
    {
        foreach (var row in rows)
            LogMath.LogSoftmax(row);
        return rows;
    }
}
