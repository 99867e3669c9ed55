using Codec.Audio;
using Codec.Core.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Codecs;

/// <summary>
/// A published (or our own) kind of codec. To add one: a folder Codecs/Name with a class that implements this, and one line in
/// <see cref="CodecCatalog.Families"/>.
/// </summary>
public interface ICodecFamily
{
    /// <summary>Lower case, e.g. "encodec".</summary>
    string Name { get; }

    /// <summary>Presets with their numbers, which never change: files carry them.</summary>
    IReadOnlyList<CodecPreset> Presets { get; }

    /// <summary>Whether a checkpoint is of this family, by its keys and shapes; reads no tensor.</summary>
    bool Recognises(Checkpoint checkpoint);

    /// <summary>What a recognised checkpoint holds, without loading its tensors.</summary>
    /// <exception cref="CheckpointException">The sizes contradict each other.</exception>
    CodecDescription Describe(Checkpoint checkpoint);

    /// <summary>The codec, ready for inference on the CPU. <see cref="CodecInfo.WeightHash"/> and <see cref="CodecInfo.CatalogueId"/> are set.</summary>
    /// <exception cref="CheckpointException">Keys are missing, unexpected or misshapen.</exception>
    ICodec Load(Checkpoint checkpoint);

    /// <summary>The codec on another device, for families whose kernels run there.</summary>
    /// <exception cref="ConfigException">The family runs on the CPU only.</exception>
    ICodec Load(Checkpoint checkpoint, Device device)
        => device.type == DeviceType.CPU ? Load(checkpoint) : throw new ConfigException($"device {device}: {Name} codecs run on the CPU only");

    /// <summary>A codec of a few thousand random weights for the catalogue's tests.</summary>
    ICodec CreateTiny(int seed);
}

/// <summary>One published size of a family.</summary>
/// <param name="Id">Stable number in files; see <see cref="CodecCatalog"/> for the ranges.</param>
/// <param name="Name">Family and preset, e.g. "encodec/24khz".</param>
/// <param name="Licence">What the published weights' licence allows, in one line; weights of other origin may differ.</param>
public sealed record CodecPreset(int Id, string Name, string Licence);

/// <summary>What `codec models` says of a checkpoint.</summary>
/// <param name="Preset">Family and preset.</param>
/// <param name="Info">Rates and books; its hash is empty (see <see cref="Checkpoint.Sha256"/>).</param>
/// <param name="Parameters">Numbers that inference uses.</param>
public sealed record CodecDescription(CodecPreset Preset, CodecInfo Info, long Parameters);
