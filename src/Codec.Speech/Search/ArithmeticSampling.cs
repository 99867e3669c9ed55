namespace Codec.Speech.Search;

/// <summary>A sequence drawn by arithmetic sampling.</summary>
/// <param name="Tokens">The end token included.</param>
/// <param name="Low">Its interval of [0, 1) ...</param>
/// <param name="High">... whose length is its probability.</param>
public sealed record ArithmeticSample(double Code, int[] Tokens, double Low, double High)
{
    public double LogProbability => Math.Log(High - Low);
}

/// <summary>
/// N diverse, independent-looking samples in parallel (arXiv 2210.15458): each sequence owns an interval of [0, 1), and
/// evenly spaced codes with one random offset pick sequences. Unbiased, and embarrassingly parallel.
/// </summary>
public static class ArithmeticSampling
{
    /// <summary>The codes (i / (N+1) + offset) mod 1 for i = 1..N.</summary>
    public static double[] Codes(int count, double offset)
        => Enumerable.Range(1, count).Select(i => ((double)i / (count + 1) + offset) % 1).ToArray();

    /// <summary>The sequence of one code.</summary>
    /// <param name="model">Next-token log probabilities.</param>
    /// <param name="code">In [0, 1).</param>
    /// <param name="maxLength">Tokens with the end token; the last can only be the end.</param>
    public static ArithmeticSample Decode(INextTokenModel model, double code, int maxLength)
    {
        List<int> tokens = [];
        var hypothesis = Hypothesis.Empty;
        var (low, width, local) = (0.0, 1.0, code);
        while (tokens.Count < maxLength && (tokens.Count == 0 || tokens[^1] != model.End))
        {
            var (token, start, mass) = (model.End, 0.0, 1.0);
            if (tokens.Count < maxLength - 1)
                (token, start, mass) = Pick(model.LogProbabilities([hypothesis])[0], local);
            low += width * start;
            width *= mass;
            local = Math.Clamp((local - start) / mass, 0, 1);
            tokens.Add(token);
            hypothesis = hypothesis.Extend(token, 0);
        }
        return new ArithmeticSample(code, tokens.ToArray(), low, low + width);
    }

    private static (int Token, double Start, double Mass) Pick(double[] logProbabilities, double code)
    {
        double start = 0;
        var last = (Token: -1, Start: 0.0, Mass: 0.0);
        for (var token = 0; token < logProbabilities.Length; token++)
        {
            var mass = Math.Exp(logProbabilities[token]);
            if (mass == 0)
                continue;
            last = (token, start, mass);
            if (code < start + mass)
                return last;
            start += mass;
        }
        return last;
    }
}
