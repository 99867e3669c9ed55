using System.Diagnostics;
using Codec.Audio;
using Codec.Core.Codecs;
using Codec.Core.Codecs.Native;
using Codec.Core.Quantizers;
using Codec.Speech.Repair;
using Codec.Training.Codecs;
using Codec.Training.Data;
using Codec.Training.Lm;
using Codec.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Repair;

/// <summary>
/// Trains a repair model in its folder: <c>state.safetensors</c> to resume from, <c>model.safetensors</c> with the averaged weights,
/// <c>log.csv</c>, <c>validation.csv</c>, <c>config.json</c>. Deterministic for a seed, device and thread count.
/// </summary>
public sealed class RepairTrainer : IDisposable
{
    private const int CenterStretches = 64;

    private readonly RepairTrainConfig _config;
    private readonly Device _device;
    private readonly NativeCodec _codec;
    private readonly TokenCorpus _corpus, _heldOut;
    private readonly BucketSampler _sampler, _validation;
    private readonly AdamW _optimizer;
    private readonly TrainingState _state;
    private readonly TrainingLog _log, _validationLog;

    /// <param name="config">Validated.</param>
    /// <param name="device">Where the model trains.</param>
    /// <param name="resume">Go on from the folder's state; else the folder must not hold one.</param>
    /// <param name="tokenizing">Progress of tokenizing manifests, 0 to 1.</param>
    /// <exception cref="ConfigException">Data is missing, the codec is of another family, or the folder holds another run.</exception>
    public RepairTrainer(RepairTrainConfig config, Device device, bool resume, Action<double>? tokenizing = null)
    {
        (_config, _device) = (config, device);
        Directory.CreateDirectory(config.Run);
        var exists = File.Exists(StatePath);
        if (exists && !resume)
            throw new ConfigException($"{config.Run}: holds a run already; resume it, or name another folder");
        _codec = Open(config.Codec, device);
        _corpus = new TokenCorpus(TokenData.Shards(_codec, config.Train, config.Cache, tokenizing), config.MaxFrames);
        _heldOut = new TokenCorpus(TokenData.Shards(_codec, config.Validation, config.Cache, tokenizing), config.MaxFrames);
        Require.That(_corpus.Books.SequenceEqual(_codec.Info.Books), nameof(config.Train), $"tokens of {_codec.Info.Name}", $"those of {_corpus.Codec}");
        _sampler = new BucketSampler(_corpus, config.BatchFrames, config.Seed);
        _validation = new BucketSampler(_heldOut, config.BatchFrames, 0);
        random.manual_seed(config.Seed);
        Model = RepairModel.Create(config.Model(_codec.Model.Config.LatentDim, _codec.Info.Books.Count));
        Model.to(device);
        Center();
        if (config.InitialWeights is { } start)
            Core.Checkpoints.Checkpoint.Open(start).LoadInto(Model);
        _optimizer = new AdamW(Model.named_parameters(), config.Optimizer);
        _state = new TrainingState(Model, _optimizer, null);
        if (exists)
            _state.Load(StatePath);
        _log = new TrainingLog(Path.Combine(config.Run, "log.csv"), Step);
        _validationLog = new TrainingLog(Path.Combine(config.Run, "validation.csv"), Step);
        File.WriteAllText(Path.Combine(config.Run, "config.json"), config.ToJson());
    }

    public RepairModel Model { get; }

    /// <summary>Steps done.</summary>
    public long Step => _state.Step;

    public string StatePath => Path.Combine(_config.Run, "state.safetensors");

    /// <summary>Averaged weights, ready for use.</summary>
    public string ModelPath => Path.Combine(_config.Run, "model.safetensors");

    /// <summary>Base frames of training data.</summary>
    public long TrainingFrames => _corpus.TotalFrames;

    /// <summary>Trains to the end or until cancelled; a checkpoint is written in either case.</summary>
    public void Run(Action<StepReport>? report = null, Action<StepReport>? validated = null, CancellationToken cancellation = default)
    {
        var (sum, count) = (0.0, 0);
        var clock = Stopwatch.StartNew();
        var sinceCheckpoint = Stopwatch.StartNew();
        while (Step < _config.Steps && !cancellation.IsCancellationRequested)
        {
            sum += TrainStep();
            count++;
            if (Step % _config.LogEvery == 0)
            {
                var row = new StepReport { Step = Step, Values = new Dictionary<string, double> { ["error"] = sum / count }, StepsPerSecond = count / clock.Elapsed.TotalSeconds };
                _log.Add(row);
                report?.Invoke(row);
                (sum, count) = (0, 0);
                clock.Restart();
            }
            if (Step % _config.ValidateEvery == 0 || Step == _config.Steps)
                validated?.Invoke(Validate());
            if (sinceCheckpoint.Elapsed.TotalMinutes >= _config.CheckpointMinutes)
            {
                Checkpoint();
                sinceCheckpoint.Restart();
            }
        }
        Checkpoint();
    }

    /// <summary>One update.</summary>
    /// <returns>Squared error of what was missing, in units of the latent's variance.</returns>
    public double TrainStep()
    {
        using var scope = NewDisposeScope();
        Model.train();
        var batch = Batch(_corpus, _sampler.Batch(Step), Seeds.Random(_config.Seed, Step, "corruption"));
        var loss = (Model.Error(Model.Forward(batch.Known, batch.KnownBooks), batch.Truth) * batch.Wanted).sum() / batch.Wanted.sum().clamp_min(One);
        loss.backward();
        var value = loss.item<float>();
        _optimizer.Step(_config.Schedule.At(Step, _config.Steps), _config.MaxGradientNorm);
        _state.Step++;
        return value;
    }

    /// <summary>
    /// Error of the averaged weights on held-out speakers as a share of the error without a model: a straight line over lost frames,
    /// what is known for frames that lack books.
    /// </summary>
    public StepReport Validate()
    {
        using var mode = no_grad();
        _optimizer.SwapAverages();
        Model.eval();
        try
        {
            double error = 0, plain = 0;
            for (long i = 0, read = 0; read < _heldOut.Count; i++)
            {
                using var scope = NewDisposeScope();
                var stretches = _validation.Batch(i);
                read += stretches.Length;
                var batch = Batch(_heldOut, stretches, Seeds.Random(0, i, "corruption"));
                error += (Model.Error(Model.Forward(batch.Known, batch.KnownBooks), batch.Truth) * batch.Wanted).sum().item<float>();
                plain += (Model.Error(Model.Without(batch.Known, batch.KnownBooks), batch.Truth) * batch.Wanted).sum().item<float>();
            }
            var row = new StepReport { Step = Step, Values = new Dictionary<string, double> { ["error_share"] = error / plain } };
            _validationLog.Add(row);
            return row;
        }
        finally
        {
            _optimizer.SwapAverages();
        }
    }

    /// <summary>Writes state and averaged weights.</summary>
    public void Checkpoint()
    {
        _state.Save(StatePath);
        _optimizer.SwapAverages();
        RepairFile.Save(ModelPath, Model, _codec.Info.TokenHash, new Dictionary<string, string> { ["training.step"] = $"{Step}", ["training.seed"] = $"{_config.Seed}" });
        _optimizer.SwapAverages();
    }

    public void Dispose()
    {
        Model.Dispose();
        _optimizer.Dispose();
        _corpus.Dispose();
        _heldOut.Dispose();
        _codec.Dispose();
    }

    // Kept: TorchSharp may collect a scalar made in passing while libtorch still reads it.
    private static readonly Scalar One = 1.0;

    private IQuantizer Quantizer => _codec.Model.Quantizer;

    private static NativeCodec Open(string path, Device device)
    {
        var codec = CodecCatalog.Load(path, device);
        if (codec is NativeCodec native)
            return native;
        codec.Dispose();
        throw new ConfigException($"{path}: expected a native codec, found {codec.Info.Name}");
    }

    private void Center()
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var step = Math.Max(1, _corpus.Count / CenterStretches);
        Model.Center(cat(Enumerable.Range(0, (_corpus.Count + step - 1) / step)
            .Select(i => Quantizer.Decode(RepairBatch.Codes([_corpus.Read(i * step)], _device)).squeeze(0)).ToArray()));
    }

    private RepairBatch Batch(TokenCorpus corpus, int[] stretches, Random random)
        => RepairBatch.Build(Quantizer, Model.Config, stretches.Select(corpus.Read).ToArray(), random, _device);
}
