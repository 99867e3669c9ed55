using Codec.Core.Bitstream;
using Codec.Core.Checkpoints;

namespace Codec.Core.Pretrained;

/// <summary>The models that come with this library, as content files beside the assembly.</summary>
public static class PretrainedModels
{
    /// <summary>The one that is used when nobody names one.</summary>
    public const string DefaultName = "speech-16khz";

    /// <summary>Folder of the model files.</summary>
    public static string Folder { get; } = Path.Combine(AppContext.BaseDirectory, "Pretrained");

    /// <summary>All that are there, by name.</summary>
    public static IReadOnlyList<PretrainedModel> All { get; } = Find();

    // Weights that were bundled once, and those that took their place with the same encoder, books and steps of the low band (prefixes of their hashes).
    private static readonly Dictionary<uint, uint> Replaced = new()
    {
        [0xaeb8805b] = 0xeee68a6c, [0xfd514131] = 0xeee68a6c, [0xe585513c] = 0xeee68a6c, [0x3e06619d] = 0xeee68a6c, [0xe93a2ff1] = 0xeee68a6c, [0x4bc13aac] = 0xeee68a6c, [0x8accc50b] = 0xeee68a6c, [0x95b5cb48] = 0xd894566b, [0x80fc6c24] = 0xd894566b, [0x740ff1d6] = 0xd894566b,
    };

    /// <summary>The bundled model whose codes a file holds.</summary>
    /// <param name="weightHash"><see cref="CodecFileHeader.WeightHash"/>.</param>
    /// <returns>Null where there is none.</returns>
    public static PretrainedModel? Of(uint weightHash)
        => All.FirstOrDefault(model => HaveSameCodes(CodecFileHeader.HashPrefix(model.Sha256), weightHash));

    /// <summary>Whether codes of one model's encoder and books are those of the other's: both are the same, or one took the other's place with a better decoder.</summary>
    /// <param name="one">Prefix of the hash of its weights.</param>
    /// <param name="other">Likewise.</param>
    public static bool HaveSameCodes(uint one, uint other) => Replaced.GetValueOrDefault(one, one) == Replaced.GetValueOrDefault(other, other);

    /// <summary>A bundled model by its name, or any model by its path.</summary>
    /// <param name="nameOrPath">Null for the default.</param>
    /// <returns>A path that <see cref="Checkpoint.Open"/> takes.</returns>
    /// <exception cref="CheckpointException">Neither a bundled model nor a path that exists.</exception>
    public static string Resolve(string? nameOrPath)
    {
        var name = nameOrPath ?? DefaultName;
        if (All.FirstOrDefault(model => model.Name == name) is { } bundled)
            return bundled.Path;
        if (File.Exists(name) || Directory.Exists(name))
            return name;
        var known = All.Count == 0 ? "none are" : string.Join(", ", All.Select(model => model.Name)) + (All.Count == 1 ? " is" : " are");
        throw new CheckpointException(name, $"no such model: neither a file nor a bundled model ({known} bundled)");
    }

    private static PretrainedModel[] Find()
        => Directory.Exists(Folder)
            ? [.. Directory.EnumerateFiles(Folder, "*.safetensors").Order(StringComparer.Ordinal)
                .Select(path => new PretrainedModel(System.IO.Path.GetFileNameWithoutExtension(path), path))]
            : [];
}

/// <summary>One bundled model.</summary>
public sealed class PretrainedModel(string name, string path)
{
    private readonly Lazy<string> _sha256 = new(() => Checkpoint.Open(path).Sha256);

    public string Name { get; } = name;

    /// <summary>Its safetensors file.</summary>
    public string Path { get; } = path;

    /// <summary>Lower-case hex, as in <see cref="CodecInfo.WeightHash"/>.</summary>
    public string Sha256 => _sha256.Value;
}
