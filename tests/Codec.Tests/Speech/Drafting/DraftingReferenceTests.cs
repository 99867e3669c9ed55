using System.Text.Json;
using Codec.Speech.Drafting;
using Codec.Speech.Sampling;

namespace Codec.Tests.Speech.Drafting;

/// <summary>Recorded draft-and-verify rounds (speculative*.json, parallel_decoding*.json).</summary>
[Trait("Category", "Reference")]
public sealed class DraftingReferenceTests
{
    public static IEnumerable<TheoryDataRow<string>> SpeculativeFiles => ReferenceCases.Files("speculative*.json");

    public static IEnumerable<TheoryDataRow<string>> ParallelFiles => ReferenceCases.Files("parallel_decoding*.json");

    [Theory, MemberData(nameof(SpeculativeFiles))]
    public void Speculative_sampling(string file) => ReferenceCases.ForEach(ReferenceCases.Read(file).GetProperty("cases"), c =>
    {
        var tables = c.GetProperty("tables").EnumerateObject().ToDictionary(t => t.Name, t => (P: t.Value.GetProperty("p").Numbers(), Q: t.Value.Optional("q")?.Numbers()));
        foreach (var table in c.GetProperty("tables").EnumerateObject())
        {
            var (p, q) = tables[table.Name];
            if (q is null)
                continue;
            ReferenceCases.Close(table.Value.GetProperty("accept_prob").Numbers(), p.Zip(q, SpeculativeSampling.AcceptProbability).ToArray());
            ReferenceCases.Close(table.Value.Number("accept_rate"), SpeculativeSampling.AcceptRate(p, q));
            ReferenceCases.Close(table.Value.GetProperty("residual").Numbers(), SpeculativeSampling.Residual(p, q));
        }
        foreach (var run in c.GetProperty("runs").EnumerateArray())
        {
            var draft = run.GetProperty("draft").Ints();
            var contexts = Enumerable.Range(0, draft.Length + 1).Select(i => string.Join(" ", draft[..i])).ToArray();
            Assert.Equal(draft, run.GetProperty("u_draft").Numbers().Select((u, i) => Sampler.Draw(tables[contexts[i]].Q, u)));
            var round = SpeculativeSampling.Verify(draft, contexts[..^1].Select(k => tables[k].Q!).ToArray(), contexts.Select(k => tables[k].P).ToArray(),
                run.GetProperty("u_accept").Numbers(), run.Number("u_last"));
            Assert.Equal(run.Int("accepted"), round.Accepted);
            Assert.Equal(run.GetProperty("emitted").Ints(), round.Emitted);
        }
        CheckOutcomes(c, tables!);
    });

    [Theory, MemberData(nameof(ParallelFiles))]
    public void Draft_trees(string file) => ReferenceCases.ForEach(ReferenceCases.Read(file).GetProperty("medusa"), c =>
    {
        var tree = new DraftTree(c.GetProperty("choices").Ints2());
        Assert.Equal(c.Int("nodes"), tree.Nodes);
        Assert.Equal(c.GetProperty("parent").Ints(), tree.Parent);
        Assert.Equal(c.GetProperty("depth").Ints(), tree.Depth);
        Assert.Equal(c.GetProperty("paths").Ints2(), tree.Paths);
        Assert.Equal(c.GetProperty("mask").Ints2().SelectMany(r => r.Select(v => v == 1)), tree.Mask().Cast<bool>());
        var tokens = tree.Tokens(c.Int("base_token"), c.GetProperty("head_logits").Numbers2());
        Assert.Equal(c.GetProperty("node_tokens").Ints(), tokens);
        var target = c.GetProperty("verify_logits").Numbers2();
        Check(c.GetProperty("greedy"), tree.VerifyGreedy(tokens, target), target);
        var typical = c.GetProperty("typical");
        var (temperature, epsilon, delta) = (typical.Number("temperature"), typical.Number("epsilon"), typical.Number("delta"));
        Check(typical, tree.VerifyTypical(tokens, target, temperature, epsilon, delta), target);
        ReferenceCases.Close(typical.GetProperty("threshold").Numbers(), DraftTree.TypicalThresholds(target, temperature, epsilon, delta));
    });

    [Theory, MemberData(nameof(ParallelFiles))]
    public void Monotonic_pointers(string file) => ReferenceCases.ForEach(ReferenceCases.Read(file).GetProperty("monotonic_pointer"), c =>
    {
        var rows = c.GetProperty("probs").Numbers2();
        var uniforms = c.GetProperty("uniforms").Numbers();
        int[] Follow(Func<double[], int, int, int> next)
        {
            // The first frame is at phoneme 0.
            var pointer = new int[rows.Length];
            for (var t = 1; t < rows.Length; t++)
                pointer[t] = next(rows[t], pointer[t - 1], t);
            return pointer;
        }
        var sampled = Follow((row, at, t) => MonotonicPointer.Sample(row, at, uniforms[t]));
        Assert.Equal(c.GetProperty("sampled_pointer").Ints(), sampled);
        Assert.Equal(c.GetProperty("greedy_pointer").Ints(), Follow((row, at, _) => MonotonicPointer.Greedy(row, at)));
        Assert.Equal(c.GetProperty("durations_sampled").Ints(), MonotonicPointer.Durations(sampled, c.Int("N")));
    });

    [Theory, MemberData(nameof(ParallelFiles))]
    public void Codec_merging(string file) => ReferenceCases.ForEach(ReferenceCases.Read(file).GetProperty("codec_merging"), c =>
    {
        var latents = c.GetProperty("latents").Numbers2();
        var books = c.GetProperty("codebooks").Numbers3();
        var (merge, layers) = (c.Int("merge"), c.Int("merged_layers"));
        var (plain, plainAudio) = CodecMerging.Quantize(latents, books, 0, merge);
        var (merged, mergedAudio) = CodecMerging.Quantize(latents, books, layers, merge);
        Assert.Equal(c.GetProperty("codes_plain").Ints2(), plain);
        Assert.Equal(c.GetProperty("codes_merged").Ints2(), merged);
        Assert.Equal(c.GetProperty("kept_codes_of_merged_layers").Ints2(), merged.Take(layers).Select(row => row.Where((_, t) => t % merge == 0).ToArray()));
        foreach (var (expected, actual) in c.GetProperty("reconstruction_merged").Numbers2().Zip(mergedAudio))
            ReferenceCases.Close(expected, actual);
        double Mse(double[][] y) => y.Zip(latents, (a, b) => a.Zip(b, (p, q) => (p - q) * (p - q)).Average()).Average();
        ReferenceCases.Close(c.Number("mse_plain"), Mse(plainAudio));
        ReferenceCases.Close(c.Number("mse_merged"), Mse(mergedAudio));
    });

    private static void Check(JsonElement expected, TreeVerdict actual, double[][] target)
    {
        Assert.Equal(expected.Int("accepted"), actual.Tokens.Length);
        Assert.Equal(expected.Int("path"), actual.Path);
        Assert.Equal(expected.GetProperty("tokens").Ints(), actual.Tokens);
        Assert.Equal(expected.Int("next_token_greedy"), Codec.Speech.LogMath.ArgMax(target[actual.LastNode]));
    }

    // Enumerates all drafts and both verdicts on each token.
    private static void CheckOutcomes(JsonElement c, Dictionary<string, (double[] P, double[] Q)> tables)
    {
        var outcomes = new Dictionary<string, double>();
        var accepted = new double[c.Int("gamma") + 1];
        void Walk(int[] context, double probability)
        {
            var (p, q) = tables[string.Join(" ", context)];
            if (context.Length == c.Int("gamma"))
            {
                Emit(context, p, probability);
                return;
            }
            var refused = probability * (1 - SpeculativeSampling.AcceptRate(p, q));
            if (refused > 0)
                Emit(context, SpeculativeSampling.Residual(p, q), refused);
            for (var v = 0; v < p.Length; v++)
                Walk([.. context, v], probability * q[v] * SpeculativeSampling.AcceptProbability(p[v], q[v]));
        }
        void Emit(int[] context, double[] last, double probability)
        {
            accepted[context.Length] += probability;
            for (var v = 0; v < last.Length; v++)
                outcomes[string.Join(" ", context.Append(v))] = probability * last[v];
        }
        Walk([], 1);
        foreach (var o in c.GetProperty("round_outcomes").EnumerateArray())
            ReferenceCases.Close(o.Number("prob"), outcomes.GetValueOrDefault(string.Join(" ", o.GetProperty("tokens").Ints())));
        foreach (var n in c.GetProperty("prob_accepted").EnumerateObject())
            ReferenceCases.Close(n.Value.Number(), accepted[int.Parse(n.Name)]);
        ReferenceCases.Close(c.Number("expected_tokens_per_round"), accepted.Select((p, n) => p * (n + 1)).Sum());
    }
}
