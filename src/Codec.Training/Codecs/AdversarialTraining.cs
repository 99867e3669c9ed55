using Codec.Core.Layers;
using Codec.Training.Discriminators;
using Codec.Training.Losses;
using Codec.Training.Optimization;
using AdamW = Codec.Training.Optimization.AdamW;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Codecs;

/// <summary>Discriminators, their optimizer, and what they tell the codec: least-squares GAN with feature matching.</summary>
public sealed class AdversarialTraining : IDisposable
{
    private readonly AdversarialConfig _config;
    private readonly DiscriminatorEnsemble _discriminators;
    private readonly AdamW _optimizer;
    private readonly CodecTrainConfig _run;

    public AdversarialTraining(CodecTrainConfig run, AdversarialConfig config, Device device)
    {
        _run = run;
        _config = config;
        _discriminators = ModuleFactory.Build(() => new DiscriminatorEnsemble(config));
        _discriminators.to(device);
        _optimizer = new AdamW(_discriminators.named_parameters(), run.Optimizer);
    }

    /// <summary>Weights and optimizer by name.</summary>
    public IEnumerable<(string Name, Tensor Value)> State
        => _discriminators.state_dict().Select(p => (p.Key, p.Value)).Concat(_optimizer.State.Select(s => ("optimizer." + s.Name, s.Value)));

    /// <summary>Updates made.</summary>
    public long Steps => _optimizer.Steps;

    public void Resume(long steps) => _optimizer.Resume(steps);

    /// <summary>
    /// What the codec is to lower: to be taken for real, with the features of the real. What the discriminators learn follows from the same judgement
    /// (one forward pass for both). Parts of a batch may be judged side by side.
    /// </summary>
    /// <param name="output_BS">Decoded audio, [B, S].</param>
    /// <param name="target_BS">Real audio, same shape.</param>
    /// <param name="learn">Whether the discriminators learn in this step.</param>
    /// <param name="values">Takes the unweighted terms.</param>
    /// <returns>The gradient at the output, and where they learn, that of each of the discriminators' weights, for <see cref="Learn"/>.</returns>
    public (Tensor Output_BS, IReadOnlyList<Tensor?> Weights) Judge(Tensor output_BS, Tensor target_BS, bool learn, IDictionary<string, double> values)
    {
        using var scope = NewDisposeScope();
        var leaf_BS = output_BS.detach().requires_grad_(true);
        // The halves apart: the codec's gradient passes through that of the decoded audio only.
        var pairs = _discriminators.Members.Select(d => new Judgement(d.Judge(leaf_BS), d.Judge(target_BS))).ToArray();
        var (generator, matching) = (Mean(pairs, Deception), Mean(pairs, Matching));
        var loss = generator * _config.GeneratorWeight + matching * _config.FeatureWeight;
        (values["generator"], values["matching"]) = (generator.item<float>(), matching.item<float>());
        var gradient_BS = GuardedFunction.Gradients(loss, [leaf_BS], retainGraph: learn)[0]!;
        IReadOnlyList<Tensor?> weights = [];
        if (learn)
        {
            var detection = Mean(pairs, Detection);
            values["discriminator"] = detection.item<float>();
            weights = GuardedFunction.Gradients(detection, [.. _discriminators.parameters()]);
        }
        return (gradient_BS.MoveToOuterDisposeScope(), [.. weights.Select(gradient => gradient?.MoveToOuterDisposeScope())]);
    }

    /// <summary>One update of the discriminators.</summary>
    /// <param name="gradients">Of their weights, from each part of the batch.</param>
    public void Learn(IReadOnlyList<IReadOnlyList<Tensor?>> gradients)
    {
        CodecTrainer.SetGradients([.. _discriminators.parameters()], gradients, 1.0 / gradients.Count);
        _optimizer.Step(_config.LearningRate * _run.Schedule.At(_optimizer.Steps, _run.Steps) / _run.Schedule.LearningRate, _run.MaxGradientNorm);
    }

    /// <summary>Features of every layer of one discriminator, the last one its verdict.</summary>
    private sealed record Judgement(IReadOnlyList<Tensor> Decoded, IReadOnlyList<Tensor> Real);

    private static Tensor Mean(Judgement[] judgements, Func<Judgement, Tensor> loss)
        => stack(judgements.Select(loss).ToArray()).mean();

    /// <summary>Least squares (Mao et al. 2017): real is one, decoded is zero.</summary>
    private static Tensor Detection(Judgement judgement)
        => judgement.Decoded[^1].pow(2).mean() + (1 - judgement.Real[^1]).pow(2).mean();

    private static Tensor Deception(Judgement judgement) => (1 - judgement.Decoded[^1]).pow(2).mean();

    /// <summary>Relative to the size of each feature, so that no layer drowns the others.</summary>
    private static Tensor Matching(Judgement judgement)
        => stack(judgement.Decoded.SkipLast(1).Zip(judgement.Real, (decoded, real)
            => (decoded - real.detach()).abs().mean() / (real.detach().abs().mean() + 1e-4)).ToArray()).mean();

    public void Dispose()
    {
        _discriminators.Dispose();
        _optimizer.Dispose();
    }
}
