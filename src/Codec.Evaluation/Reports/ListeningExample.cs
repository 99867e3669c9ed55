using Codec.Audio;
using Codec.Evaluation.Conditions;
using Codec.Evaluation.Metrics;
using Codec.Evaluation.Runs;

namespace Codec.Evaluation.Reports;

/// <summary>One file through one condition, to look at and to listen to.</summary>
internal sealed record ListeningClip(string Condition, double? Kbps, IReadOnlyDictionary<string, double> Values, string Picture, string Sound);

/// <summary>A file on which the subject did worst, beside what others made of it.</summary>
internal sealed record ListeningExample(string File, IReadOnlyList<ListeningClip> Clips)
{
    private const int Examples = 3, Rivals = 5;
    private const double Seconds = 5;

    /// <summary>
    /// The files with the lowest score of the subject (our codec where there is one, else the first condition), each also from the
    /// reference and from the nearest rate of every other family. Audio is coded anew and cut to five seconds.
    /// </summary>
    public static IReadOnlyList<ListeningExample> Of(EvaluationReport report, EvaluationPlan plan, CancellationToken cancellation)
    {
        if (Subject(report) is not { } subject)
            return [];
        var conditions = plan.AllConditions.Where(c => c is not RecordedPeers.Recorded).ToDictionary(c => c.Name);
        var shown = Shown(report, subject).Where(c => conditions.ContainsKey(c.Name)).ToArray();
        return [.. report.Rows.Where(r => r.Condition == subject.Name && r.Values.ContainsKey(report.Main.Name))
            .OrderBy(r => r.Values[report.Main.Name] * (report.Main.HigherIsBetter ? 1 : -1))
            .Take(Examples)
            .Select(worst => new ListeningExample(worst.File, [.. Transcode(report, plan, worst.File, shown.Select(c => conditions[c.Name]), cancellation)]))];
    }

    /// <summary>The condition that the report is about.</summary>
    public static ConditionSummary? Subject(EvaluationReport report)
    {
        var measured = report.Measured.Where(c => c.Metrics.ContainsKey(report.Main.Name)).ToArray();
        var own = measured.Where(c => c.Family == "native").ToArray();
        return own.Length > 0 ? own[own.Length / 2] : measured.FirstOrDefault();
    }

    private static ConditionSummary[] Shown(EvaluationReport report, ConditionSummary subject)
        => [subject, .. report.Measured.Where(c => c.Family != subject.Family)
            .GroupBy(c => c.Family).Select(g => g.MinBy(c => Math.Abs(Math.Log((c.Kbps ?? 1) / (subject.Kbps ?? 1))))!).Take(Rivals)];

    private static IEnumerable<ListeningClip> Transcode(EvaluationReport report, EvaluationPlan plan, string file, IEnumerable<ICondition> conditions,
        CancellationToken cancellation)
    {
        var reference = AudioFile.Read(Path.Combine(plan.ReferenceFolder, file));
        yield return Clip("reference", null, new Dictionary<string, double>(), reference);
        foreach (var condition in conditions)
        {
            Transcoded result;
            try
            {
                result = EvaluationRunner.Transcode(condition, file, reference, plan.Time, cancellation);
            }
            catch (CodecException)
            {
                continue; // its row says why
            }
            var row = report.Rows.First(r => r.Condition == condition.Name && r.File == file);
            yield return Clip(condition.Name, row.Bytes * 8 / row.Seconds / 1000, row.Values, Resampler.Resample(result.Audio, reference.SampleRate));
        }
    }

    private static ListeningClip Clip(string name, double? kbps, IReadOnlyDictionary<string, double> values, AudioBuffer audio)
    {
        var mono = audio.ToMono();
        var part = mono.Slice(0, Math.Min(mono.Length, (int)(Seconds * mono.SampleRate)));
        return new ListeningClip(name, kbps, values, EmbeddedMedia.Spectrogram(part), EmbeddedMedia.Wav(part));
    }
}
