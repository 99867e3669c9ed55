using Codec.Audio;
using Codec.Evaluation.Conditions;

namespace Codec.Evaluation.Metrics;

/// <summary>
/// Machine perception by an outside recogniser (Debian's pocketsphinx): word error rates of the degraded audio against what it understands
/// of the reference (no transcript is needed, and the recogniser's own errors on clean speech do not count), and against the transcript.
/// Thread-safe.
/// </summary>
/// <param name="searchPath">Where the program is looked for, as in PATH.</param>
/// <param name="transcripts">What was said; null where that is not known.</param>
public sealed class RecognizerMetrics(string? searchPath, Transcripts? transcripts)
{
    private const int Rate = 16000;

    /// <summary>The search that the program's manual recommends where time matters: one pass, bounded beams, Gaussians at every second frame.</summary>
    private static readonly string[] FirstPassOnly = ["-fwdflat", "no", "-bestpath", "no", "-ds", "2", "-maxwpf", "5", "-maxhmmpf", "3000"];

    private readonly string? _program = ExternalProgram.Find("pocketsphinx_continuous", searchPath);

    /// <summary>The program and the transcripts.</summary>
    internal string Fingerprint => $"{FileStamp.Of(_program)} {transcripts?.Fingerprint}";

    /// <summary>Edits of words / words of the reference's hypothesis; then of the transcript (NaN where it is not known).</summary>
    /// <exception cref="MetricException">The program is not installed or fails, or it understands nothing of the reference.</exception>
    public double[] WordErrorRates(SignalPair pair)
    {
        var (reference, degraded) = pair.At(Rate);
        var expected = Heard(reference);
        if (expected.Length == 0)
            throw new MetricException("the recogniser understands nothing of the reference");
        var found = reference.Samples.AsSpan().SequenceEqual(degraded.Samples) ? expected : Heard(degraded);
        var said = transcripts?.Words(pair.File) ?? [];
        return [(double)Edits(expected, found) / expected.Length, said.Length == 0 ? double.NaN : (double)Edits(said, found) / said.Length];
    }

    /// <summary>Levenshtein distance of word sequences.</summary>
    public static int Edits(IReadOnlyList<string> expected, IReadOnlyList<string> found)
    {
        var row = Enumerable.Range(0, found.Count + 1).ToArray();
        for (var i = 1; i <= expected.Count; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= found.Count; j++)
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (expected[i - 1] == found[j - 1] ? 0 : 1)));
        }
        return row[^1];
    }

    private string[] Heard(AnalysedSignal signal) => signal.Get("pocketsphinx", () => Listen(signal.Samples));

    private string[] Listen(float[] signal)
    {
        var program = _program ?? throw new MetricException("pocketsphinx_continuous is not installed (Debian: apt-get install pocketsphinx pocketsphinx-en-us)");
        var path = Path.Combine(Path.GetTempPath(), $"codec-eval-{Guid.NewGuid():N}.raw");
        try
        {
            RawFile.Write(path, signal);
            var (_, output) = ExternalProgram.Run(program, ["-infile", path, "-logfn", "/dev/null", .. FirstPassOnly], CancellationToken.None);
            return output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        }
        catch (ConfigException e)
        {
            throw new MetricException(e.Message, e);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
