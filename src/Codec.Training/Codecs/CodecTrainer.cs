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
    private readonly BatchParts _parts;
    private readonly IReadOnlyList<Tensor> _encoder, _quantizer, _decoder; // weights that learn
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
        var trained = Trained(Model, config).ToList();
        Optimizer = new AdamW(trained, config.Optimizer);
        IReadOnlyList<Tensor> Of(string part) => [.. trained.Where(p => p.Name.StartsWith(part, StringComparison.Ordinal)).Select(p => p.Parameter)];
        (_encoder, _quantizer, _decoder) = (Of("encoder."), Of("quantizer."), Of("decoder."));
        var threads = device.type == DeviceType.CPU ? get_num_threads() : 1;
        _parts = new BatchParts(config.Parts > 0 ? config.Parts : config.BatchSize % threads == 0 ? threads : 1, config.BatchSize);
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
            return _parts.Between(Learn);
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
        Tensor[] encoded = _parts.Run(part => Encode(target_BS, part));
        scope.Attach(encoded);
        var latent_BTD = cat(encoded).detach().requires_grad_(!_config.DecoderOnly);
        var (quantized_BTD, quantizerLoss) = _parts.Whole(() => Quantize(latent_BTD, lows, values));
        var (lowband_BTK, levelLoss) = Coefficients(target_BS, quantized_BTD, lows, values);
        int[] noiseStarts = NoiseStarts();
        DecodedPart[] parts = _parts.Run(part => Decode(part, quantized_BTD, lowband_BTK, target_BS, noiseStarts));
        scope.Attach(parts.SelectMany(part => part.Tensors));
        foreach (var (name, value) in parts.SelectMany(part => part.Values))
            values[name] = values.GetValueOrDefault(name) + value / parts.Length;

        var output_BS = OutputGradient(parts);
        IReadOnlyList<Tensor?>[] learned = _parts.Run(part => DecoderGradients(parts[part], output_BS, part));
        scope.Attach(learned.SelectMany(gradients => gradients).OfType<Tensor>());
        SetGradients(_decoder, learned);
        if (!_config.DecoderOnly)
            LearnCodes(scope, encoded, latent_BTD, (quantized_BTD * cat([.. learned.Select(gradients => gradients[^1]!)])).sum(), quantizerLoss);
        if (levelLoss is { requires_grad: true })
            (levelLoss * _config.Loss.Pitch).backward();
        if (parts[0].Discriminators.Count > 0)
            _adversarial!.Learn([.. parts.Select(part => part.Discriminators)]);
        values["gradient_norm"] = _parts.Whole(() => Optimizer.Step(_config.Schedule.At(Step, _config.Steps), _config.MaxGradientNorm));
        State.Step++;
        return values;
    }

    /// <summary>A part of the batch, decoded.</summary>
    /// <param name="Latent_BTD">What was decoded: a leaf of the graph.</param>
    /// <param name="Output_BS">What came out.</param>
    /// <param name="PitchLoss">Null without an excitation.</param>
    /// <param name="Terms">Gradients at the output with the weights of their losses.</param>
    /// <param name="Discriminators">Gradients of their weights; none where they do not learn.</param>
    /// <param name="Values">Losses by name.</param>
    private sealed record DecodedPart(Tensor Latent_BTD, Tensor Output_BS, Tensor? PitchLoss, IReadOnlyList<(string Name, Tensor Gradient, double Weight)> Terms,
        IReadOnlyList<Tensor?> Discriminators, IReadOnlyDictionary<string, double> Values)
    {
        public IEnumerable<Tensor> Tensors => new[] { Latent_BTD, Output_BS, PitchLoss }.Concat(Terms.Select(term => term.Gradient)).Concat(Discriminators).OfType<Tensor>();
    }

    private Tensor Encode(Tensor audio_BS, int part)
    {
        using var mode = _config.DecoderOnly ? no_grad() : null;
        using var scope = NewDisposeScope();
        return Model.Encoder.forward(Pad(_parts.Of(audio_BS, part)), null).DetachFromDisposeScope();
    }

    private DecodedPart Decode(int part, Tensor quantized_BTD, Tensor? lowband_BTK, Tensor target_BS, int[] noiseStarts)
    {
        using var scope = NewDisposeScope();
        var latent_BTD = _parts.Of(quantized_BTD, part).detach().requires_grad_(!_config.DecoderOnly);
        target_BS = _parts.Of(target_BS, part);
        var (decoded_BS, pitch_BNC) = Model.Decoder.Decode(latent_BTD, null, lowband_BTK is null ? null : _parts.Of(lowband_BTK, part), [.. noiseStarts.Skip(part * _parts.Items).Take(_parts.Items)]);
        var output_BS = decoded_BS.narrow(1, _config.Model.DelaySamples, _samples);
        var values = new Dictionary<string, double>();
        var leaf_BS = output_BS.detach().requires_grad_(true);
        var terms = _loss.Compute(leaf_BS, target_BS, values).Select(term => (term.Name, Gradient: GuardedFunction.Gradients(term.Loss, [leaf_BS])[0]!, term.Weight)).ToList();
        IReadOnlyList<Tensor?> discriminators = [];
        if (_adversarial is not null && Step >= _config.Adversarial!.From)
        {
            (var gradient_BS, discriminators) = _adversarial.Judge(output_BS, target_BS, learn: Step % _config.Adversarial.Every == 0, values);
            terms.Add(("adversarial", gradient_BS, _config.Adversarial.Weight));
        }
        var pitchLoss = pitch_BNC is null ? null : Pitch(pitch_BNC, target_BS, values);
        var decoded = new DecodedPart(latent_BTD, output_BS, pitchLoss, terms, discriminators, values);
        scope.Detach(decoded.Tensors);
        return decoded;
    }

    /// <summary>What the losses ask of the output, [B, S].</summary>
    private Tensor OutputGradient(DecodedPart[] parts)
    {
        var terms = parts[0].Terms.Select((term, i) => (term.Name, Gradient: cat([.. parts.Select(part => part.Terms[i].Gradient)]).div_(parts.Length), term.Weight)).ToList();
        return _config.Loss.Balance
            ? State.Balancer.Combine(terms)
            : terms.Select(term => term.Gradient * term.Weight).Aggregate((a, b) => a + b);
    }

    /// <summary>Of the decoder's weights, and at the end of what was decoded where it learns, too.</summary>
    private IReadOnlyList<Tensor?> DecoderGradients(DecodedPart decoded, Tensor output_BS, int part)
    {
        using var scope = NewDisposeScope();
        var loss = (decoded.Output_BS * _parts.Of(output_BS, part)).sum();
        if (decoded.PitchLoss is not null)
            loss = loss + decoded.PitchLoss * (_config.Loss.Pitch / _parts.Count);
        return Detached(scope, GuardedFunction.Gradients(loss, [.. _decoder, .. _config.DecoderOnly ? Array.Empty<Tensor>() : [decoded.Latent_BTD]]));
    }

    /// <summary>Gradients of quantizer and encoder.</summary>
    private void LearnCodes(DisposeScope scope, Tensor[] encoded, Tensor latent_BTD, Tensor loss, Tensor? quantizerLoss)
    {
        if (quantizerLoss is not null)
            loss = loss + quantizerLoss * _config.Loss.Commitment;
        var gradients = GuardedFunction.Gradients(loss, [latent_BTD, .. _quantizer]);
        SetGradients(_quantizer, [[.. gradients.Skip(1)]]);
        IReadOnlyList<Tensor?>[] learned = _parts.Run(part =>
        {
            using var own = NewDisposeScope();
            return Detached(own, GuardedFunction.Gradients((encoded[part] * _parts.Of(gradients[0]!, part)).sum(), [.. _encoder]));
        });
        scope.Attach(learned.SelectMany(part => part).OfType<Tensor>());
        SetGradients(_encoder, learned);
    }

    private static IReadOnlyList<Tensor?> Detached(DisposeScope scope, IReadOnlyList<Tensor?> tensors)
    {
        scope.Detach(tensors.OfType<Tensor>());
        return tensors;
    }

    /// <summary>Adds gradients to what weights have, part by part, so that their sum does not depend on which part was first.</summary>
    /// <param name="weights">In the order of the gradients.</param>
    /// <param name="parts">Null: none. More than there are weights are left out.</param>
    /// <param name="scale">Of every part.</param>
    internal static void SetGradients(IReadOnlyList<Tensor> weights, IReadOnlyList<IReadOnlyList<Tensor?>> parts, double scale = 1)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        for (var i = 0; i < weights.Count; i++)
            foreach (var gradient in parts.Select(part => part[i]).OfType<Tensor>())
                if (weights[i].grad is { } sum)
                    sum.add_(gradient, alpha: scale);
                else
                    weights[i].grad = gradient * scale; // the weight holds it from here on
    }

    /// <summary>Where each item begins in the excitation's noise.</summary>
    private int[] NoiseStarts()
    {
        var draw = Seeds.Random(_config.Seed, Step, "noise");
        return [.. Enumerable.Range(0, _config.BatchSize).Select(_ => draw.Next(_config.Model.Excitation?.PeriodSpectra ?? 1))];
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

    private (Tensor Latent_BTD, Tensor? Loss) Quantize(Tensor latent_BTD, bool[] lows, Dictionary<string, double> values)
    {
        using var mode = _config.DecoderOnly ? no_grad() : null;
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
        _parts.Dispose();
    }
}
