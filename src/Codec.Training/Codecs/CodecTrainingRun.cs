using System.Diagnostics;
using System.Globalization;
using Codec.Audio;
using Codec.Core.Codecs.Native;
using Codec.Training.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Codecs;

/// <summary>
/// A training run in its folder: <c>state.safetensors</c> to resume from, <c>model.safetensors</c> with the averaged weights,
/// <c>log.csv</c> and <c>log.png</c>, <c>validation.csv</c>, and decoded examples under <c>validation/</c>.
/// </summary>
public sealed class CodecTrainingRun : IDisposable
{
    private readonly CodecTrainConfig _config;
    private readonly AudioCorpus _corpus, _heldOut;
    private readonly CodecTrainer _trainer;
    private readonly CodecValidation _validation;
    private readonly TrainingLog _log, _validationLog;
    private readonly Device _device;
    private readonly string? _tokens; // where the books are kept: whose codes these are

    /// <param name="config">Validated.</param>
    /// <param name="device">Where the model trains.</param>
    /// <param name="resume">Go on from the folder's state; else the folder must not hold one.</param>
    /// <param name="decoding">Progress of decoding the corpus, 0 to 1.</param>
    /// <exception cref="ConfigException">Data is missing, or the folder holds another run and resume was not asked for.</exception>
    public CodecTrainingRun(CodecTrainConfig config, Device device, bool resume, Action<double>? decoding = null)
    {
        _config = config;
        _device = device;
        Directory.CreateDirectory(config.Run);
        var exists = File.Exists(StatePath);
        if (exists && !resume)
            throw new ConfigException($"{config.Run}: holds a run already; resume it, or name another folder");
        _corpus = AudioCorpus.Open(config.Train, config.Cache, config.Model.SampleRate, decoding);
        _heldOut = AudioCorpus.Open(config.Validation, config.Cache, config.Model.SampleRate, decoding);
        _trainer = new CodecTrainer(config, _corpus, device);
        if (config.KeepBooks)
            using (var first = NativeCheckpoint.Load(config.InitialWeights!))
                _tokens = first.Info.TokenHash;
        if (exists)
            _trainer.State.Load(StatePath);
        _validation = new CodecValidation(config, _heldOut);
        _log = new TrainingLog(Path.Combine(config.Run, "log.csv"), _trainer.Step);
        _validationLog = new TrainingLog(Path.Combine(config.Run, "validation.csv"), _trainer.Step);
        File.WriteAllText(Path.Combine(config.Run, "config.json"), config.ToJson());
    }

    /// <summary>Averaged weights of the run, ready for use.</summary>
    public string ModelPath => Path.Combine(_config.Run, "model.safetensors");

    public string StatePath => Path.Combine(_config.Run, "state.safetensors");

    public long Step => _trainer.Step;

    /// <summary>Numbers that gradients move.</summary>
    public long Parameters => _trainer.Model.parameters().Sum(p => p.numel());

    public double TrainingSeconds => _corpus.Seconds;

    /// <summary>Trains to the end or until cancelled; a checkpoint is written in either case.</summary>
    /// <param name="report">Takes every report.</param>
    /// <param name="validated">Takes every validation.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    public void Run(Action<StepReport>? report = null, Action<StepReport>? validated = null, CancellationToken cancellation = default)
    {
        var sinceCheckpoint = Stopwatch.StartNew();
        _trainer.Run(step =>
        {
            if (step is not null)
            {
                _log.Add(step);
                report?.Invoke(step);
            }
            if (Step % _config.ValidateEvery == 0 || Step == _config.Steps)
                validated?.Invoke(Validate());
            if (sinceCheckpoint.Elapsed.TotalMinutes >= _config.CheckpointMinutes)
            {
                Checkpoint();
                sinceCheckpoint.Restart();
            }
        }, cancellation);
        Checkpoint();
    }

    /// <summary>Writes state, averaged weights and plots.</summary>
    public void Checkpoint()
    {
        _trainer.State.Save(StatePath);
        var metadata = new Dictionary<string, string>
        {
            ["training.step"] = Step.ToString(CultureInfo.InvariantCulture),
            ["training.seed"] = _config.Seed.ToString(CultureInfo.InvariantCulture),
            ["training.audio_seconds"] = (Step * _trainer.SecondsPerStep).ToString("F0", CultureInfo.InvariantCulture),
        };
        if (_tokens is not null)
            metadata[NativeCheckpoint.TokensKey] = _tokens;
        WithAverages(() => NativeCheckpoint.Save(_trainer.Model, ModelPath, metadata: metadata));
        _log.Plot(Path.Combine(_config.Run, "log.png"));
        _validationLog.Plot(Path.Combine(_config.Run, "validation.png"));
    }

    /// <summary>Measures the averaged weights on held-out speakers.</summary>
    public StepReport Validate()
    {
        StepReport? result = null;
        WithAverages(() => result = new StepReport { Step = Step, Values = _validation.Measure(_trainer.Model, _device) });
        _validationLog.Add(result!);
        return result!;
    }

    private void WithAverages(Action action)
    {
        _trainer.Optimizer.SwapAverages();
        try
        {
            action();
        }
        finally
        {
            _trainer.Optimizer.SwapAverages();
        }
    }

    public void Dispose()
    {
        _trainer.Dispose();
        _validation.Dispose();
        _corpus.Dispose();
        _heldOut.Dispose();
    }
}
