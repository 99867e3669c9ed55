using Codec.Audio;

namespace Codec.Evaluation.Conditions;

/// <summary>Something that audio is sent through: a codec at one rate, a folder with results of another system, a control.</summary>
public interface ICondition
{
    /// <summary>Unique in a run, e.g. "opus@12".</summary>
    string Name { get; }

    /// <summary>Curve that the condition belongs to, e.g. "opus".</summary>
    string Family { get; }

    /// <summary>Bits per second that were asked for; null where there is none.</summary>
    double? NominalBitsPerSecond { get; }

    /// <summary>True for the controls that every run includes.</summary>
    bool IsControl => false;

    /// <summary>Why it cannot run here, with what to do about it; null where it can.</summary>
    string? Problem { get; }

    /// <summary>What a result depends on beside the name: weights, programs, files. A row of an earlier run counts only where it is the same.</summary>
    /// <param name="relativePath">The reference below its folder.</param>
    string Fingerprint(string relativePath) => "";

    /// <summary>Audio there and back. Thread-safe.</summary>
    /// <param name="input">The reference.</param>
    /// <param name="context">Its file, a folder for temporary files, the clock.</param>
    /// <param name="cancellation">Ends external programs.</param>
    /// <exception cref="CodecException">It failed; the message says how.</exception>
    Transcoded Run(AudioBuffer input, ConditionContext context, CancellationToken cancellation);
}

/// <summary>What a condition gets beside the audio.</summary>
/// <param name="RelativePath">The reference below its folder.</param>
/// <param name="Scratch">An empty folder of its own; removed afterwards.</param>
/// <param name="Time">Measures speed.</param>
public sealed record ConditionContext(string RelativePath, string Scratch, TimeProvider Time);

/// <summary>What came back.</summary>
/// <param name="Audio">At any rate.</param>
public sealed record Transcoded(AudioBuffer Audio)
{
    /// <summary>Bytes on disk, container and all; null where nothing was coded.</summary>
    public long? Bytes { get; init; }

    /// <summary>Wall time.</summary>
    public TimeSpan? EncodeTime { get; init; }

    /// <summary>Wall time.</summary>
    public TimeSpan? DecodeTime { get; init; }

    /// <summary>Peak resident memory of encoder or decoder; for codecs in this process, of the process.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>How often each entry of each book was used; empty for other kinds.</summary>
    public IReadOnlyList<int[]> CodeCounts { get; init; } = [];
}
