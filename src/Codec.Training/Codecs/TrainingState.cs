using System.Text.Json;
using Codec.Core.Checkpoints;
using Codec.Training.Losses;
using Codec.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Codecs;

/// <summary>All that a run must remember to go on exactly: weights, optimizer, averages, step.</summary>
public sealed class TrainingState(nn.Module model, AdamW optimizer, AdversarialTraining? adversarial)
{
    /// <summary>Steps done.</summary>
    public long Step { get; set; }

    /// <summary>Running gradient norms, where the losses are balanced.</summary>
    public LossBalancer Balancer { get; } = new();

    /// <summary>Everything by name; the tensors stay owned by their modules.</summary>
    public IReadOnlyDictionary<string, Tensor> Tensors()
    {
        var tensors = new SortedDictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var (name, value) in model.state_dict())
            tensors["model." + name] = value;
        foreach (var (name, value) in optimizer.State)
            tensors["optimizer." + name] = value;
        foreach (var (name, value) in adversarial?.State ?? [])
            tensors["adversarial." + name] = value;
        return tensors;
    }

    /// <summary>Writes the state to a temporary file and renames it.</summary>
    public void Save(string path)
        => SafetensorsFile.Write(path, Tensors(), new Dictionary<string, string>
        {
            ["step"] = Step.ToString(System.Globalization.CultureInfo.InvariantCulture),
            ["optimizer_steps"] = optimizer.Steps.ToString(System.Globalization.CultureInfo.InvariantCulture),
            ["balancer"] = JsonSerializer.Serialize(Balancer.State.ToDictionary(s => s.Key, s => new[] { s.Value.Norm, s.Value.Weight })),
            ["discriminator_steps"] = (adversarial?.Steps ?? 0).ToString(System.Globalization.CultureInfo.InvariantCulture),
        });

    /// <summary>Takes up a saved state. Discriminators, and means of what did not learn before, that the file does not know start afresh.</summary>
    /// <exception cref="CheckpointException">The file does not fit the run.</exception>
    public void Load(string path)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var checkpoint = Checkpoint.Open(path);
        var missing = new List<string>();
        foreach (var (name, value) in Tensors())
        {
            if (!checkpoint.Tensors.TryGetValue(name, out var saved))
            {
                if (name.StartsWith("model.", StringComparison.Ordinal))
                    missing.Add(name);
                continue;
            }
            using var loaded = saved.Load();
            if (!loaded.shape.SequenceEqual(value.shape))
                missing.Add($"{name} (expected [{string.Join(", ", value.shape)}], found [{string.Join(", ", loaded.shape)}])");
            else
                value.copy_(loaded);
        }
        if (missing.Count > 0)
            throw new CheckpointException(path, $"does not fit this run: {string.Join("; ", missing.Take(5))}{(missing.Count > 5 ? $"; and {missing.Count - 5} more" : "")}");
        long Number(string key) => checkpoint.Metadata.TryGetValue(key, out var text) && long.TryParse(text as string, out var value) ? value : 0;
        Step = Number("step");
        optimizer.Resume(Number("optimizer_steps"));
        adversarial?.Resume(Number("discriminator_steps"));
        if (checkpoint.Metadata.TryGetValue("balancer", out var norms) && norms is string json)
            Balancer.Resume(JsonSerializer.Deserialize<Dictionary<string, double[]>>(json)!
                .Select(s => KeyValuePair.Create(s.Key, (s.Value[0], s.Value[1]))));
    }
}
