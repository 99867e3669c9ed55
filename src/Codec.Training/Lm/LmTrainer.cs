using System.Diagnostics;
using Codec.Audio;
using Codec.Speech.Lm;
using Codec.Training.Codecs;
using Codec.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Lm;

/// <summary>
/// Trains a token language model in its folder: <c>state.safetensors</c> to resume from, <c>model.safetensors</c> with the averaged
/// weights, <c>log.csv</c>, <c>validation.csv</c>, <c>config.json</c>. Deterministic for a seed, device and thread count.
/// </summary>
public sealed class LmTrainer : IDisposable
{
    private readonly LmTrainConfig _config;
    private readonly Device _device;
    private readonly TokenCorpus _corpus, _heldOut;
    private readonly BucketSampler _sampler, _validation;
    private readonly LmLoss _loss;
    private readonly LmConditioning? _told;
    private readonly AdamW _optimizer;
    private readonly TrainingState _state;
    private readonly TrainingLog _log, _validationLog;

    /// <param name="config">Validated.</param>
    /// <param name="device">Where the model trains.</param>
    /// <param name="resume">Go on from the folder's state; else the folder must not hold one.</param>
    /// <exception cref="ConfigException">Data is missing, or the folder holds another run and resume was not asked for.</exception>
    public LmTrainer(LmTrainConfig config, Device device, bool resume)
    {
        (_config, _device) = (config, device);
        Directory.CreateDirectory(config.Run);
        var exists = File.Exists(StatePath);
        if (exists && !resume)
            throw new ConfigException($"{config.Run}: holds a run already; resume it, or name another folder");
        _corpus = new TokenCorpus(config.Train, config.MaxFrames, config.Books);
        _heldOut = new TokenCorpus(config.Validation, config.MaxFrames, config.Books);
        var conditions = config.Conditions is { } told ? told with { Speakers = told.Speakers > 0 ? _corpus.Speakers.Count : 0 } : null;
        _told = conditions is null ? null : new LmConditioning(conditions, config, _corpus.Speakers);
        _loss = new LmLoss(config.Pattern, _corpus.Books, config.BookPositions);
        random.manual_seed(config.Seed);
        Info = new SpeechLmInfo(new SpeechLmConfig
        {
            Transformer = config.Model,
            Vocabulary = _corpus.Books.Select(b => b.Size).ToArray(),
            DirectHeads = config.Depth is null ? _corpus.Books.Count : 1,
            Depth = config.Depth is null ? null : new DepthConfig { Transformer = config.Depth with { WeightSets = _corpus.Books.Count - 1 }, Streams = _corpus.Books.Count - 1 },
            Conditions = conditions,
            BookPositions = config.BookPositions,
            DraftHeads = config.DraftHeads,
            HeadBias = config.CodebookStart || config.CountStart,
        }, config.Pattern, _corpus.Codec) { Speakers = conditions is { Speakers: > 0 } ? _corpus.Speakers : null };
        Model = new SpeechLm(Info.Model);
        if (config.CodebookStart && !exists)
            CodebookStart.Apply(Model, config.Codec!, _corpus);
        if (config.CountStart && !exists)
            CountStart.Apply(Model, _corpus);
        _sampler = Sampler(_corpus, config.Seed);
        _validation = Sampler(_heldOut, 0);
        Model.to(device);
        _optimizer = new AdamW(Model.named_parameters(), config.Optimizer);
        _state = new TrainingState(Model, _optimizer, null);
        if (exists)
            _state.Load(StatePath);
        _log = new TrainingLog(Path.Combine(config.Run, "log.csv"), Step);
        _validationLog = new TrainingLog(Path.Combine(config.Run, "validation.csv"), Step);
        File.WriteAllText(Path.Combine(config.Run, "config.json"), config.ToJson());
    }

    public SpeechLm Model { get; }

    public SpeechLmInfo Info { get; }

    /// <summary>Steps done.</summary>
    public long Step => _state.Step;

    public string StatePath => Path.Combine(_config.Run, "state.safetensors");

    /// <summary>Averaged weights, ready for use.</summary>
    public string ModelPath => Path.Combine(_config.Run, "model.safetensors");

    /// <summary>Base frames of training data.</summary>
    public long TrainingFrames => _corpus.TotalFrames;

    /// <summary>Share of padding in the first epoch.</summary>
    public double PaddingShare => _sampler.PaddingShare();

    /// <summary>Trains to the end or until cancelled; a checkpoint is written in either case.</summary>
    public void Run(Action<StepReport>? report = null, Action<StepReport>? validated = null, CancellationToken cancellation = default)
    {
        var sums = new Dictionary<string, double>();
        var (count, frames) = (0, 0L);
        var clock = Stopwatch.StartNew();
        var sinceCheckpoint = Stopwatch.StartNew();
        while (Step < _config.Steps && !cancellation.IsCancellationRequested)
        {
            foreach (var (name, value) in TrainStep(out var learned))
            {
                sums[name] = sums.GetValueOrDefault(name) + value;
                frames += name == "loss" ? learned : 0;
            }
            count++;
            if (Step % _config.LogEvery == 0)
            {
                var values = sums.ToDictionary(s => s.Key, s => s.Value / count);
                values["frames_per_second"] = frames / clock.Elapsed.TotalSeconds;
                var row = new StepReport { Step = Step, Values = values, StepsPerSecond = count / clock.Elapsed.TotalSeconds };
                _log.Add(row);
                report?.Invoke(row);
                sums.Clear();
                (count, frames) = (0, 0);
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
    /// <param name="frames">Base frames learned from.</param>
    public IReadOnlyDictionary<string, double> TrainStep(out long frames)
    {
        using var scope = NewDisposeScope();
        Model.train();
        var stretches = _sampler.Batch(Step);
        frames = stretches.Sum(i => (long)_corpus.Frames(i));
        var batch = Batch(_corpus, stretches, Step);
        var (loss, perBook) = _loss.Compute(Model, batch);
        loss.backward();
        var values = Values(loss, perBook);
        values["gradient_norm"] = _optimizer.Step(_config.Schedule.At(Step, _config.Steps), _config.MaxGradientNorm);
        _state.Step++;
        return values;
    }

    /// <summary>Nats per code of the averaged weights on held-out speakers, by book and over all.</summary>
    public StepReport Validate()
    {
        using var mode = no_grad();
        _optimizer.SwapAverages();
        Model.eval();
        try
        {
            var nats = new double[_corpus.Books.Count];
            var codes = new long[nats.Length];
            var batches = _config.ValidationBatches == 0 ? long.MaxValue : _config.ValidationBatches;
            for (long i = 0, read = 0; i < batches && read < _heldOut.Count; i++)
            {
                using var scope = NewDisposeScope();
                var stretches = _validation.Batch(i);
                read += stretches.Length;
                var batch = Batch(_heldOut, stretches, null);
                var means = _loss.Compute(Model, batch).PerBook_K.cpu().data<float>().ToArray();
                for (var k = 0; k < nats.Length; k++)
                {
                    nats[k] += means[k] * batch.Codes[k];
                    codes[k] += batch.Codes[k];
                }
            }
            var values = nats.Select((n, k) => (Name: $"nats_book_{k}", Value: n / codes[k])).ToDictionary(v => v.Name, v => v.Value);
            values["nats"] = nats.Sum() / codes.Sum();
            var row = new StepReport { Step = Step, Values = values };
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
        SpeechLmFile.Save(ModelPath, Model, Info, new Dictionary<string, string> { ["training.step"] = $"{Step}", ["training.seed"] = $"{_config.Seed}" });
        _optimizer.SwapAverages();
    }

    public void Dispose()
    {
        Model.Dispose();
        _optimizer.Dispose();
        _corpus.Dispose();
        _heldOut.Dispose();
    }

    private BucketSampler Sampler(TokenCorpus corpus, int seed)
        => new(corpus, _config.BatchFrames, seed, _told is null ? null : i => Model.Conditioner!.PrefixLength(_told.Of(corpus, i)));

    private LmBatch Batch(TokenCorpus corpus, int[] stretches, long? step)
        => _loss.Build(stretches.Select(corpus.Read).ToArray(), stretches.Select(corpus.Frames).ToArray(), _device,
            _told is null ? null : stretches.Select((stretch, row) => _told.Of(corpus, stretch, step, row)).ToArray());

    private static Dictionary<string, double> Values(Tensor loss, Tensor perBook)
    {
        var values = new Dictionary<string, double> { ["loss"] = loss.item<float>() };
        var books = perBook.cpu().data<float>().ToArray();
        for (var k = 0; k < books.Length; k++)
            values[$"nats_book_{k}"] = books[k];
        return values;
    }
}
