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

    /// <summary>One update of the discriminators.</summary>
    /// <param name="output_BS">Decoded audio without gradient, [B, S].</param>
    /// <param name="target_BS">Real audio, same shape.</param>
    /// <param name="values">Takes the loss.</param>
    public void TrainDiscriminators(Tensor output_BS, Tensor target_BS, IDictionary<string, double> values)
    {
        using var scope = NewDisposeScope();
        Freeze(false);
        Tensor? sum = null;
        foreach (var discriminator in Discriminators)
        {
            // Both halves in one pass: fewer, larger operators.
            var judgement = discriminator.Judge(cat([output_BS, target_BS]))[^1];
            var half = output_BS.shape[0];
            var loss = judgement.narrow(0, 0, half).pow(2).mean() + (1 - judgement.narrow(0, half, half)).pow(2).mean();
            sum = sum is null ? loss : sum + loss;
        }
        var mean = sum! / Discriminators.Count();
        values["discriminator"] = mean.item<float>();
        mean.backward();
        _optimizer.Step(_config.LearningRate * _run.Schedule.At(_optimizer.Steps, _run.Steps) / _run.Schedule.LearningRate, _run.MaxGradientNorm);
    }

    /// <summary>What the codec is to lower: to be taken for real, with the features of the real.</summary>
    /// <param name="output_BS">Decoded audio, [B, S].</param>
    /// <param name="target_BS">Real audio, same shape.</param>
    /// <param name="values">Takes the unweighted terms.</param>
    /// <returns>Unweighted terms with their weights.</returns>
    public IReadOnlyList<LossTerm> GeneratorLoss(Tensor output_BS, Tensor target_BS, IDictionary<string, double> values)
    {
        using var scope = NewDisposeScope();
        Freeze(true);
        Tensor generator = zeros(1, device: output_BS.device), matching = zeros(1, device: output_BS.device);
        foreach (var discriminator in Discriminators)
        {
            var features = discriminator.Judge(cat([output_BS, target_BS]));
            var half = output_BS.shape[0];
            generator = generator + (1 - features[^1].narrow(0, 0, half)).pow(2).mean();
            foreach (var feature in features.SkipLast(1))
            {
                var real = feature.narrow(0, half, half).detach();
                // Relative to the size of the feature, so that no layer drowns the others.
                matching = matching + (feature.narrow(0, 0, half) - real).abs().mean() / (real.abs().mean() + 1e-4) / (features.Count - 1);
            }
        }
        var count = Discriminators.Count();
        values["generator"] = generator.item<float>() / count;
        values["matching"] = matching.item<float>() / count;
        return
        [
            new("generator", (generator / count).squeeze().MoveToOuterDisposeScope(), _config.GeneratorWeight),
            new("matching", (matching / count).squeeze().MoveToOuterDisposeScope(), _config.FeatureWeight),
        ];
    }

    private IEnumerable<IDiscriminator> Discriminators => _discriminators.Members;

    private void Freeze(bool frozen)
    {
        foreach (var parameter in _discriminators.parameters())
            parameter.requires_grad = !frozen;
    }

    public void Dispose()
    {
        _discriminators.Dispose();
        _optimizer.Dispose();
    }
}
