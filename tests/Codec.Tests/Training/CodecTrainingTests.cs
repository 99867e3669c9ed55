using Codec.Audio;
using Codec.Core.Codecs.Native;
using Codec.Core.Quantizers;
using Codec.Training.Codecs;
using Codec.Training.Data;
using Codec.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Training;

/// <summary>A tiny run on synthetic vowels.</summary>
public sealed class CodecTrainingTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("codec-train-").FullName;

    public CodecTrainingTests()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "audio"));
        for (var i = 0; i < 3; i++)
            WriteWav(Path.Combine(_folder, "audio", $"{i}.wav"), Vowel(16000, 110 + 40 * i));
    }

    private static short[] Vowel(int samples, double hz)
        => Enumerable.Range(0, samples).Select(t =>
        {
            double x = 0;
            for (var h = 1; h < 12; h++)
                x += Math.Sin(2 * Math.PI * hz * h * t / 16000) / h;
            return (short)(4000 * x * (0.6 + 0.4 * Math.Sin(2 * Math.PI * 3 * t / 16000)));
        }).ToArray();

    private static void WriteWav(string path, short[] samples)
    {
        using var writer = new BinaryWriter(File.Create(path));
        writer.Write("RIFF"u8);
        writer.Write(36 + samples.Length * 2);
        writer.Write("WAVEfmt "u8);
        writer.Write(16);
        writer.Write((short)1);
        writer.Write((short)1);
        writer.Write(16000);
        writer.Write(32000);
        writer.Write((short)2);
        writer.Write((short)16);
        writer.Write("data"u8);
        writer.Write(samples.Length * 2);
        foreach (var sample in samples)
            writer.Write(sample);
    }

    private CodecTrainConfig Config(string run, long steps, AdversarialConfig? adversarial = null) => new CodecTrainConfig
    {
        Train = Path.Combine(_folder, "audio"),
        Validation = Path.Combine(_folder, "audio"),
        Run = Path.Combine(_folder, run),
        Cache = Path.Combine(_folder, "cache"),
        Model = new NativeConfig
        {
            EncoderWidth = 16, EncoderBlocks = 1, DecoderWidth = 16, DecoderBlocks = 1, HeadWidth = 16, HeadBlocks = 1, LatentDim = 8,
            Quantizer = new QuantizerConfig { Books = 2, Size = 16 },
        },
        Steps = steps,
        BatchSize = 4,
        CropSeconds = 0.25,
        QuantizeFrom = 20,
        Schedule = new Schedule { LearningRate = 3e-3, WarmupSteps = 5, DecayFrom = 1 },
        Adversarial = adversarial,
        Loss = adversarial is null ? new LossConfig() : new LossConfig { Balance = true, Stft = 0.5, Waveform = 0.1 },
        Augmentation = new AugmentationConfig { Speed = 0.05, NoiseShare = 0.3 },
        LogEvery = 5,
        ValidateEvery = 20,
        Threads = 1,
        Parts = 1,
    }.Validate();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Loss_falls_and_every_output_is_written(int parts)
    {
        var mel = new List<double>();
        IReadOnlyDictionary<string, double>? last = null;
        var live = new List<long>();
        var config = Config("run", 60) with { Parts = parts };
        using (var run = new CodecTrainingRun(config, CPU, resume: false))
            run.Run(report =>
            {
                mel.Add(report.Values["mel"]);
                live.Add(Tensor.TotalCount);
            }, validated => last = validated.Values);
        Assert.True(mel[^1] < 0.7 * mel[0], $"mel {mel[0]} -> {mel[^1]}");
        Assert.True(last!["mel_2"] < mel[0]);
        Assert.InRange(last["perplexity_1"], 1, 16);
        // Steps 30 to 60: after the quantizer joined, nothing stays alive from step to step.
        Assert.Single(live.Skip(5).Distinct());
        foreach (var file in new[] { "state.safetensors", "model.safetensors", "log.csv", "validation.csv", "config.json" })
            Assert.True(File.Exists(Path.Combine(config.Run, file)), file);
        using var codec = NativeCheckpoint.Load(Path.Combine(config.Run, "model.safetensors"));
        using var audio = zeros(1, 1, 1000);
        Assert.Equal(2, codec.Encode(audio).Books);
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 1)]
    [InlineData(true, 2)]
    public void A_resumed_run_equals_an_uninterrupted_one(bool adversarial, int parts)
    {
        var config = adversarial ? new AdversarialConfig { From = 25, Windows = [128], FrameWindows = [64], Periods = [3], Channels = 4 } : null;
        var whole = Weights(Config("whole", 40, config) with { Parts = parts }, [40]);
        var resumed = Weights(Config("resumed", 40, config) with { Parts = parts }, [15, 28, 40]);
        Assert.Equal(whole, resumed);
    }

    [Fact]
    public void Parts_of_a_batch_learn_what_the_whole_does()
    {
        // Until the quantizer joins, whose choices rounding can turn.
        float[] whole = Weights(Config("one", 12), [12]), parts = Weights(Config("four", 12) with { Parts = 4 }, [12]), longer = Weights(Config("longer", 13), [13]);
        double Distance(float[] x) => Math.Sqrt(whole.Zip(x, (a, b) => (double)(a - b) * (a - b)).Sum());
        Assert.InRange(Distance(parts), 1e-9, Distance(longer) / 20); // of what a step moves
    }

    /// <summary>Trains in pieces that end at the given steps, a new process state each, and returns all weights.</summary>
    private static float[] Weights(CodecTrainConfig config, long[] stops)
    {
        foreach (var stop in stops)
        {
            using var cancellation = new CancellationTokenSource();
            using var run = new CodecTrainingRun(config with { LogEvery = 1 }, CPU, resume: true);
            run.Run(report =>
            {
                if (report.Step == stop)
                    cancellation.Cancel();
            }, cancellation: cancellation.Token);
            if (stop == stops[^1])
                return ReadWeights(run.StatePath);
        }
        throw new InvalidOperationException("no stops");
    }

    private static float[] ReadWeights(string path)
    {
        using var scope = NewDisposeScope();
        return Codec.Core.Checkpoints.Checkpoint.Open(path).Tensors.Values.OrderBy(t => t.Name, StringComparer.Ordinal)
            .Where(t => t.Dtype == ScalarType.Float32)
            .SelectMany(t => t.Load().contiguous().data<float>().ToArray()).ToArray();
    }

    /// <summary>A run to its end: the weights it leaves.</summary>
    private static string Trained(CodecTrainConfig config)
    {
        using var run = new CodecTrainingRun(config, CPU, resume: false);
        run.Run();
        return run.ModelPath;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(10)] // the first ten steps without the books
    public void A_run_of_the_decoder_alone_keeps_the_codes(int quantizeFrom)
    {
        var weights = Trained(Config("first", 30));
        var second = Config("second", 20) with { InitialWeights = weights, DecoderOnly = true, QuantizeFrom = quantizeFrom };
        using var before = NativeCheckpoint.Load(weights);
        using var after = NativeCheckpoint.Load(Trained(second.Validate()));
        using var scope = NewDisposeScope();
        var (a, b) = (before.Model.state_dict(), after.Model.state_dict());
        foreach (var name in a.Keys.Where(n => !n.StartsWith("decoder.", StringComparison.Ordinal)))
            Assert.True(a[name].equal(b[name]).all().item<bool>(), name);
        Assert.Contains(a.Keys, name => !a[name].equal(b[name]).all().item<bool>());
        Assert.Throws<ConfigException>(() => (second with { InitialWeights = null }).Validate());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Steps_of_the_low_band_stay_where_they_are_to_be_kept(bool keep)
    {
        var first = Config("first", 5);
        first = first with { Model = first.Model with { Lowband = new LowbandConfig { Coefficients = 20, Bins = 24 } } };
        var weights = Trained(first.Validate());
        var second = first with { Run = Path.Combine(_folder, "second"), InitialWeights = weights, DecoderOnly = true, QuantizeFrom = 0, Lowband = new LowbandTrainConfig { KeepLevels = keep } };
        using var before = NativeCheckpoint.Load(weights);
        using var after = NativeCheckpoint.Load(Trained(second.Validate()));
        using var scope = NewDisposeScope();
        var (a, b) = (before.Model.state_dict(), after.Model.state_dict());
        bool Same(string name) => a[name].equal(b[name]).all().item<bool>();
        Assert.Equal(keep, Same("decoder.lowband.level.weight") && Same("decoder.lowband.level.bias"));
        Assert.False(Same("decoder.lowband.trust.bias"));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(10)] // the first ten steps without them
    public void A_run_that_keeps_the_books_moves_all_else(int quantizeFrom)
    {
        var weights = Trained(Config("first", 30));
        var second = Config("kept", 20) with { InitialWeights = weights, KeepBooks = true, QuantizeFrom = quantizeFrom };
        using var before = NativeCheckpoint.Load(weights);
        using var after = NativeCheckpoint.Load(Trained(second.Validate()));
        using var scope = NewDisposeScope();
        var (a, b) = (before.Model.state_dict(), after.Model.state_dict());
        bool Same(string name) => a[name].equal(b[name]).all().item<bool>();
        Assert.All(a.Keys.Where(n => n.StartsWith("quantizer.", StringComparison.Ordinal)), name => Assert.True(Same(name), name));
        Assert.Equal(before.Info.TokenHash, after.Info.TokenHash); // its codes mean the same
        foreach (var part in new[] { "encoder.", "decoder." })
            Assert.Contains(a.Keys, name => name.StartsWith(part, StringComparison.Ordinal) && !Same(name));
        Assert.Throws<ConfigException>(() => (second with { InitialWeights = null }).Validate());
    }

    [Fact]
    public void A_model_of_longer_frames_starts_from_one_of_shorter_frames()
    {
        var first = Config("short", 5);
        using (var run = new CodecTrainingRun(first, CPU, resume: false))
            run.Run();
        var weights = Path.Combine(first.Run, "model.safetensors");
        var config = first.Model with { HopLength = 2 * first.Model.HopLength, Quantizer = first.Model.Quantizer with { Books = 1 } };
        using var from = NativeCheckpoint.Load(weights);
        using var model = NativeModel.Create(config);
        NativeCheckpoint.LoadWeights(model, weights);
        using var scope = NewDisposeScope();
        var (a, b) = (from.Model.state_dict(), model.state_dict());
        var shared = b.Keys.Where(name => a[name].shape.SequenceEqual(b[name].shape)).ToArray();
        Assert.Contains("quantizer.layers.0.codebook", shared);
        foreach (var name in shared.Where(name => !name.EndsWith("cluster_size") && !name.EndsWith("embed_sum")))
            Assert.True(a[name].equal(b[name]).all().item<bool>(), name);
        // Twice the same spectra meet the same sum.
        Tensors.Close(a["encoder.embed.weight"].sum([1L]), b["encoder.embed.weight"].sum([1L]), 1e-3);
        Tensors.Close(a["decoder.upsample.weight"], b["decoder.upsample.weight"].narrow(0, a["decoder.upsample.weight"].shape[0], a["decoder.upsample.weight"].shape[0]), 0);
    }

    [Fact]
    public void A_model_with_an_excitation_starts_from_one_without_and_learns_the_pitch()
    {
        var first = Config("plain", 5);
        using (var run = new CodecTrainingRun(first, CPU, resume: false))
            run.Run();
        var weights = Path.Combine(first.Run, "model.safetensors");
        var second = Config("excited", 40) with
        {
            InitialWeights = weights, DecoderOnly = true, QuantizeFrom = 0, Model = first.Model with { Excitation = new ExcitationConfig { Classes = 24 } },
            Loss = first.Loss with { Pitch = 1 },
        };
        using (var trainer = new CodecTrainer(second, AudioCorpus.Open(Path.Combine(_folder, "audio"), Path.Combine(_folder, "cache"), 16000), CPU))
        {
            var before = trainer.TrainStep()["pitch"];
            for (var step = 0; step < 30; step++)
                trainer.TrainStep();
            Assert.InRange(trainer.TrainStep()["pitch"], 0, before - 0.1);
        }
        using (var run = new CodecTrainingRun(second, CPU, resume: false))
            run.Run();
        using var from = NativeCheckpoint.Load(weights);
        using var to = NativeCheckpoint.Load(Path.Combine(second.Run, "model.safetensors"));
        Assert.Equal(from.Info.TokenHash, to.Info.TokenHash);
        Assert.Equal(second.Model.Excitation, to.Model.Config.Excitation);
        Assert.NotEqual(0, to.Model.Decoder.state_dict()["pitch.weight"].abs().max().item<float>());
    }

    [Fact]
    public void Sampled_crops_depend_on_seed_and_step_alone()
    {
        using var corpus = AudioCorpus.Open(Path.Combine(_folder, "audio"), Path.Combine(_folder, "cache"), 16000);
        CropSampler Sampler(int seed) => new(corpus, new AugmentationConfig { NoiseShare = 0.5, Speed = 0.1 }, new Dictionary<string, double>(), seed);
        Assert.Equal(Sampler(1).Batch(7, 3, 4000), Sampler(1).Batch(7, 3, 4000));
        Assert.NotEqual(Sampler(1).Batch(7, 3, 4000), Sampler(1).Batch(8, 3, 4000));
        Assert.NotEqual(Sampler(1).Batch(7, 3, 4000), Sampler(2).Batch(7, 3, 4000));
    }

    [Fact]
    public void A_second_run_does_not_overwrite_the_first()
    {
        using (var run = new CodecTrainingRun(Config("taken", 5), CPU, resume: false))
            run.Checkpoint();
        Assert.Throws<ConfigException>(() => new CodecTrainingRun(Config("taken", 5), CPU, resume: false).Dispose());
    }

    [Fact]
    public void Unknown_members_of_a_config_are_refused()
    {
        var path = Path.Combine(_folder, "bad.json");
        File.WriteAllText(path, """{ "train": "a", "validation": "b", "run": "c", "stepz": 5 }""");
        Assert.Contains("stepz", Assert.Throws<ConfigException>(() => CodecTrainConfig.Load(path)).Message);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
