using Codec.Audio;
using Codec.Core;
using Codec.Core.Codecs.Native;
using Codec.Speech.Lm;
using Codec.Speech.Repair;
using Codec.Speech.Tokens;
using Codec.Training.Optimization;
using Codec.Training.Repair;
using static TorchSharp.torch;

namespace Codec.Tests.Training.Repair;

public sealed class RepairTrainingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("masked")]
    [InlineData("fine")]
    public void What_follows_from_the_rest_is_learned(string kind)
    {
        using var run = new RepairTrainer(Config(kind, 500), CPU, resume: false);
        var report = default(Codec.Training.Codecs.StepReport);
        run.Run(validated: row => report = row);
        Assert.True(report!.Values["error_share"] < 0.5, $"error share {report.Values["error_share"]:F3}");
        using var codec = NativeCheckpoint.Load(_folder.Combine("codec.safetensors"));
        using var model = RepairFile.Load(run.ModelPath, codec, run.Model.Config.Kind);
        Assert.Equal(kind == "masked" ? 4 : 0, model.Config.Future);
    }

    [Fact]
    public void A_resumed_run_is_the_uninterrupted_one()
    {
        double[] Train(string name, params long[] stops)
        {
            var errors = new List<double>();
            foreach (var steps in stops)
            {
                using var run = new RepairTrainer(Config("masked", steps) with { Run = _folder.Combine(name) }, CPU, resume: errors.Count > 0);
                while (run.Step < steps)
                    errors.Add(run.TrainStep());
                run.Checkpoint();
            }
            return [.. errors];
        }
        // The schedule must not depend on the length of the part.
        Assert.Equal(Train("whole", 6), Train("parts", 3, 6));
    }

    [Fact]
    public void Codes_of_another_codec_are_refused()
    {
        var config = Config("masked", 1);
        using (var other = new NativeCodec(NativeModel.Create(new NativeConfig { LatentDim = 8, EncoderWidth = 16, DecoderWidth = 16, HeadWidth = 16, Quantizer = new() { Books = 2, Size = 16 } })))
            NativeCheckpoint.Save(other.Model, _folder.Combine("other.safetensors"));
        Assert.Throws<ConfigException>(() => new RepairTrainer(config with { Codec = _folder.Combine("other.safetensors") }, CPU, resume: false));
    }

    [Theory]
    [InlineData("""{ "kind": "masked" }""")]
    [InlineData("""{ "kind": "fine", "train": [], "validation": [], "codec": "x", "run": "y", "colour": 1 }""")]
    [InlineData("""{ "kind": "fine", "train": [], "validation": [], "codec": "x", "run": "y", "steps": 0 }""")]
    [InlineData("""{ "kind": "fine", "train": [], "validation": [], "codec": "x", "run": "y", "dim": 33 }""")]
    public void Wrong_configs_are_refused(string json)
    {
        var path = _folder.Combine("config.json");
        File.WriteAllText(path, json);
        Assert.True(RepairTrainConfig.Fits(path));
        Assert.Throws<ConfigException>(() => RepairTrainConfig.Load(path));
    }

    /// <summary>Items of one frame repeated, whose fine books follow from the first: a model can know nearly everything.</summary>
    private RepairTrainConfig Config(string kind, long steps)
    {
        var path = _folder.Combine("codec.safetensors");
        if (!File.Exists(path))
        {
            using var fresh = (NativeCodec)new NativeFamily().CreateTiny(1);
            NativeCheckpoint.Save(fresh.Model, path);
        }
        using var codec = NativeCheckpoint.Load(path);
        var items = Enumerable.Range(0, 40).Select(i =>
        {
            var random = new Random(i);
            var (start, frames) = (random.Next(4), random.Next(30, 40));
            var codes = new Codes(codec.Info.Books, [.. Enumerable.Range(0, 3).Select(k => new[] { Enumerable.Repeat((start * 7 + k * 5) % 32, frames).ToArray() })], frames);
            return ($"{i}", "", (string?)null, codes);
        }).ToArray();
        if (!File.Exists(_folder.Combine("a.tokens")))
            TokenShard.Write(_folder.Combine("a.tokens"), TokenIdentity.Of(codec), items);
        return new RepairTrainConfig
        {
            Kind = kind, Dim = 32, Layers = 1, Heads = 2, Hidden = 32, Window = 4, Codec = path, Run = _folder.Combine("run"),
            Train = [_folder.Combine("a.tokens")], Validation = [_folder.Combine("a.tokens")], MaxFrames = 40, BatchFrames = 400,
            Steps = steps, Schedule = new Schedule { LearningRate = 5e-3, WarmupSteps = 5, DecayFrom = 1 }, Threads = 1,
        }.Validate();
    }
}
