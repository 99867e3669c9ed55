namespace Codec.Speech;

/// <summary>Arithmetic on log probabilities in double precision.</summary>
public static class LogMath
{
    /// <summary>log(e^a + e^b); -infinity is zero probability.</summary>
    public static double Add(double a, double b)
    {
        if (double.IsNegativeInfinity(a))
            return b;
        if (double.IsNegativeInfinity(b))
            return a;
        return Math.Max(a, b) + Math.Log(1 + Math.Exp(-Math.Abs(a - b)));
    }

    /// <summary>log of the sum of e^values.</summary>
    public static double SumExp(ReadOnlySpan<double> values)
    {
        var max = double.NegativeInfinity;
        foreach (var value in values)
            max = Math.Max(max, value);
        if (double.IsInfinity(max))
            return max;
        double sum = 0;
        foreach (var value in values)
            sum += Math.Exp(value - max);
        return max + Math.Log(sum);
    }

    /// <summary>Logits to log probabilities, in place.</summary>
    public static void LogSoftmax(Span<double> values)
    {
        var total = SumExp(values);
        foreach (ref var value in values)
            value -= total;
    }

    /// <summary>Logits to log probabilities.</summary>
    public static double[] LogSoftmax(ReadOnlySpan<float> logits)
    {
        var values = new double[logits.Length];
        for (var i = 0; i < values.Length; i++)
            values[i] = logits[i];
        LogSoftmax(values);
        return values;
    }

    /// <summary>Index of the largest value, the first of equals.</summary>
    public static int ArgMax(ReadOnlySpan<double> values)
    {
        var best = 0;
        for (var i = 1; i < values.Length; i++)
            if (values[i] > values[best])
                best = i;
        return best;
    }
}
