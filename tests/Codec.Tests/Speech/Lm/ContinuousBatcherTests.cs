using Codec.Speech.Lm;
using Codec.Speech.Patterns;
using Codec.Speech.Sampling;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Speech.Lm;

public sealed class ContinuousBatcherTests
{
    private static readonly SamplerConfig Sampling = new() { TopK = 6, RepetitionWindow = 3, RepetitionPenalty = 1.2 };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Sessions_that_come_and_go_give_what_they_give_alone(bool shared)
    {
        using var model = TinyLm.Build(11);
        using var prompt = randn(1, 4, 16);
        var jobs = Enumerable.Range(0, 6).Select(i => (Frames: 5 + 3 * i, Seed: (ulong)(90 + i), Prompt: Prompt(i))).ToArray();
        var alone = jobs.Select(job => Run(model, shared ? prompt : null, 1, [job])[0]).ToArray();
        var together = Run(model, shared ? prompt : null, 3, jobs);
        for (var i = 0; i < jobs.Length; i++)
            Assert.Equal(alone[i], together[i]);
        Assert.DoesNotContain(-1, alone[0][0]);
    }

    [Fact]
    public void Alone_equals_the_plain_generator()
    {
        using var model = TinyLm.Build(12);
        var job = (Frames: 9, Seed: 5UL, Prompt: Prompt(2));
        var pattern = new PatternSpec.Delay().Build(2, job.Frames);
        var start = new GenerationState(pattern, [12, 12], job.Prompt).PromptSteps;
        var uniforms = new SeededUniforms(job.Seed);
        var plain = new PatternGenerator(model, Sampling).Generate(pattern, [job.Prompt], (step, _, book) => uniforms[(long)(start + step) * 2 + book])[0];
        Assert.Equal(plain, Run(model, null, 1, [job])[0]);
    }

    [Fact]
    public void A_removed_session_does_not_disturb_the_others()
    {
        using var model = TinyLm.Build(13);
        var job = (Frames: 12, Seed: 7UL, Prompt: Prompt(5));
        var alone = Run(model, null, 1, [job])[0];
        using var batcher = new ContinuousBatcher(model, 3, 64, chunk: 2);
        var doomed = Add(batcher, (20, 1UL, Prompt(1)));
        var waiting = Add(batcher, (20, 2UL, Prompt(9)));
        var kept = Add(batcher, job);
        for (var i = 0; i < 4; i++)
            batcher.Step();
        batcher.Remove(doomed);
        batcher.Remove(waiting);
        while (!kept.IsFinished)
            batcher.Step();
        Assert.Equal(alone, kept.State.Codes());
    }

    private static int[][]? Prompt(int i) => i == 0 ? null : [Enumerable.Range(0, i).Select(t => t % 12).ToArray(), Enumerable.Range(0, i).Select(t => 5 * t % 12).ToArray()];

    private static LmSession Add(ContinuousBatcher batcher, (int Frames, ulong Seed, int[][]? Prompt) job)
        => batcher.Add(new PatternSpec.Delay().Build(2, job.Frames), Sampling, job.Seed, job.Prompt);

    private static int[][][] Run(SpeechLm model, Tensor? prompt, int slots, (int Frames, ulong Seed, int[][]? Prompt)[] jobs)
    {
        using var batcher = new ContinuousBatcher(model, slots, 64, chunk: 3);
        if (prompt is not null)
            batcher.SharePrompt(prompt);
        var sessions = jobs.Take(2).Select(job => Add(batcher, job)).ToList();
        for (var step = 0; sessions.Count < jobs.Length || sessions.Any(s => !s.IsFinished); step++)
        {
            batcher.Step();
            if (step % 2 == 1 && sessions.Count < jobs.Length)
                sessions.Add(Add(batcher, jobs[sessions.Count]));
        }
        return sessions.Select(s => s.State.Codes()).ToArray();
    }
}
