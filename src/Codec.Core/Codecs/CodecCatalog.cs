using Codec.Audio;
using Codec.Core.Checkpoints;
using Codec.Core.Codecs.Dac;
using Codec.Core.Codecs.Encodec;
using Codec.Core.Codecs.Esc;
using Codec.Core.Codecs.HifiCodec;
using Codec.Core.Codecs.LanguageCodec;
using Codec.Core.Codecs.Lfsc;
using Codec.Core.Codecs.Mimi;
using Codec.Core.Codecs.Native;
using Codec.Core.Codecs.Snac;
using Codec.Core.Codecs.SpeechTokenizer;
using Codec.Core.Codecs.Vocos;
using Codec.Core.Codecs.WavTokenizer;
using Codec.Core.Runtime;
using static TorchSharp.torch;

namespace Codec.Core.Codecs;

/// <summary>
/// All codecs. Numbers by family: 1-9 native, 10 EnCodec, 20 DAC, 30 SNAC, 40 Mimi, 50 WavTokenizer, 60 Vocos,
/// 70 HiFi-Codec, 80 SpeechTokenizer, 90 Language-Codec, 100 ESC, 110 low-frame-rate group FSQ; ten each, the last of each
/// ten (19, 29, ...) for sizes that nobody published. Numbers are in files: never reuse one.
/// </summary>
public static class CodecCatalog
{
    /// <summary>One line per family; the first that recognises a checkpoint takes it.</summary>
    public static IReadOnlyList<ICodecFamily> Families { get; } =
    [
        new NativeFamily(),
        new EncodecFamily(),
        new DacFamily(),
        new SnacFamily(),
        new MimiFamily(),
        new WavTokenizerFamily(),
        new HifiCodecFamily(),
        new SpeechTokenizerFamily(),
        new LanguageCodecFamily(),
        new EscFamily(),
        new LfscFamily(),
    ];

    /// <summary>The preset with a number; null where unknown.</summary>
    public static CodecPreset? Find(int id) => Families.SelectMany(family => family.Presets).FirstOrDefault(preset => preset.Id == id);

    /// <summary>What a checkpoint holds, without loading its tensors.</summary>
    /// <param name="path">File, folder or hub cache.</param>
    /// <exception cref="CheckpointException">Unreadable, or of no known family.</exception>
    public static CodecDescription Describe(string path)
    {
        var checkpoint = Checkpoint.Open(path);
        return FamilyOf(checkpoint).Describe(checkpoint);
    }

    /// <summary>
    /// Whether a checkpoint has the keys and shapes of a family's model, or of a vocoder, without loading its tensors or making room for them. Modules are
    /// made on the meta device for this, which is the default of the whole process meanwhile: no other thread may make any.
    /// </summary>
    /// <exception cref="CheckpointException">Of no known family, or with missing, unexpected or misshapen keys.</exception>
    public static void Check(Checkpoint checkpoint)
    {
        Func<Checkpoint, IDisposable> load = VocosFamily.Recognises(checkpoint) ? VocosFamily.LoadModel : FamilyOf(checkpoint).Load;
        TorchRuntime.EnsureLoaded();
        set_default_device(META);
        try
        {
            load(checkpoint.Unloadable()).Dispose();
        }
        catch (CheckpointTensor.UnloadableException)
        {
            // All keys are compared before the first tensor is loaded.
        }
        finally
        {
            set_default_device(CPU);
        }
    }

    /// <summary>The codec of a checkpoint, ready for inference.</summary>
    /// <param name="path">File, folder or hub cache.</param>
    /// <param name="device">Null for the CPU.</param>
    /// <exception cref="CheckpointException">Unreadable, of no known family, or with missing, unexpected or misshapen keys.</exception>
    /// <exception cref="ConfigException">The family does not run on the device.</exception>
    public static ICodec Load(string path, Device? device = null)
    {
        var checkpoint = Checkpoint.Open(path);
        var family = FamilyOf(checkpoint);
        if (device is null && family is NativeFamily)
            return family.Load(checkpoint); // needs no libtorch
        TorchRuntime.EnsureLoaded();
        return family.Load(checkpoint, device ?? CPU);
    }

    /// <exception cref="CheckpointException">Of no known family.</exception>
    public static ICodecFamily FamilyOf(Checkpoint checkpoint)
        => Families.FirstOrDefault(family => family.Recognises(checkpoint))
            ?? throw new CheckpointException(checkpoint.FilePath,
                $"of no known codec family ({string.Join(", ", Families.Select(f => f.Name))}): "
                + (checkpoint.Tensors.Count == 0 ? "holds no tensors" : $"its {checkpoint.Tensors.Count} keys begin with {string.Join(", ", checkpoint.Tensors.Keys.Order(StringComparer.Ordinal).Take(3))}"));
}
