using Codec.Audio;
using Codec.Core;
using Codec.Core.Codecs.Native;
using Codec.Speech.Repair;

namespace Codec.Cli;

/// <summary>Repair models for codecs: the bundled ones, or one that the user names.</summary>
internal static class RepairOptions
{
    /// <summary>A model for a codec.</summary>
    /// <param name="path">Null for the bundled one.</param>
    /// <returns>Null where none is bundled for the codec.</returns>
    /// <exception cref="ConfigException">A model was named and the codec is of another family.</exception>
    public static RepairModel? Load(string? path, ICodec codec, RepairKind kind)
    {
        if (codec is NativeCodec native)
            return path is null ? BundledRepairs.Load(native, kind) : RepairFile.Load(path, native, kind);
        return path is null ? null : throw new ConfigException($"{path}: expected a native codec beside it, found {codec.Info.Name}");
    }

    /// <summary>The same, where there must be one.</summary>
    /// <exception cref="ConfigException">None is bundled for the codec.</exception>
    public static RepairModel Require(string? path, ICodec codec, RepairKind kind)
        => Load(path, codec, kind) ?? throw new ConfigException(
            $"no {kind.ToString().ToLowerInvariant()} repair model is bundled for the codes of {codec.Info.Name}: train one with codec train (src/Codec.Speech/Repair/README.md)");
}
