using Codec.Speech.Lm;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Lm;

/// <summary>What a change of a model (rounded weights) costs.</summary>
/// <param name="ReferenceNats">Mean nats per code of the reference.</param>
/// <param name="ChangedNats">Of the changed model.</param>
/// <param name="Divergence">Mean Jensen-Shannon divergence of their next-code distributions, nats: 0 = equal, log 2 = disjoint.</param>
/// <param name="SameArgMax">Share of places with the same most probable code.</param>
/// <param name="Codes">Codes compared.</param>
public sealed record LmDifference(double ReferenceNats, double ChangedNats, double Divergence, double SameArgMax, long Codes);

/// <summary>Compares two models of one vocabulary on held-out tokens.</summary>
public static class LmComparison
{
    /// <param name="reference">In evaluation mode.</param>
    /// <param name="changed">In evaluation mode.</param>
    /// <param name="batches">Held-out batches.</param>
    public static LmDifference Compare(SpeechLm reference, SpeechLm changed, IEnumerable<LmBatch> batches)
    {
        using var mode = inference_mode();
        var sums = new double[4];
        long codes = 0;
        foreach (var batch in batches)
        {
            using var scope = NewDisposeScope();
            var (a, b) = (reference.Hidden(batch.Tokens_BKS), changed.Hidden(batch.Tokens_BKS));
            for (var k = 0; k < reference.Streams; k++)
            {
                var targets = batch.Targets_BKS.select(1, k).flatten();
                var places = targets.ge(0).nonzero().squeeze(1);
                var wanted = targets.index_select(0, places).unsqueeze(1);
                Tensor LogProbs(SpeechLm model, Tensor hidden) => model.Head(hidden, k).flatten(0, 1).index_select(0, places).to(ScalarType.Float64).log_softmax(-1);
                var (p, q) = (LogProbs(reference, a), LogProbs(changed, b));
                var middle = logaddexp(p, q) - Math.Log(2);
                sums[0] -= p.gather(1, wanted).sum().item<double>();
                sums[1] -= q.gather(1, wanted).sum().item<double>();
                sums[2] += 0.5 * (p.exp() * (p - middle) + q.exp() * (q - middle)).sum().item<double>();
                sums[3] += p.argmax(-1).eq(q.argmax(-1)).sum().item<long>();
                codes += wanted.shape[0];
            }
        }
        return new LmDifference(sums[0] / codes, sums[1] / codes, sums[2] / codes, sums[3] / codes, codes);
    }
}
