using System.Text.Json;
using Codec.Audio;
using Codec.Core.Checkpoints;
using Codec.Speech.Patterns;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>All that a model file says besides weights.</summary>
/// <param name="Model">Shape.</param>
/// <param name="Pattern">Order of the codes.</param>
/// <param name="Codec">Name and weight hash of the codec whose tokens it models.</param>
public sealed record SpeechLmInfo(SpeechLmConfig Model, PatternSpec Pattern, string Codec);

/// <summary>Our own file of a speech language model: safetensors whose header holds the configuration.</summary>
public static class SpeechLmFile
{
    private const string Key = "codec.lm";

    /// <summary>Writes a model.</summary>
    /// <param name="metadata">Further strings for the header.</param>
    public static void Save(string path, SpeechLm model, SpeechLmInfo info, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var header = new Dictionary<string, string>(metadata ?? new Dictionary<string, string>()) { [Key] = JsonSerializer.Serialize(info) };
        SafetensorsFile.Write(path, model.state_dict(), header);
    }

    /// <summary>A model in evaluation mode.</summary>
    /// <exception cref="CheckpointException">Not such a file, or a damaged one.</exception>
    /// <exception cref="ConfigException">The configuration is out of range.</exception>
    public static (SpeechLm Model, SpeechLmInfo Info) Load(string path, Device? device = null)
    {
        var checkpoint = Checkpoint.Open(path);
        if (!checkpoint.Metadata.TryGetValue(Key, out var text) || text is not string json)
            throw new CheckpointException(path, $"expected a speech language model with {Key} in its header, found none");
        SpeechLmInfo info;
        try
        {
            info = JsonSerializer.Deserialize<SpeechLmInfo>(json) ?? throw new CheckpointException(path, $"{Key} is empty");
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw new CheckpointException(path, $"{Key}: {e.Message}", e);
        }
        var model = new SpeechLm(info.Model.Validate());
        checkpoint.LoadInto(model);
        if (device is not null)
            model.to(device);
        model.eval();
        return (model, info);
    }
}
