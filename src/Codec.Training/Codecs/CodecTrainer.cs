using System.Diagnostics;
using Codec.Core.Codecs.Native;
using Codec.Core.Layers;
using Codec.Core.Quantizers;
using Codec.Training.Data;
using Codec.Training.Losses;
using Codec.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Codecs;

/// <summary>What one training step did.</summary>
public sealed record StepReport
{
    public required long Step { get; init; }

    /// <summary>Losses and norms by name.</summary>
    public required IReadOnlyDictionary<string, double> Values { get; init; }

    /// <summary>Seconds of audio learned from per second of wall time, since the last report.</summary>
    public double AudioPerSecond { get; init; }

    /// <summary>Since the last report.</summary>
    public double StepsPerSecond { get; init; }
}

/// <summary>
/// Trains a native codec. Deterministic for a seed, device and thread count; all that a step depends on beyond
/// <see cref="TrainingState"/> is derived from (seed, step).
/// </summary>
public sealed class CodecTrainer : IDisposable
{
    private readonly CodecTrainConfig _config;
    private readonly Device _device;
    private readonly CropSampler _crops;
    private readonly ReconstructionLoss _loss;
    private readonly AdversarialTraining? _adversarial;
    private readonly PitchLoss? _pitch;
    private readonly int _samples;
    private readonly int _padded;

    /// <param name="config">Validated.</param>
    /// <param name="corpus">Training audio at the model's rate.</param>
    /// <param name="device">Where the model trains.</param>
    public CodecTrainer(CodecTrainConfig config, AudioCorpus corpus, Device device)
    {
        _config = config;
        _device = device;
        _crops = new CropSampler(corpus, config.Augmentation, config.SourceWeights, config.Seed);
        random.manual_seed(config.Seed);
        Model = NativeModel.Create(config.Model);
        if (config.InitialWeights is { } weights)
            NativeCheckpoint.LoadWeights(Model, weights);
        Model.to(device);
        Optimizer = new AdamW(Trained(Model, config), config.Optimizer);
        _loss = new ReconstructionLoss(config.Model.SampleRate, config.Loss, device);
        _pitch = config.Model.Excitation is { } excitation ? new PitchLoss(config.Model, excitation) : null;
        _adversarial = config.Adversarial is { } adversarial ? new AdversarialTraining(config, adversarial, device) : null;

        var hop = config.Model.HopLength;
        _samples = (int)Math.Round(config.CropSeconds * config.Model.SampleRate);
        _padded = (_samples + config.Model.DelaySamples + hop - 1) / hop * hop;
        State = new TrainingState(Model, Optimizer, _adversarial);
    }

    public NativeModel Model { get; }

    public AdamW Optimizer { get; }

    /// <summary>All that a checkpoint of the run holds.</summary>
    public TrainingState State { get; }

    /// <summary>Steps done.</summary>
    public long Step => State.Step;

    /// <summary>Seconds of audio in a step.</summary>
    public double SecondsPerStep => (double)_config.BatchSize * _samples / _config.Model.SampleRate;

    private bool Quantizing => Step >= _config.QuantizeFrom;

    /// <summary>Runs to the end of the schedule or until cancelled.</summary>
    /// <param name="afterStep">Called after every step, with a report on every <see cref="CodecTrainConfig.LogEvery"/>-th.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    public void Run(Action<StepReport?> afterStep, CancellationToken cancellation = default)
    {
        var sums = new Dictionary<string, double>();
        var clock = Stopwatch.StartNew();
        var (count, started) = (0, 0.0);
        while (Step < _config.Steps && !cancellation.IsCancellationRequested)
        {
            foreach (var (name, value) in TrainStep())
                sums[name] = sums.GetValueOrDefault(name) + value;
            count++;
            StepReport? report = null;
            if (Step % _config.LogEvery == 0)
            {
                var elapsed = clock.Elapsed.TotalSeconds;
                report = new StepReport
                {
                    Step = Step,
                    Values = sums.ToDictionary(s => s.Key, s => s.Value / count),
                    AudioPerSecond = count * SecondsPerStep / (elapsed - started),
                    StepsPerSecond = count / (elapsed - started),
                };
                sums.Clear();
                (count, started) = (0, elapsed);
            }
            afterStep(report);
        }
    }

    /// <summary>One update of the model (and of the discriminators where they have joined).</summary>
    /// <returns>Losses by name.</returns>
    public IReadOnlyDictionary<string, double> TrainStep()
    {
        TrainingPrecision.Reduced = _config.BFloat16;
        try
        {
            return Learn();
        }
        finally
        {
            TrainingPrecision.Reduced = false;
        }
    }

    private IReadOnlyDictionary<string, double> Learn()
    {
        using var scope = NewDisposeScope();
        Model.train();
        if (Step == _config.QuantizeFrom && _config.BooksLearn && (Step > 0 || _config.InitialWeights is null))
            InitializeBooks();
        var values = new Dictionary<string, double>();
        var target_BS = Crops(Step);
        bool[] lows = Lows();
        var (latent_BTD, quantizerLoss) = Quantize(target_BS, lows, values);
        Model.Decoder.NoiseStart = Seeds.Random(_config.Seed, Step, "noise");
        var (lowband_BTK, levelLoss) = Coefficients(target_BS, latent_BTD, lows, values);
        var (decoded_BS, pitch_BNC) = Model.Decoder.Decode(latent_BTD, null, lowband_BTK);
        var output_BS = decoded_BS.narrow(1, _config.Model.DelaySamples, _samples);

        var terms = _loss.Compute(output_BS, target_BS, values).ToList();
        if (_adversarial is not null && Step >= _config.Adversarial!.From)
            terms.Add(_adversarial.Step(output_BS, target_BS, learn: Step % _config.Adversarial.Every == 0, values));
        var total = _config.Loss.Balance
            ? State.Balancer.Combine(terms, output_BS)
            : terms.Select(t => t.Loss * t.Weight).Aggregate((a, b) => a + b);
        if (quantizerLoss is not null)
            total = total + quantizerLoss * _config.Loss.Commitment;
        if (pitch_BNC is not null)
            total = total + Pitch(pitch_BNC, target_BS, values) * _config.Loss.Pitch;
        if (levelLoss is not null)
            total = total + levelLoss * _config.Loss.Pitch;
        GuardedFunction.Backward(total);
        values["gradient_norm"] = Optimizer.Step(_config.Schedule.At(Step, _config.Steps), _config.MaxGradientNorm);
        State.Step++;
        return values;
    }

    private Tensor Pitch(Tensor pitch_BNC, Tensor target_BS, Dictionary<string, double> values)
    {
        var loss = _pitch!.Compute(pitch_BNC, target_BS);
        values["pitch"] = loss.item<float>();
        return loss;
    }

    /// <summary>Which items see the low band.</summary>
    private bool[] Lows()
    {
        var draw = Seeds.Random(_config.Seed, Step, "lowband");
        return [.. Enumerable.Range(0, _config.BatchSize).Select(_ => Model.Decoder.Lowband is not null && draw.NextDouble() < _config.Lowband.Share)];
    }

    /// <summary>Quantized coefficients, zeros for items without, and the loss of what they are expected to be.</summary>
    private (Tensor? Coefficients_BTK, Tensor? Loss) Coefficients(Tensor audio_BS, Tensor latent_BTD, bool[] lows, Dictionary<string, double> values)
    {
        if (Model.Decoder.Lowband is not { } layer)
            return (null, null);
        var draw = Seeds.Random(_config.Seed, Step, "coarseness");
        var range = Math.Log(_config.Lowband.Coarsest / _config.Lowband.Finest);
        float[] coarseness = [.. lows.Select(_ => (float)(_config.Lowband.Finest * Math.Exp(range * draw.NextDouble())))];
        var level_BTK = layer.Level(latent_BTD.detach());
        using var scope = NewDisposeScope();
        Tensor coefficients_BTK, quantized_BTK;
        using (no_grad())
        {
            coefficients_BTK = layer.Analyze(Pad(audio_BS));
            var seen_B11 = tensor([.. lows.Select(low => low ? 1f : 0)], [lows.Length, 1, 1], device: audio_BS.device);
            quantized_BTK = layer.Quantize(coefficients_BTK, level_BTK, tensor(coarseness, [lows.Length, 1, 1], device: audio_BS.device)) * seen_B11;
        }
        var loss = Lowband.LevelLoss(level_BTK, coefficients_BTK);
        values["level"] = loss.item<float>();
        return (quantized_BTK.MoveToOuterDisposeScope(), loss.MoveToOuterDisposeScope());
    }

    /// <summary>What the optimizer moves.</summary>
    private static IEnumerable<(string Name, TorchSharp.Modules.Parameter Parameter)> Trained(NativeModel model, CodecTrainConfig config)
    {
        foreach (var (name, parameter) in model.named_parameters())
        {
            bool In(string part) => name.StartsWith(part, StringComparison.Ordinal);
            var kept = config.Lowband.KeepLevels && In("decoder.lowband.level.");
            parameter.requires_grad = (In("decoder.") && !kept) || (In("encoder.") && !config.DecoderOnly) || (In("quantizer.") && config.BooksLearn);
        }
        return model.named_parameters().Where(p => p.parameter.requires_grad);
    }

    private (Tensor Latent_BTD, Tensor? Loss) Quantize(Tensor audio_BS, bool[] lows, Dictionary<string, double> values)
    {
        using var mode = _config.DecoderOnly ? no_grad() : null;
        var latent_BTD = Model.Encoder.forward(Pad(audio_BS), null);
        if (!Quantizing)
            return (latent_BTD, null);
        var limits = _config.Model.Quantizer.Scalable ? DrawBooks(lows) : null;
        var quantized = Model.Quantizer is ILearnedQuantizer learned && _config.BooksLearn
            ? learned.Quantize(latent_BTD, limits, Seeds.Random(_config.Seed, Step, "replace"))
            : Model.Quantizer.Quantize(latent_BTD, limits);
        values["commitment"] = quantized.Loss.item<float>();
        return (quantized.Quantized, _config.DecoderOnly ? null : quantized.Loss);
    }

    /// <summary>Quantizer dropout: books that each item keeps.</summary>
    private int[] DrawBooks(bool[] lows)
    {
        var draw = Seeds.Random(_config.Seed, Step, "books");
        var books = Model.Quantizer.Books.Count;
        return [.. lows.Select(low => low ? _config.Lowband.Draw(draw, books) : draw.NextDouble() < _config.AllBooksShare ? books : 1 + draw.Next(books))];
    }

    /// <summary>K-means on latents of as many crops as give every entry a few vectors.</summary>
    private void InitializeBooks()
    {
        if (Model.Quantizer is not ILearnedQuantizer quantizer)
            return;
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var perStep = _config.BatchSize * _padded / _config.Model.HopLength;
        var batches = Math.Max(1, 12 * _config.Model.Quantizer.Size / perStep);
        var latents = Enumerable.Range(0, batches)
            .Select(i => Model.Encoder.forward(Pad(Crops(Step + 1 + i)), null).reshape(-1, _config.Model.LatentDim)).ToArray();
        quantizer.Initialize(cat(latents), iterations: 8, Seeds.Random(_config.Seed, Step, "k-means"));
    }

    private Tensor Crops(long step)
        => tensor(_crops.Batch(step, _config.BatchSize, _samples), [_config.BatchSize, _samples], device: _device);

    private Tensor Pad(Tensor audio_BS) => nn.functional.pad(audio_BS, [0, _padded - _samples]);

    public void Dispose()
    {
        Model.Dispose();
        Optimizer.Dispose();
        _loss.Dispose();
        _adversarial?.Dispose();
    }
}
