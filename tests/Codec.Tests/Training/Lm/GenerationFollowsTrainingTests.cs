using Codec.Core;
using Codec.Speech.Lm;
using Codec.Speech.Patterns;
using Codec.Speech.Sampling;
using Codec.Tests.Speech.Lm;
using Codec.Training.Lm;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Training.Lm;

/// <summary>What a model generates step by step is what the training axis, teacher-forced, says is most probable.</summary>
public sealed class GenerationFollowsTrainingTests
{
    private const int Frames = 11;
    private static readonly CodebookSpec[] Books = [new(12), new(12), new(12)];

    public static TheoryData<PatternSpec, bool> Patterns => new()
    {
        { new PatternSpec.Parallel(), false }, { new PatternSpec.Delay(), false }, { new PatternSpec.Delay([0, 1, 1]), true }, { new PatternSpec.Flat(), false },
        { new PatternSpec.Flat(), true }, { new PatternSpec.CoarseFirst(), false }, { new PatternSpec.MusicLm(1), true }, { new PatternSpec.Stack(), false },
        { new PatternSpec.Stack(), true }, { new PatternSpec.StackDelay(), false }, { new PatternSpec.StackDelay(new FrameSchedule.Stride(2)), true },
        { new PatternSpec.StackDelay(new FrameSchedule.Window(2)), false }, { new PatternSpec.StackDelay(new FrameSchedule.RunAhead()), true },
    };

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Greedy_codes_are_the_teacher_forced_argmax(PatternSpec spec, bool levels)
    {
        using var model = Model(levels, depth: false);
        int[][] prompt = [[3, 1, 4], [1, 5, 9], [2, 6, 5]];
        var rows = Generate(model, spec, [prompt, null], SamplerConfig.Greedy);
        Assert.Equal(prompt[1], rows[0][1][..3]);
        Assert.Equal(rows[0], Generate(model, spec, [prompt], SamplerConfig.Greedy)[0]);
        Check(model, spec, levels, rows[1], from: 0);
        Check(model, spec, levels, rows[0], from: 3);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void So_do_those_of_a_depth_transformer(int delay)
    {
        using var model = Model(levels: false, depth: true);
        var spec = new PatternSpec.Delay([0, delay, delay]);
        var rows = Generate(model, spec, [null, [[1, 2], [3, 4], [5, 6]]], SamplerConfig.Greedy);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var loss = new LmLoss(spec, Books);
        // No other code at any place would be more probable: the loss of each is that of the argmax.
        var best = loss.Compute(model, loss.Build([rows[0]], [Frames], CPU)).PerBook_K.data<float>().ToArray();
        for (var k = 0; k < 3; k++)
        {
            var changed = rows[0].Select(r => (int[])r.Clone()).ToArray();
            changed[k][Frames - 1] = (changed[k][Frames - 1] + 1) % 12;
            Assert.True(loss.Compute(model, loss.Build([changed], [Frames], CPU)).PerBook_K.data<float>()[k] > best[k]);
        }
    }

    [Fact]
    public void Guidance_of_one_changes_nothing_and_double_guidance_is_its_formula()
    {
        using var model = Model(levels: false, depth: false);
        var plain = Generate(model, new PatternSpec.Delay(), [null], SamplerConfig.Greedy);
        Assert.Equal(plain, Generate(model, new PatternSpec.Delay(), [null], SamplerConfig.Greedy with { PartialGuidance = 1 }));
        float[] full = [1, 2], partial = [3, 5], none = [2, -1];
        Sampler.Guide(full, partial, none, 3, 2);
        Assert.Equal([2 + 3 * (3 + 2 * (1 - 3) - 2), -1 + 3 * (5 + 2 * (2 - 5) + 1)], full);
    }

    private static void Check(SpeechLm model, PatternSpec spec, bool levels, int[][] codes, int from)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var batch = new LmLoss(spec, Books, levels).Build([codes], [Frames], CPU);
        var hidden = model.HiddenAt(batch.Tokens_BKS, batch.Positions);
        Assert.Equal([Frames, Frames, Frames], batch.Codes.Select(c => (int)c));
        for (var k = 0; k < 3; k++)
        {
            var targets = batch.Targets_BKS[0][k].data<long>().ToArray();
            var guesses = model.Head(hidden, k)[0].argmax(-1).data<long>().ToArray();
            var wrong = Enumerable.Range(0, targets.Length).Count(s => targets[s] >= 0 && targets[s] != guesses[s]);
            Assert.InRange(wrong, 0, from);
        }
    }

    private static int[][][] Generate(SpeechLm model, PatternSpec spec, int[][]?[] prompts, SamplerConfig sampler)
        => StackPlan.Of(spec, 3, Frames) is { } plan
            ? new StackGenerator(model, sampler).Generate(plan, prompts, (_, _, _) => 0.5)
            : new PatternGenerator(model, sampler).Generate(spec.Build(Books, Frames), prompts, (_, _, _) => 0.5);

    private static SpeechLm Model(bool levels, bool depth)
    {
        var transformer = new TransformerConfig { Dim = 16, Layers = 2, Heads = 4, KeyValueHeads = 2, Hidden = 24 };
        random.manual_seed(7);
        var model = new SpeechLm(new SpeechLmConfig
        {
            Transformer = transformer, Vocabulary = [12, 12, 12], DirectHeads = depth ? 1 : 3, BookPositions = levels,
            Depth = depth ? new DepthConfig { Transformer = transformer with { Layers = 1, WeightSets = 2, Positions = PositionKind.None }, Streams = 2 } : null,
        });
        using (no_grad())
            foreach (var parameter in model.parameters())
                if (parameter.dim() > 1)
                    nn.init.normal_(parameter, 0, 0.4);
        model.eval();
        return model;
    }
}
