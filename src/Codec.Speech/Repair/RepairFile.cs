using System.Text.Json;
using Codec.Audio;
using Codec.Core.Checkpoints;
using Codec.Core.Codecs.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Speech.Repair;

/// <summary>What a repair file says besides weights.</summary>
/// <param name="Model">Shape.</param>
/// <param name="Tokens">The codes that it knows: <see cref="Codec.Core.CodecInfo.TokenHash"/>.</param>
public sealed record RepairInfo(RepairConfig Model, string Tokens);

/// <summary>Our own file of a repair model: half-precision safetensors whose header holds the configuration.</summary>
public static class RepairFile
{
    private const string Key = "codec.repair";

    /// <summary>Writes a model.</summary>
    /// <param name="path">Target; replaced only when all is written.</param>
    /// <param name="metadata">Further strings for the header.</param>
    public static void Save(string path, RepairModel model, string tokens, IReadOnlyDictionary<string, string>? metadata = null)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var header = new Dictionary<string, string>(metadata ?? new Dictionary<string, string>()) { [Key] = JsonSerializer.Serialize(new RepairInfo(model.Config, tokens)) };
        SafetensorsFile.Write(path, model.state_dict().ToDictionary(p => p.Key, p => p.Value.cpu().to(ScalarType.Float16)), header);
    }

    /// <summary>What a file is for, without its weights.</summary>
    /// <exception cref="CheckpointException">Not such a file, or a damaged one.</exception>
    public static RepairInfo Read(string path) => Read(Checkpoint.Open(path));

    /// <summary>Whether a file holds a model of a kind for the codes of a codec.</summary>
    /// <exception cref="CheckpointException">It does not; in one line.</exception>
    public static void Check(string path, NativeCodec codec, RepairKind kind) => Check(Checkpoint.Open(path), codec, kind);

    /// <summary>A model in evaluation mode for a codec.</summary>
    /// <exception cref="CheckpointException">Not such a file, a damaged one, one of another kind, or one for other codes than the codec's.</exception>
    public static RepairModel Load(string path, NativeCodec codec, RepairKind kind)
    {
        var checkpoint = Checkpoint.Open(path);
        var info = Check(checkpoint, codec, kind);
        var device = codec.Model.parameters().First().device; // the codec's own kernels need no libtorch: from here on it is needed
        var model = RepairModel.Create(info.Model);
        try
        {
            checkpoint.LoadInto(model);
            model.to(device);
            model.eval();
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private static string Short(string hash) => hash.Length > 8 ? hash[..8] + "..." : hash;

    private static RepairInfo Check(Checkpoint checkpoint, NativeCodec codec, RepairKind kind)
    {
        var info = Read(checkpoint);
        if (info.Model.Kind != kind)
            throw new CheckpointException(checkpoint.FilePath, $"expected a {kind} repair model, found a {info.Model.Kind} one");
        if (info.Tokens != codec.Info.TokenHash)
            throw new CheckpointException(checkpoint.FilePath, $"was trained on codes {Short(info.Tokens)}, {codec.Info.Name} makes codes {Short(codec.Info.TokenHash)}");
        return info;
    }

    private static RepairInfo Read(Checkpoint checkpoint)
    {
        if (!checkpoint.Metadata.TryGetValue(Key, out var text) || text is not string json)
            throw new CheckpointException(checkpoint.FilePath, $"expected a repair model with {Key} in its header, found none");
        try
        {
            var info = JsonSerializer.Deserialize<RepairInfo>(json) ?? throw new CheckpointException(checkpoint.FilePath, $"{Key} is empty");
            info.Model.Validate();
            return info;
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or ConfigException)
        {
            throw new CheckpointException(checkpoint.FilePath, $"{Key}: {e.Message}", e);
        }
    }
}
