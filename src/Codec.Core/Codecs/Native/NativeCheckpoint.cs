using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Codec.Audio;
using Codec.Core.Checkpoints;
using Codec.Core.Codecs.Native.Inference;
using Codec.Core.Quantizers;
using Codec.Core.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Native;

/// <summary>
/// Native models on disk: one safetensors file whose metadata holds the config as JSON under <see cref="ConfigKey"/>.
/// Windows and running sums of codebooks are not stored: they follow from the config or matter in training only.
/// </summary>
public static class NativeCheckpoint
{
    public const string ConfigKey = "codec.config";

    /// <summary>Metadata of a model whose encoder learned on while its books stayed: the <see cref="CodecInfo.TokenHash"/> of the model that it
    /// began as. Its codes mean the same, so entropy tables, language models and repairs of that model serve it, too.</summary>
    public const string TokensKey = "codec.tokens";

    private const string Book = "quantizer.layers.";

    private static readonly string[] TokenPrefixes = ["encoder.", "quantizer."];
    private static readonly string[] Unstored = [".window", ".analysis", ".spectra", ".synthesis", ".cluster_size", ".embed_sum"];

    /// <summary>True where the file says that it is one of ours.</summary>
    public static bool Fits(Checkpoint checkpoint) => checkpoint.Metadata.ContainsKey(ConfigKey);

    /// <summary>A codec ready for inference.</summary>
    /// <exception cref="CheckpointException">Unreadable, not of this family, or keys do not fit.</exception>
    public static NativeCodec Load(string path, Device? device = null) => Load(Checkpoint.Open(path), device);

    /// <inheritdoc cref="Load(string, Device?)"/>
    public static NativeCodec Load(Checkpoint checkpoint, Device? device = null)
    {
        var config = ReadConfig(checkpoint);
        if (NativeShapes.Covers(config) && device is null or { type: DeviceType.CPU })
            return LoadKernels(checkpoint, config);
        return new NativeCodec(LoadModel(checkpoint, config, device), checkpoint.Sha256, TokenHash(checkpoint, config));
    }

    /// <summary>A codec that does not need libtorch.</summary>
    private static NativeCodec LoadKernels(Checkpoint checkpoint, NativeConfig config)
    {
        var targets = NativeShapes.Of(config).ToDictionary(p => p.Key, p => (ScalarType.Float32, p.Value));
        ModuleLoader.Check(checkpoint, nameof(NativeModel), targets, name => IsStored(name) ? name : null);
        return new NativeCodec(config, new NativeKernels(config, NativeWeights.Of(checkpoint), null), () => LoadModel(checkpoint, config, null),
            checkpoint.Sha256, TokenHash(checkpoint, config));
    }

    private static NativeModel LoadModel(Checkpoint checkpoint, NativeConfig config, Device? device)
    {
        TorchRuntime.EnsureLoaded();
        var model = NativeModel.Create(config);
        try
        {
            Fill(model, checkpoint);
            model.to(device ?? CPU);
            model.eval();
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>The config inside a checkpoint.</summary>
    /// <exception cref="CheckpointException">There is none, or it is not valid.</exception>
    public static NativeConfig ReadConfig(Checkpoint checkpoint)
    {
        if (!checkpoint.Metadata.TryGetValue(ConfigKey, out var text) || text is not string json)
            throw new CheckpointException(checkpoint.FilePath, $"expected metadata {ConfigKey} of a native codec, found none");
        try
        {
            return NativeConfig.FromJson(json, ConfigKey);
        }
        catch (ConfigException e)
        {
            throw new CheckpointException(checkpoint.FilePath, e.Message, e);
        }
    }

    /// <summary>
    /// Fills a model to train on from it. A model whose frames are n times as long as the checkpoint's starts from it too: its layers
    /// between spectra and frames from n copies, its books from the first ones. So does a model with an excitation from one without:
    /// the phases that follow it begin at those of the excitation. One with a low band begins with a new layer for it.
    /// </summary>
    /// <exception cref="CheckpointException">Unreadable, not of this family, or keys do not fit.</exception>
    public static void LoadWeights(NativeModel model, string path)
    {
        var checkpoint = Checkpoint.Open(path);
        var (from, to) = (ReadConfig(checkpoint), model.Config);
        if (to.HopLength > from.HopLength && to.HopLength % from.HopLength == 0)
            checkpoint = Lengthen(checkpoint, to.HopLength / from.HopLength, to.Quantizer.Books);
        if (to.Excitation is not null && from.Excitation is null)
            checkpoint = Excite(checkpoint, to, to.Excitation);
        if (to.Lowband is not null && from.Lowband is null)
            checkpoint = checkpoint.WithTensors(checkpoint.Tensors.Values.Concat(model.state_dict().Where(p => p.Key.StartsWith("decoder.lowband.", StringComparison.Ordinal) && IsStored(p.Key))
                .Select(p => new CheckpointTensor(p.Key, ScalarType.Float32, p.Value.shape, p.Value.clone))));
        Fill(model, checkpoint);
    }

    /// <summary>The checkpoint as one of n times as long frames.</summary>
    private static Checkpoint Lengthen(Checkpoint checkpoint, int n, int books)
    {
        CheckpointTensor Repeat(CheckpointTensor tensor, int axis, float factor) => tensor.Map(
            [.. tensor.Shape.Select((size, i) => i == axis ? size * n : size)], x => cat([.. Enumerable.Repeat(x, n)], axis).mul_(factor));
        return checkpoint.WithTensors(checkpoint.Tensors.Values
            .Where(t => !t.Name.StartsWith(Book, StringComparison.Ordinal)
                || !int.TryParse(t.Name[Book.Length..].Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var book) || book < books)
            .Select(t => t.Name switch
            {
                "encoder.embed.weight" => Repeat(t, 1, 1f / n),
                "decoder.upsample.weight" or "decoder.upsample.bias" => Repeat(t, 0, 1),
                _ => t,
            }));
    }

    private static Checkpoint Excite(Checkpoint checkpoint, NativeConfig config, ExcitationConfig excitation)
    {
        var bins = new Excitation(config, excitation).Bins;
        static CheckpointTensor Zeros(string name, params long[] shape) => new(name, ScalarType.Float32, shape, () => zeros(shape));
        CheckpointTensor Cleared(CheckpointTensor tensor) => tensor.Map(tensor.Shape, x =>
        {
            x.narrow(0, config.Bins, bins).zero_();
            return x.alias();
        });
        return checkpoint.WithTensors(checkpoint.Tensors.Values.Select(t => t.Name is "decoder.head.weight" or "decoder.head.bias" ? Cleared(t) : t)
            .Append(Zeros("decoder.pitch.weight", excitation.Classes + 1, config.HeadWidth)).Append(Zeros("decoder.pitch.bias", excitation.Classes + 1)));
    }

    /// <summary>Writes a model for inference.</summary>
    /// <param name="model">Its weights are stored.</param>
    /// <param name="path">Target; replaced only when all is written.</param>
    /// <param name="half">Store 16-bit floats.</param>
    /// <param name="metadata">Further entries: training steps, seed, data.</param>
    public static void Save(NativeModel model, string path, bool half = true, IReadOnlyDictionary<string, string>? metadata = null)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var tensors = model.state_dict().Where(p => IsStored(p.Key))
            .ToDictionary(p => p.Key, p => p.Value.cpu().to(half ? ScalarType.Float16 : ScalarType.Float32));
        var entries = new Dictionary<string, string>(metadata ?? new Dictionary<string, string>()) { [ConfigKey] = model.Config.ToJson() };
        SafetensorsFile.Write(path, tensors, entries);
    }

    /// <summary>What the file names under <see cref="TokensKey"/>, or SHA-256 over what decides the codes: rates and windows, then name, type, shape
    /// and stored numbers of every tensor of encoder and quantizer in the order of their names.</summary>
    private static string TokenHash(Checkpoint checkpoint, NativeConfig config)
    {
        if (checkpoint.Metadata.TryGetValue(TokensKey, out var named))
            return named is string { Length: 64 } text && text.All(char.IsAsciiHexDigitLower)
                ? text
                : throw new CheckpointException(checkpoint.FilePath, $"expected 64 lower-case hexadecimal digits under {TokensKey}, found {named}");
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append($"{config.SampleRate} {config.HopLength} {config.WindowLength} {config.StftHop}");
        foreach (var (name, tensor) in checkpoint.Tensors.Where(t => IsStored(t.Key) && TokenPrefixes.Any(t.Key.StartsWith)).OrderBy(t => t.Key, StringComparer.Ordinal))
        {
            Append($"\n{name} {tensor.Dtype} {string.Join(' ', tensor.Shape)}\n");
            hash.AppendData(tensor.Bytes());
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());

        void Append(FormattableString text) => hash.AppendData(Encoding.UTF8.GetBytes(FormattableString.Invariant(text)));
    }

    private static bool IsStored(string key) => !Unstored.Any(key.EndsWith);

    private static void Fill(NativeModel model, Checkpoint checkpoint)
    {
        var own = model.state_dict().Where(p => !IsStored(p.Key))
            .Select(p => new CheckpointTensor(p.Key, p.Value.dtype, p.Value.shape, () => p.Value.clone()));
        checkpoint.WithTensors(checkpoint.Tensors.Values.Where(t => IsStored(t.Name)).Concat(own)).LoadInto(model);
        (model.Quantizer as ILearnedQuantizer)?.ResetSums();
    }
}
