namespace Codec.Speech.Drafting;

/// <summary>Result of one round.</summary>
/// <param name="Accepted">Draft tokens kept.</param>
/// <param name="Emitted">The accepted ones and one token more.</param>
public sealed record SpeculativeRound(int Accepted, int[] Emitted);

/// <summary>
/// Speculative sampling (arXiv 2211.17192, 2302.01318): the emitted tokens have exactly the target's distribution, whatever the draft.
/// </summary>
public static class SpeculativeSampling
{
    /// <summary>min(1, p/q): how likely a drafted token is kept.</summary>
    public static double AcceptProbability(double target, double draft) => draft <= 0 ? 1 : Math.Min(1, target / draft);

    /// <summary>beta = sum min(p, q): share of drafts that are kept.</summary>
    public static double AcceptRate(ReadOnlySpan<double> target, ReadOnlySpan<double> draft)
    {
        double sum = 0;
        for (var i = 0; i < target.Length; i++)
            sum += Math.Min(target[i], draft[i]);
        return sum;
    }

    /// <summary>max(p - q, 0), normalised: what is drawn from after a refusal. Equal distributions give p.</summary>
    public static double[] Residual(ReadOnlySpan<double> target, ReadOnlySpan<double> draft)
    {
        var residual = new double[target.Length];
        double sum = 0;
        for (var i = 0; i < residual.Length; i++)
            sum += residual[i] = Math.Max(0, target[i] - draft[i]);
        if (sum <= 0)
            return target.ToArray();
        for (var i = 0; i < residual.Length; i++)
            residual[i] /= sum;
        return residual;
    }

    /// <summary>Tokens expected per round for a constant acceptance: (1 - beta^(gamma+1)) / (1 - beta).</summary>
    public static double ExpectedTokens(double beta, int gamma)
        => beta >= 1 ? gamma + 1 : (1 - Math.Pow(beta, gamma + 1)) / (1 - beta);

    /// <summary>Judges a draft.</summary>
    /// <param name="draft">gamma tokens, drawn from <paramref name="draftProbs"/>.</param>
    /// <param name="draftProbs">[gamma][V]; null for a draft without probabilities (n-grams, argmax heads): all mass on its token.</param>
    /// <param name="targetProbs">[gamma + 1][V].</param>
    /// <param name="acceptUniforms">[gamma].</param>
    /// <param name="lastUniform">For the token after the accepted ones.</param>
    public static SpeculativeRound Verify(ReadOnlySpan<int> draft, double[][]? draftProbs, double[][] targetProbs,
        ReadOnlySpan<double> acceptUniforms, double lastUniform)
    {
        for (var i = 0; i < draft.Length; i++)
        {
            var q = draftProbs?[i] ?? PointMass(targetProbs[i].Length, draft[i]);
            if (acceptUniforms[i] < AcceptProbability(targetProbs[i][draft[i]], q[draft[i]]))
                continue;
            return new SpeculativeRound(i, [.. draft[..i], Sampling.Sampler.Draw(Residual(targetProbs[i], q), lastUniform)]);
        }
        return new SpeculativeRound(draft.Length, [.. draft, Sampling.Sampler.Draw(targetProbs[draft.Length], lastUniform)]);
    }

    private static double[] PointMass(int vocabulary, int token)
    {
        var mass = new double[vocabulary];
        mass[token] = 1;
        return mass;
    }
}
