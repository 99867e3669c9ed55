using Codec.Audio;
using Codec.Core.Checkpoints;
using Codec.Core.Codecs.Native;

namespace Codec.Speech.Repair;

/// <summary>The repair models that come with this library, as content files beside the assembly.</summary>
public static class BundledRepairs
{
    /// <summary>Folder of the model files.</summary>
    public static string Folder { get; } = Path.Combine(AppContext.BaseDirectory, "Pretrained", "Repair");

    /// <summary>The bundled model for the codes of a codec.</summary>
    /// <returns>Path; null where there is none.</returns>
    public static string? Find(NativeCodec codec, RepairKind kind)
        => !Directory.Exists(Folder) ? null : Directory.EnumerateFiles(Folder, "*.safetensors").Order(StringComparer.Ordinal).FirstOrDefault(path =>
        {
            var info = RepairFile.Read(path);
            return info.Model.Kind == kind && info.Tokens == codec.Info.TokenHash;
        });
}
