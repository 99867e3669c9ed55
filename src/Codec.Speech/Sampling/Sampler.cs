namespace Codec.Speech.Sampling;

/// <summary>
/// The one sampler: logits to a filtered distribution, and draws from it. Stateless; keeps scratch memory, so one per thread.
/// </summary>
public sealed class Sampler
{
    private readonly SamplerConfig _config;
    private int[] _order = [];
    private double[] _probabilities = [];

    /// <exception cref="Codec.Audio.ConfigException">A value is out of range.</exception>
    public Sampler(SamplerConfig config) => _config = config.Validate();

    public SamplerConfig Config => _config;

    /// <summary>null + scale * (cond - null), written over <paramref name="cond"/>.</summary>
    public static void Guide(Span<float> cond, ReadOnlySpan<float> unconditional, double scale)
    {
        for (var i = 0; i < cond.Length; i++)
            cond[i] = (float)(unconditional[i] + scale * (cond[i] - unconditional[i]));
    }

    /// <summary>null + scale * (partial + partialScale * (full - partial) - null), written over <paramref name="full"/>.</summary>
    public static void Guide(Span<float> full, ReadOnlySpan<float> partial, ReadOnlySpan<float> unconditional, double scale, double partialScale)
    {
        for (var i = 0; i < full.Length; i++)
            full[i] = (float)(unconditional[i] + scale * (partial[i] + partialScale * (full[i] - partial[i]) - unconditional[i]));
    }

    /// <summary>One token.</summary>
    /// <param name="logits">[V].</param>
    /// <param name="uniform">In [0, 1): inverse CDF.</param>
    /// <param name="history">Earlier tokens of the same book, oldest first; used by the repetition window.</param>
    public int Sample(ReadOnlySpan<float> logits, double uniform, ReadOnlySpan<int> history = default)
    {
        if (_config.Temperature == 0 && (_config.RepetitionWindow == 0 || _config.RepetitionPenalty == 1))
            return ArgMax(logits);
        if (_probabilities.Length < logits.Length)
            _probabilities = new double[logits.Length];
        var probabilities = _probabilities.AsSpan(0, logits.Length);
        Distribution(logits, probabilities, history);
        return _config.DrawDescending ? DrawDescending(probabilities, uniform) : Draw(probabilities, uniform);
    }

    /// <summary>The distribution after all filters.</summary>
    /// <param name="logits">[V].</param>
    /// <param name="probabilities">[V], sums to 1. With temperature 0 all mass is on the first largest logit.</param>
    /// <param name="history">Earlier tokens of the same book, oldest first.</param>
    public void Distribution(ReadOnlySpan<float> logits, Span<double> probabilities, ReadOnlySpan<int> history = default)
    {
        for (var i = 0; i < logits.Length; i++)
            probabilities[i] = logits[i];
        Penalise(probabilities, history);
        if (_config.Temperature == 0)
        {
            var best = LogMath.ArgMax(probabilities);
            probabilities.Clear();
            probabilities[best] = 1;
            return;
        }
        Softmax(probabilities, _config.Temperature);
        if (_config.TopK > 0 && _config.TopK < probabilities.Length)
            KeepTopK(probabilities, _config.TopK);
        if (_config.TopP > 0)
            KeepTopP(probabilities, _config.TopP);
        if (_config.MinP > 0)
            KeepMinP(probabilities, _config.MinP);
    }

    /// <summary>First index whose cumulative mass exceeds <paramref name="uniform"/>, in natural order.</summary>
    public static int Draw(ReadOnlySpan<double> probabilities, double uniform)
    {
        double mass = 0;
        var last = 0;
        for (var i = 0; i < probabilities.Length; i++)
        {
            if (probabilities[i] == 0)
                continue;
            mass += probabilities[i];
            last = i;
            if (mass > uniform)
                return i;
        }
        return last;
    }

    /// <summary>As <see cref="Draw"/>, over the descending order (ties by index).</summary>
    public int DrawDescending(ReadOnlySpan<double> probabilities, double uniform)
    {
        var order = Descending(probabilities);
        double mass = 0;
        foreach (var i in order)
        {
            mass += probabilities[i];
            if (mass > uniform)
                return i;
        }
        return order[0];
    }

    /// <summary>Indexes by descending probability, ties by index.</summary>
    public ReadOnlySpan<int> Descending(ReadOnlySpan<double> probabilities)
    {
        if (_order.Length < probabilities.Length)
            _order = new int[probabilities.Length];
        var order = _order.AsSpan(0, probabilities.Length);
        for (var i = 0; i < order.Length; i++)
            order[i] = i;
        var keys = new double[order.Length];
        for (var i = 0; i < keys.Length; i++)
            keys[i] = -probabilities[i];
        keys.AsSpan().Sort(order, Comparer<double>.Default);
        // Span.Sort is not stable: order equal keys by index.
        for (int start = 0, i = 1; i <= keys.Length; i++)
            if (i == keys.Length || keys[i] != keys[start])
            {
                order[start..i].Sort();
                start = i;
            }
        return order;
    }

    /// <summary>Exponential race: argmax p / e with e ~ Exp(1).</summary>
    public static int Race(ReadOnlySpan<double> probabilities, ReadOnlySpan<double> exponentials)
    {
        var best = -1;
        for (var i = 0; i < probabilities.Length; i++)
            if (probabilities[i] > 0 && (best < 0 || probabilities[i] / exponentials[i] > probabilities[best] / exponentials[best]))
                best = i;
        return best;
    }

    /// <summary>Index of the largest logit, the first of equals.</summary>
    public static int ArgMax(ReadOnlySpan<float> logits)
    {
        var best = 0;
        for (var i = 1; i < logits.Length; i++)
            if (logits[i] > logits[best])
                best = i;
        return best;
    }

    private void Penalise(Span<double> logits, ReadOnlySpan<int> history)
    {
        if (_config.RepetitionPenalty == 1)
            return;
        var recent = history[Math.Max(0, history.Length - _config.RepetitionWindow)..];
        for (var i = 0; i < recent.Length; i++)
        {
            var token = recent[i];
            if ((uint)token < (uint)logits.Length && !recent[..i].Contains(token))
                logits[token] = logits[token] > 0 ? logits[token] / _config.RepetitionPenalty : logits[token] * _config.RepetitionPenalty;
        }
    }

    private static void Softmax(Span<double> values, double temperature)
    {
        var max = double.NegativeInfinity;
        foreach (var value in values)
            max = Math.Max(max, value);
        foreach (ref var value in values)
            value = Math.Exp((value - max) / temperature);
        Normalise(values);
    }

    private void KeepTopK(Span<double> probabilities, int k)
    {
        var least = probabilities[Descending(probabilities)[k - 1]];
        foreach (ref var p in probabilities)
            if (p < least)
                p = 0;
        Normalise(probabilities);
    }

    private void KeepTopP(Span<double> probabilities, double threshold)
    {
        double before = 0;
        foreach (var i in Descending(probabilities))
        {
            var p = probabilities[i];
            if (before > threshold)
                probabilities[i] = 0;
            before += p;
        }
        Normalise(probabilities);
    }

    private static void KeepMinP(Span<double> probabilities, double share)
    {
        var least = share * probabilities[LogMath.ArgMax(probabilities)];
        foreach (ref var p in probabilities)
            if (p < least)
                p = 0;
        Normalise(probabilities);
    }

    private static void Normalise(Span<double> values)
    {
        double sum = 0;
        foreach (var value in values)
            sum += value;
        foreach (ref var value in values)
            value /= sum;
    }
}
