using Codec.Audio;
using Codec.Core;
using Codec.Speech.Patterns;

namespace Codec.Tests.Speech.Patterns;

public sealed class PatternTests
{
    private static readonly CodebookSpec[] MultiScale = [new(16, 4), new(16, 2), new(16)];

    public static TheoryData<PatternSpec> Specs => new((PatternSpec[])[
        new PatternSpec.Parallel(), new PatternSpec.Delay(), new PatternSpec.Delay([0, 2, 2], FlattenFirst: 3), new PatternSpec.Flat(),
        new PatternSpec.Flat([0, 1, 1], [0, 2, 2]), new PatternSpec.CoarseFirst(), new PatternSpec.MusicLm(3), new PatternSpec.Stack(),
        new PatternSpec.StackDelay(new FrameSchedule.Stride(2)), new PatternSpec.StackDelay(new FrameSchedule.RunAhead())]);

    [Theory, MemberData(nameof(Specs))]
    public void Every_code_of_a_multi_scale_codec_returns(PatternSpec spec)
    {
        var pattern = spec.Build(MultiScale, frames: 11);
        int[][] codes = [[1, 2, 3], [11, 12, 13, 14, 15, 16], [.. Enumerable.Range(20, 11)]];
        Assert.Equal(codes, pattern.Revert(pattern.Build(codes, -1), -5));
    }

    [Theory, MemberData(nameof(Specs))]
    public void Generation_writes_every_code_once_and_keeps_the_prompt(PatternSpec spec)
    {
        var pattern = spec.Build(MultiScale, frames: 11);
        int[][] prompt = [[7], [8, 8], [9, 9, 9, 9]];
        var state = new GenerationState(pattern, [16, 16, 16], prompt);
        void Finish()
        {
            for (var complete = 0; !state.IsFinished; complete = state.CompleteFrames)
            {
                Assert.InRange(state.CompleteFrames, complete, 11);
                state.Write([state.Step, state.Step, state.Step]);
            }
        }
        Finish();
        var first = state.Codes();
        state.Rewind((state.PromptSteps + state.Steps) / 2);
        Assert.Contains(-1, state.Codes().SelectMany(r => r));
        Finish();
        Assert.Equal(first, state.Codes());
        var codes = state.Codes();
        Assert.Equal(11, state.CompleteFrames);
        Assert.DoesNotContain(-1, codes.SelectMany(r => r));
        for (var q = 0; q < 3; q++)
            Assert.Equal(prompt[q], codes[q][..prompt[q].Length]);
    }

    [Fact]
    public void Flat_order_of_three_scales_is_coarse_before_fine()
    {
        var pattern = new PatternSpec.Flat().Build(MultiScale, frames: 4);
        Coordinate[] order = [new(0, 0), new(0, 1), new(0, 2), new(1, 2), new(1, 1), new(2, 2), new(3, 2)];
        Assert.Equal(order, pattern.Steps.SelectMany(s => s));
    }

    [Theory]
    [InlineData(2, 6)]
    [InlineData(4, 10)]
    [InlineData(8, 40)]
    public void Stride_2_keeps_neighbours_out_of_one_pass(int books, int frames)
        => Assert.True(StackPlan.StackDelay(books, frames, new FrameSchedule.Stride(2)).MinFrameDistance >= 2);

    [Theory]
    [InlineData(2, 20)]
    [InlineData(4, 33)]
    [InlineData(8, 100)]
    public void Run_ahead_keeps_neighbours_apart_with_bounded_waiting(int books, int frames)
    {
        var plan = StackPlan.StackDelay(books, frames, new FrameSchedule.RunAhead());
        Assert.True(plan.MinFrameDistance >= 2, $"distance {plan.MinFrameDistance}");
        Assert.Equal(Enumerable.Range(0, frames), plan.Order.Order());
        var done = plan.Pattern.StepsUntilComplete();
        for (var n = 1; n <= frames; n++)
            Assert.True(done[n - 1] <= n + 2 * books, $"{n} frames wait for step {done[n - 1]}");
    }

    [Theory]
    [InlineData(3, 9)]
    [InlineData(4, 17)]
    public void A_stack_position_never_sees_what_its_own_or_a_later_pass_decodes(int books, int frames)
    {
        foreach (var schedule in new FrameSchedule[] { new FrameSchedule.Identity(), new FrameSchedule.Stride(3), new FrameSchedule.Window(2), new FrameSchedule.RunAhead() })
        {
            var known = new HashSet<Coordinate>();
            foreach (var step in StackPlan.StackDelay(books, frames, schedule).Steps())
            {
                foreach (var t in step.Complete)
                    for (var q = 0; q < books; q++)
                        Assert.Contains(new Coordinate(t, q), known);
                foreach (var (t, levels) in step.Partial)
                    for (var q = 0; q < levels; q++)
                        Assert.Contains(new Coordinate(t, q), known);
                foreach (var c in step.Decode)
                    Assert.True(known.Add(c));
            }
            Assert.Equal(books * frames, known.Count);
        }
    }

    [Fact]
    public void Logits_revert_to_the_codes_they_predict()
    {
        var pattern = new PatternSpec.Delay().Build(2, 3);
        // Output s of book q, entry v carries the number 100 q + 10 s + v.
        var outputs = Enumerable.Range(0, 2 * 4 * 2).Select(i => (float)(100 * (i / 8) + 10 * (i / 2 % 4) + i % 2)).ToArray();
        Assert.Equal([0, 1, 10, 11, 20, 21, 110, 111, 120, 121, 130, 131], pattern.RevertLogits(outputs, 2));
    }

    [Fact]
    public void Wrong_parameters_are_refused()
    {
        Assert.Throws<ConfigException>(() => new PatternSpec.Delay([1, 0]).Build(2, 3));
        Assert.Throws<ConfigException>(() => new PatternSpec.Delay([0]).Build(2, 3));
        Assert.Throws<ConfigException>(() => new PatternSpec.Flat([0, 0], [0, 1]).Build(2, 3));
        Assert.Throws<ConfigException>(() => new PatternSpec.MusicLm(2).Build(3, 3));
        Assert.Throws<ConfigException>(() => new Pattern([[new(0, 0), new(1, 0)]], 2, [1]));
        Assert.Throws<ConfigException>(() => new Pattern([[new(1, 0)], [new(0, 0)]], 2, [1]));
        Assert.Throws<ConfigException>(() => new Pattern([[new(0, 0)], [new(0, 0)]], 2, [1]));
    }
}
