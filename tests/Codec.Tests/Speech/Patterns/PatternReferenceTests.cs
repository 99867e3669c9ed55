using System.Text.Json;
using Codec.Audio;
using Codec.Speech.Patterns;

namespace Codec.Tests.Speech.Patterns;

/// <summary>Recorded pattern tables (patterns*.json, stack_delay*.json).</summary>
[Trait("Category", "Reference")]
public sealed class PatternReferenceTests
{
    public static IEnumerable<TheoryDataRow<string>> PatternFiles => ReferenceCases.Files("patterns*.json");

    public static IEnumerable<TheoryDataRow<string>> StackFiles => ReferenceCases.Files("stack_delay*.json");

    [Theory, MemberData(nameof(PatternFiles))]
    public void Tables_are_equal(string file)
        => ReferenceCases.ForEach(ReferenceCases.Read(file).GetProperty("cases"), Check);

    [Theory, MemberData(nameof(StackFiles))]
    public void Stack_plans_are_equal(string file)
        => ReferenceCases.ForEach(ReferenceCases.Read(file).GetProperty("cases"), CheckStack);

    /// <summary>The pattern option that a case's name and parameters mean.</summary>
    internal static PatternSpec Spec(string name, JsonElement parameters)
    {
        int[]? List(string key) => parameters.Optional(key)?.Ints();
        int Number(string key, int otherwise) => parameters.Optional(key)?.GetInt32() ?? otherwise;
        return name switch
        {
            "parallel" => new PatternSpec.Parallel(Number("empty_initial", 0)),
            "delay" => new PatternSpec.Delay(List("delays"), Number("flatten_first", 0), Number("empty_initial", 0)),
            "unroll" => new PatternSpec.Flat(List("flattening"), List("delays")),
            "coarse_first" => new PatternSpec.CoarseFirst(List("delays")),
            "musiclm" => new PatternSpec.MusicLm(Number("group_by", 2)),
            _ => throw new NotSupportedException(name),
        };
    }

    private static void Check(JsonElement c)
    {
        var (books, frames) = (c.Int("K"), c.Int("T"));
        if (c.TryGetProperty("error", out _))
        {
            Assert.Throws<ConfigException>(() => Spec(c.GetProperty("pattern").GetString()!, c.GetProperty("params")).Build(books, frames));
            return;
        }
        var pattern = Spec(c.GetProperty("pattern").GetString()!, c.GetProperty("params")).Build(books, frames);
        Assert.Equal(c.GetProperty("layout").EnumerateArray().Select(s => s.Ints2().Select(p => new Coordinate(p[0], p[1])).ToArray()), pattern.Steps.Select(s => s.ToArray()));
        Assert.Equal(c.Int("num_sequence_steps"), pattern.SequenceSteps);
        Assert.Equal(c.Int("max_delay"), pattern.MaxDelay);
        Assert.Equal(c.Int("valid_layout_len"), pattern.ValidSteps);
        Assert.Equal(c.GetProperty("starts_with_special").GetBoolean(), pattern.StartsWithSpecial);
        CheckBuild(pattern, c.GetProperty("build"), validOnly: false);
        CheckBuild(pattern, c.GetProperty("build_valid"), validOnly: true);
        foreach (var cut in c.GetProperty("truncated").EnumerateArray())
        {
            Assert.Equal(cut.GetProperty("revert_index").Ints2(), pattern.RevertIndex(cut.Int("S")));
            var sequence = pattern.Build(Numbered(books, frames), -1).Select(row => row[..cut.Int("S")]).ToArray();
            Assert.Equal(cut.GetProperty("revert_codes").Ints2(), pattern.Revert(sequence, -5));
        }
        if (c.Optional("shorter_codes") is { } shorter)
            Assert.Equal(shorter.GetProperty("index").Ints2(), pattern.BuildIndex(shorter.Int("T_codes")));
        foreach (var at in c.GetProperty("steps_with_timestep").EnumerateObject())
        {
            var steps = pattern.StepsOf(int.Parse(at.Name)).ToArray();
            Assert.Equal(at.Value.GetProperty("steps").Ints(), steps.Select(s => s.Step));
            Assert.Equal(at.Value.Int("first_step"), steps[0].Step);
            Assert.Equal(at.Value.Int("first_step_q_last"), steps.First(s => s.Book == books - 1).Step);
        }
    }

    private static void CheckBuild(Pattern pattern, JsonElement expected, bool validOnly)
    {
        var index = pattern.BuildIndex(validOnly: validOnly);
        var codes = Numbered(pattern.Books, pattern.Frames);
        Assert.Equal(expected.GetProperty("index").Ints2(), index);
        Assert.Equal(index.Select(r => r.Select(i => i != pattern.CodeCount())), pattern.Mask(validOnly: validOnly).Select(r => r.AsEnumerable()));
        var steps = index[0].Length;
        var sequence = pattern.Build(codes, -1, validOnly);
        Assert.Equal(index.Select(r => r.Select(i => i == pattern.CodeCount() ? -1 : codes[i / pattern.Frames][i % pattern.Frames])), sequence.Select(r => r.AsEnumerable()));
        Assert.Equal(expected.GetProperty("revert_index").Ints2(), pattern.RevertIndex(steps));
        Assert.Equal(expected.GetProperty("revert_codes").Ints2(), pattern.Revert(sequence, -5));
        Assert.Equal(expected.GetProperty("logits_index").Ints2(), pattern.RevertLogitsIndex(steps, validOnly));
    }

    private static void CheckStack(JsonElement c)
    {
        var (books, frames) = (c.Int("K"), c.Int("T"));
        var m = c.Optional("m")?.GetInt32() ?? 0;
        FrameSchedule schedule = c.GetProperty("schedule_kind").GetString() switch
        {
            "identity" => new FrameSchedule.Identity(),
            "stride" => new FrameSchedule.Stride(m),
            "window" => new FrameSchedule.Window(m),
            var other => throw new NotSupportedException(other),
        };
        var staggered = c.GetProperty("pattern").GetString() == "stack_delay";
        var plan = staggered ? StackPlan.StackDelay(books, frames, schedule) : StackPlan.Stack(books, frames);
        Assert.Equal(c.GetProperty("schedule").Ints(), plan.Order);
        Assert.Equal(c.Int("num_steps"), plan.Passes);
        Assert.Equal(c.Int("positions_per_step_max"), plan.MaxPositions);
        Assert.Equal(c.Optional("min_frame_distance_in_step")?.GetInt32(), plan.MinFrameDistance);
        var left = c.GetProperty("left_neighbour_when_level0_is_decoded");
        Assert.Equal((left.Int("complete"), left.Int("partial"), left.Int("not_started")), plan.LeftNeighbours());
        PatternSpec spec = staggered ? new PatternSpec.StackDelay(schedule) : new PatternSpec.Stack();
        foreach (var pattern in new[] { plan.Pattern, spec.Build(books, frames) })
        {
            Assert.Equal(c.GetProperty("sequence").Ints2(), pattern.Build(Numbered(books, frames), -1));
            Assert.Equal(c.GetProperty("revert_step").Ints2(), pattern.RevertIndex().Select((row, q) => row.Select(i => i - q * (pattern.SequenceSteps + 1)).ToArray()));
            Assert.Equal(c.GetProperty("steps_until_first_n_frames_complete").Ints(), pattern.StepsUntilComplete());
        }
        CheckCounts(c.GetProperty("counts"), books, frames, schedule);
        if (c.Optional("steps") is { } steps)
            foreach (var (expected, actual) in steps.EnumerateArray().Zip(plan.Steps()))
            {
                Assert.Equal(expected.GetProperty("decode").Ints2(), actual.Decode.Select(d => new[] { d.Time, d.Book }));
                Assert.Equal(expected.GetProperty("complete").Ints(), actual.Complete);
                Assert.Equal(expected.GetProperty("partial").Ints2(), actual.Partial.Select(p => new[] { p.Frame, p.Levels }));
            }
    }

    private static void CheckCounts(JsonElement counts, int books, int frames, FrameSchedule schedule)
    {
        var flat = new PatternSpec.Flat().Build(books, frames);
        var delay = new PatternSpec.Delay().Build(books, frames);
        var stack = StackPlan.Stack(books, frames);
        var stackDelay = StackPlan.StackDelay(books, frames, schedule);
        var steps = counts.GetProperty("steps");
        var cache = counts.GetProperty("long_term_kv_entries");
        var queries = counts.GetProperty("query_positions_total");
        foreach (var (name, pattern) in new[] { ("flat", flat), ("delay", delay) })
            foreach (var table in new[] { steps, cache, queries })
                Assert.Equal(table.Int(name), pattern.SequenceSteps);
        foreach (var (name, plan) in new[] { ("stack", stack), ("stack_delay", stackDelay) })
        {
            Assert.Equal(steps.Int(name), plan.Passes);
            Assert.Equal(cache.Int(name), plan.LongTermEntries);
            Assert.Equal(queries.Int(name), plan.QueryPositions);
        }
    }

    private static int[][] Numbered(int books, int frames)
        => Enumerable.Range(0, books).Select(q => Enumerable.Range(0, frames).Select(t => 1000 * (q + 1) + t).ToArray()).ToArray();
}
