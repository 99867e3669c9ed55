namespace Codec.Evaluation.Metrics;

/// <summary>
/// Mono samples at one rate and what metrics computed from them: each intermediate result once, however many metrics or conditions ask
/// for it. Results are shared: nobody writes to them. Serves one thread.
/// </summary>
/// <param name="samples">In [-1, 1].</param>
/// <param name="sampleRate">Hz.</param>
public sealed class AnalysedSignal(float[] samples, int sampleRate)
{
    /// <summary>Spectra take ten times the memory of the samples: of longer signals nothing is kept.</summary>
    private const int LongestKeptSeconds = 40;

    private readonly Dictionary<string, (object? Argument, object Value)> _results = [];

    /// <summary>In [-1, 1].</summary>
    public float[] Samples => samples;

    /// <summary>Hz.</summary>
    public int SampleRate => sampleRate;

    /// <summary>Samples.</summary>
    public int Length => samples.Length;

    /// <summary>The samples alone.</summary>
    public static implicit operator ReadOnlySpan<float>(AnalysedSignal signal) => signal.Samples;

    /// <summary>An intermediate result, computed on first use.</summary>
    /// <param name="name">Of the result.</param>
    /// <param name="argument">What it depends on beside the samples; one result is kept for each name, that of the argument asked for last.</param>
    /// <param name="compute">A pure function; its exceptions go through and nothing is kept.</param>
    internal T Get<T>(string name, object? argument, Func<T> compute)
        where T : notnull
    {
        if (_results.TryGetValue(name, out var known) && Equals(known.Argument, argument))
            return (T)known.Value;
        var value = compute();
        if (samples.Length <= (long)LongestKeptSeconds * sampleRate)
            _results[name] = (argument, value);
        return value;
    }

    /// <inheritdoc cref="Get{T}(string, object?, Func{T})"/>
    internal T Get<T>(string name, Func<T> compute)
        where T : notnull
        => Get(name, null, compute);
}
