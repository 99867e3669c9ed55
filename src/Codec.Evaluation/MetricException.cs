using Codec.Audio;

namespace Codec.Evaluation;

/// <summary>A metric that cannot be computed on this input: the message says why, the report leaves the cell empty.</summary>
public sealed class MetricException(string message, Exception? inner = null) : CodecException(message, inner)
{
    /// <exception cref="MetricException">The signal is shorter than the metric's minimum.</exception>
    public static void RequireLength(long samples, long minimum)
    {
        if (samples < minimum)
            throw new MetricException($"needs at least {minimum} samples, found {samples}");
    }
}
