using System.Collections.Concurrent;
using Codec.Audio;
using Codec.Evaluation.Conditions;
using Codec.Evaluation.Metrics;

namespace Codec.Evaluation.Runs;

/// <summary>Sends every file through every condition and measures what comes back. Rows do not depend on the number of jobs.</summary>
public static class EvaluationRunner
{
    /// <summary>Measures everything that the journal does not hold yet; rows that lack some metrics only get those.</summary>
    /// <param name="plan">What to measure.</param>
    /// <param name="progress">Gets the seconds of audio done, over all conditions.</param>
    /// <param name="cancellation">Ends after the rows in work; the journal keeps what is done.</param>
    /// <returns>One row for each file and condition, conditions in the order of the plan.</returns>
    public static IReadOnlyList<EvaluationRow> Run(EvaluationPlan plan, IProgress<EvaluationProgress>? progress, CancellationToken cancellation)
    {
        var conditions = plan.AllConditions;
        using var journal = new RowJournal(plan.Journal, $"codec-eval 2 | {Path.GetFullPath(plan.ReferenceFolder)}");
        var rows = new ConcurrentDictionary<(string, string), EvaluationRow>(StillGood(plan, journal.Done));
        var total = conditions.Count * plan.Files.Count;
        var done = rows.Count(r => Lacks(plan, r.Value, r.Key.Item2).Length == 0);
        Parallel.ForEach(plan.Files, new ParallelOptions { MaxDegreeOfParallelism = Math.Max(1, plan.Jobs), CancellationToken = cancellation }, file =>
        {
            var missing = conditions.Where(c => !rows.TryGetValue((c.Name, file), out var row) || Lacks(plan, row, file).Length > 0).ToArray();
            if (missing.Length == 0)
                return;
            var (reference, problem, warning) = Read(Path.Combine(plan.ReferenceFolder, file));
            foreach (var condition in missing)
            {
                cancellation.ThrowIfCancellationRequested();
                var row = reference is null ? Absent(plan, condition, file, 0, problem)
                    : Measure(plan, condition, file, reference, rows.GetValueOrDefault((condition.Name, file)), cancellation);
                if (warning.Length > 0)
                    row.Problems["reference"] = warning;
                rows[(condition.Name, file)] = row;
                journal.Add(row);
                progress?.Report(new EvaluationProgress(Interlocked.Increment(ref done), total, condition.Name, file));
            }
        });
        var order = conditions.Select((c, i) => (c.Name, i)).ToDictionary(x => x.Name, x => x.i);
        return [.. rows.Values.Select(r => r.Only(plan.MetricsOf(r.File))).OrderBy(r => order[r.Condition]).ThenBy(r => r.File, StringComparer.Ordinal)];
    }

    /// <summary>Metrics of the plan that a row does not hold, or holds as other models gave them.</summary>
    private static Metric[] Lacks(EvaluationPlan plan, EvaluationRow? row, string file)
        => [.. plan.MetricsOf(file).Where(m => row?.Measured.GetValueOrDefault(m.Name) != m.Fingerprint)];

    /// <summary>The newest row of each file and condition that were asked for, if it was made from the same things; what failed is tried again.</summary>
    private static IEnumerable<KeyValuePair<(string, string), EvaluationRow>> StillGood(EvaluationPlan plan, IReadOnlyList<EvaluationRow> done)
    {
        var (conditions, files) = (plan.AllConditions.ToDictionary(c => c.Name), plan.Files.ToHashSet(StringComparer.Ordinal));
        return done.Where(r => !r.Problems.ContainsKey("*") && files.Contains(r.File) && conditions.TryGetValue(r.Condition, out var condition) && r.Fingerprint == Fingerprint(plan, condition, r.File))
            .GroupBy(r => (r.Condition, r.File)).Select(g => KeyValuePair.Create(g.Key, g.Last()));
    }

    private static string Fingerprint(EvaluationPlan plan, ICondition condition, string file)
        => string.Join(' ', FileStamp.Of(Path.Combine(plan.ReferenceFolder, file)), condition.Problem, condition.Fingerprint(file));

    /// <summary>Audio through a condition, in a scratch folder of its own.</summary>
    /// <exception cref="CodecException">The condition failed.</exception>
    public static Transcoded Transcode(ICondition condition, string file, AudioBuffer reference, TimeProvider time, CancellationToken cancellation)
    {
        var scratch = Directory.CreateTempSubdirectory("codec-eval-").FullName;
        try
        {
            return condition.Run(reference, new ConditionContext(file, scratch, time), cancellation);
        }
        finally
        {
            Directory.Delete(scratch, recursive: true);
        }
    }

    /// <summary>A recording, which all its conditions share, and what was odd about it; or why there is none.</summary>
    private static (ReferenceSignal? Audio, string Problem, string Warning) Read(string path)
    {
        try
        {
            using var reader = AudioFile.OpenRead(path);
            var audio = AudioFile.ReadAll(reader, path);
            return audio.Length > 0 ? (new ReferenceSignal(audio), "", string.Join("; ", reader.Warnings)) : (null, $"{path}: holds no samples", "");
        }
        catch (AudioFileException e)
        {
            return (null, e.Message, "");
        }
    }

    private static EvaluationRow Row(EvaluationPlan plan, ICondition condition, string file, double seconds)
        => new() { Condition = condition.Name, File = file, Fingerprint = Fingerprint(plan, condition, file), Seconds = seconds };

    private static EvaluationRow Absent(EvaluationPlan plan, ICondition condition, string file, double seconds, string problem)
        => Row(plan, condition, file, seconds) with { Problems = new() { ["*"] = problem } };

    private static EvaluationRow Measure(EvaluationPlan plan, ICondition condition, string file, ReferenceSignal reference, EvaluationRow? before, CancellationToken cancellation)
    {
        Transcoded result;
        try
        {
            if (condition.Problem is { } problem)
                throw new ConfigException(problem);
            result = Transcode(condition, file, reference.Audio, plan.Time, cancellation);
        }
        catch (CodecException e)
        {
            return Absent(plan, condition, file, reference.Audio.Duration.TotalSeconds, e.Message);
        }
        var row = before ?? Row(plan, condition, file, reference.Audio.Duration.TotalSeconds);
        var pair = new SignalPair(reference, Resampler.Resample(result.Audio, reference.SampleRate), file);
        foreach (var metric in Lacks(plan, before, file))
            Apply(metric, pair, row, plan.Time);
        return row with
        {
            Bytes = result.Bytes,
            EncodeSeconds = result.EncodeTime?.TotalSeconds,
            DecodeSeconds = result.DecodeTime?.TotalSeconds,
            MemoryBytes = result.MemoryBytes,
            ShiftMilliseconds = 1000.0 * pair.Alignment.ShiftSamples / reference.SampleRate,
            GainDecibels = double.IsFinite(pair.Alignment.GainDecibels) ? pair.Alignment.GainDecibels : null,
            CodeCounts = [.. result.CodeCounts.Select(Sparse)],
            BookSizes = [.. result.CodeCounts.Select(c => c.Length)],
        };
    }

    private static void Apply(Metric metric, SignalPair pair, EvaluationRow row, TimeProvider time)
    {
        var start = time.GetTimestamp();
        row.Measured[metric.Name] = metric.Fingerprint;
        foreach (var column in metric.Columns)
        {
            row.Values.Remove(column.Name);
            row.Problems.Remove(column.Name);
        }
        try
        {
            var values = metric.Compute(pair);
            for (var i = 0; i < values.Length; i++)
                if (double.IsFinite(values[i]))
                    row.Values[metric.Columns[i].Name] = values[i];
                else
                    row.Problems[metric.Columns[i].Name] = "the result is not a finite number";
            row.MetricSeconds[metric.Name] = time.GetElapsedTime(start).TotalSeconds;
        }
        catch (CodecException e)
        {
            foreach (var column in metric.Columns)
                row.Problems[column.Name] = e.Message;
        }
    }

    private static int[] Sparse(int[] counts)
        => [.. counts.Select((count, entry) => (count, entry)).Where(x => x.count > 0).SelectMany(x => new[] { x.entry, x.count })];
}

/// <summary>How far a run is.</summary>
/// <param name="Done">Rows.</param>
/// <param name="Total">Rows.</param>
/// <param name="Condition">Just measured.</param>
/// <param name="File">Just measured.</param>
public sealed record EvaluationProgress(int Done, int Total, string Condition, string File);
