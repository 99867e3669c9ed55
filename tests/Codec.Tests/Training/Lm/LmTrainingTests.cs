using Codec.Audio;
using Codec.Core;
using Codec.Speech.Lm;
using Codec.Speech.Patterns;
using Codec.Speech.Tokens;
using Codec.Training.Lm;
using Codec.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Training.Lm;

public sealed class LmTrainingTests : IDisposable
{
    private static readonly CodebookSpec[] Books = [new(8, 2), new(8)];
    private readonly string _folder = Directory.CreateTempSubdirectory("lm-training").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_shard_gives_back_any_stretch()
    {
        var path = Shard("a", 5);
        using var shard = TokenShard.Open(path);
        Assert.Equal(5, shard.Items.Count);
        for (var i = 0; i < 5; i++)
        {
            var codes = Item(i).Codes;
            Assert.Equal("speaker", shard.Items[i].Speaker);
            Assert.Equal(codes[0][2..5].ToArray(), shard.Read(i, 4, 6)[0]);
            Assert.Equal(codes[1][4..10].ToArray(), shard.Read(i, 4, 6)[1]);
            Assert.Equal(codes[1][6..].ToArray(), shard.Read(i, 6, 1000)[1]);
        }
    }

    [Fact]
    public void Damaged_shards_are_refused()
    {
        var bytes = File.ReadAllBytes(Shard("b", 3));
        void Refused(byte[] damaged)
        {
            var path = Path.Combine(_folder, "damaged.tokens");
            File.WriteAllBytes(path, damaged);
            Assert.Throws<ConfigException>(() =>
            {
                using var shard = TokenShard.Open(path);
                for (var i = 0; i < shard.Items.Count; i++)
                    shard.Read(i, 0, 10000);
            });
        }
        foreach (var length in new[] { 0, 7, 11, 40, bytes.Length - 2 })
            Refused(bytes[..length]);
        Refused([.. bytes[..8], 0xFF, 0xFF, 0xFF, 0x7F, .. bytes[12..]]);
        Refused([.. bytes[..^2], 0xFF, 0xFF]);
    }

    [Fact]
    public void Every_stretch_comes_once_an_epoch_with_little_padding()
    {
        var random = new Random(4);
        TokenShard.Write(Path.Combine(_folder, "c.tokens"), "test", Enumerable.Range(0, 900).Select(_ => random.Next(20, 700)).Select((n, i) =>
            ($"{i}", "", (string?)null, new Codes([new CodebookSpec(4)], [[new int[n]]], n))).ToArray());
        using var corpus = new TokenCorpus([_folder], maxFrames: 400);
        var sampler = new BucketSampler(corpus, 2000, seed: 1);
        List<int> seen = [];
        for (var step = 0L; seen.Count < corpus.Count; step++)
        {
            var batch = sampler.Batch(step);
            Assert.True(batch.Length * batch.Max(corpus.Frames) <= 2000);
            seen.AddRange(batch);
        }
        Assert.Equal(Enumerable.Range(0, corpus.Count), seen.Order());
        Assert.True(sampler.PaddingShare() <= 0.1, $"padding {sampler.PaddingShare():P1}");
        Assert.Equal(new BucketSampler(corpus, 2000, 1).Batch(500), sampler.Batch(500));
    }

    [Fact]
    public void The_loss_is_that_of_each_item_alone_whatever_the_padding()
    {
        using var model = new SpeechLm(Model(Config("x")));
        var loss = new LmLoss(new PatternSpec.Delay(), Books);
        var codes = Enumerable.Range(0, 2).Select(i => Enumerable.Range(0, 2).Select(k => Item(i).Codes[k].ToArray()).ToArray()).ToArray();
        int[] frames = [Item(0).Codes.Frames, Item(1).Codes.Frames];
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var joint = loss.Build(codes, frames, CPU);
        var means = loss.Compute(model, joint).PerBook_K.data<float>().ToArray();
        for (var k = 0; k < 2; k++)
        {
            var sum = 0.0;
            for (var i = 0; i < 2; i++)
            {
                var alone = loss.Build([codes[i]], [frames[i]], CPU);
                Assert.Equal(codes[i][k].Length, alone.Codes[k]);
                sum += loss.Compute(model, alone).PerBook_K.data<float>()[k] * alone.Codes[k];
            }
            Assert.Equal(sum / joint.Codes[k], means[k], 1e-5);
        }
    }

    [Fact]
    public void A_tiny_model_learns_resumes_exactly_and_beats_n_grams()
    {
        Shard("train", 24);
        var whole = Train(Config("whole"), 60);
        Assert.True(whole.First < 2.4 && whole.Last < 0.5 * whole.First, $"{whole.First} -> {whole.Last} nats");
        var stopped = Config("stopped");
        Train(stopped, 25);
        var resumed = Train(stopped, 60);
        Assert.Equal(whole.Last, resumed.Last, 1e-9);
        var (a, b) = (File.ReadAllBytes(Path.Combine(_folder, "whole", "model.safetensors")), File.ReadAllBytes(Path.Combine(_folder, "stopped", "model.safetensors")));
        Assert.Equal(a, b);

        var (model, info) = SpeechLmFile.Load(Path.Combine(_folder, "whole", "model.safetensors"));
        using (model)
            Assert.Equal(new PatternSpec.Delay(), info.Pattern);
        var counts = new TokenStatistics(1, 8);
        for (var i = 0; i < 24; i++)
            counts.Add(Item(i).Codes[1]);
        Assert.True(whole.Last < counts.Nats(Item(0).Codes[1]));
    }

    [Theory]
    [InlineData("text")]
    [InlineData("cross")]
    [InlineData("speaker")]
    public void A_condition_that_tells_the_step_lowers_the_loss(string kind)
    {
        // Few codes, all even or all odd: only the condition knows which before the first.
        var random = new Random(6);
        TokenShard.Write(Path.Combine(_folder, "told.tokens"), "test", Enumerable.Range(0, 120).Select(i =>
            ($"{i}", $"walker {i % 2}", i % 2 == 0 ? "even" : "odd", new Codes([new(8)], [[Enumerable.Range(0, 4).Select(_ => 2 * random.Next(4) + i % 2).ToArray()]], 4))).ToArray()!);
        double Nats(ConditionConfig? told) => Train(Config(kind + (told is null)) with
        {
            Conditions = told, Model = new TransformerConfig { Dim = 24, Layers = 1, Heads = 2, Hidden = 48, CrossAttention = told is not null && kind == "cross" },
            Train = [Path.Combine(_folder, "told.tokens")], Validation = [Path.Combine(_folder, "told.tokens")], Pattern = new PatternSpec.Parallel(), Steps = 50,
        }, 50).Last;
        var told = Nats(kind == "speaker" ? new ConditionConfig { Speakers = 1 } : new ConditionConfig { Text = true });
        Assert.True(told < Nats(null) - 0.05, $"{told}");
    }

    [Fact]
    public void Depth_draft_heads_and_stack_patterns_train_and_come_back()
    {
        TokenShard.Write(Path.Combine(_folder, "even.tokens"), "test", Enumerable.Range(0, 24).Select(i =>
            (i.ToString(), "", (string?)null, new Codes([new(8), new(8)], [[Item(i).Codes[1].ToArray()], [Item(i).Codes[1].ToArray()]], Item(i).Codes.Frames))).ToArray());
        var basic = Config("x") with { Train = [Path.Combine(_folder, "even.tokens")], Validation = [Path.Combine(_folder, "even.tokens")] };
        foreach (var config in new[]
        {
            basic with { Depth = basic.Model with { WeightSets = 1, Positions = PositionKind.None }, Run = Path.Combine(_folder, "depth") },
            basic with { DraftHeads = 2, Pattern = new PatternSpec.Flat(), BookPositions = true, Run = Path.Combine(_folder, "draft") },
            basic with { Pattern = new PatternSpec.StackDelay(new FrameSchedule.RunAhead()), Run = Path.Combine(_folder, "stack") },
        })
        {
            var (first, last) = Train(config.Validate(), 60);
            Assert.True(last < 0.8 * first, $"{config.Run}: {first} -> {last}");
            var (model, info) = SpeechLmFile.Load(Path.Combine(config.Run, "model.safetensors"));
            using (model)
                Assert.Equal((config.Pattern, config.DraftHeads, config.Depth is null), (info.Pattern, model.Draft?.Count ?? 0, model.Depth is null));
        }
    }

    private (double First, double Last) Train(LmTrainConfig config, long stop)
    {
        using var trainer = new LmTrainer(config, CPU, resume: true);
        using var cancel = new CancellationTokenSource();
        var reports = new List<double>();
        trainer.Run(report =>
        {
            reports.Add(report.Values["loss"]);
            if (report.Step == stop)
                cancel.Cancel();
        }, cancellation: cancel.Token);
        return (reports[0], trainer.Validate().Values["nats"]);
    }

    private LmTrainConfig Config(string run) => new LmTrainConfig
    {
        Model = new TransformerConfig { Dim = 24, Layers = 1, Heads = 2, Hidden = 48 },
        Train = [_folder], Validation = [_folder], Run = Path.Combine(_folder, run),
        MaxFrames = 40, BatchFrames = 160, Steps = 60, LogEvery = 1, ValidateEvery = 1000,
        Schedule = new Schedule { LearningRate = 2e-2, WarmupSteps = 5 }, Optimizer = new AdamWConfig { Beta1 = 0.9, Beta2 = 0.95, AverageDecay = 0.8 },
    }.Validate();

    private static SpeechLmConfig Model(LmTrainConfig config) => new() { Transformer = config.Model, Vocabulary = [8, 8], DirectHeads = 2 };

    private string Shard(string name, int items)
    {
        var path = Path.Combine(_folder, name + ".tokens");
        TokenShard.Write(path, "test", Enumerable.Range(0, items).Select(Item).ToArray());
        return path;
    }

    // A walk that a model can learn: each code is the one before plus a step that depends on the recording.
    private static (string Name, string Speaker, string? Text, Codes Codes) Item(int i)
    {
        var frames = 20 + 3 * (i % 7);
        int[] Walk(int count, int step) => Enumerable.Range(0, count).Select(t => (i + step * t) % 8).ToArray();
        return ($"item {i}", "speaker", null, new Codes(Books, [[Walk((frames + 1) / 2, 3)], [Walk(frames, 1 + 2 * (i % 2))]], frames));
    }
}
