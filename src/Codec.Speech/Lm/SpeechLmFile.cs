using System.Text.Json;
using Codec.Audio;
using Codec.Core.Checkpoints;
using Codec.Core.Kernels;
using Codec.Speech.Patterns;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>All that a model file says besides weights.</summary>
/// <param name="Model">Shape.</param>
/// <param name="Pattern">Order of the codes.</param>
/// <param name="Codec">Name and weight hash of the codec whose tokens it models.</param>
public sealed record SpeechLmInfo(SpeechLmConfig Model, PatternSpec Pattern, string Codec)
{
    /// <summary>Labels of the speakers that the model knows, by index; null = none.</summary>
    public IReadOnlyList<string>? Speakers { get; init; }
}

/// <summary>
/// Our own file of a speech language model: safetensors whose header holds the configuration. Rounded layers are stored as
/// <c>NAME.weight.q8</c> or <c>.q4</c> (uint8 [rows, bytes]: signed bytes, or weights i and i + 16 of each block of 32 as the low and high half
/// of a byte, plus 8) with <c>NAME.weight.scales</c> (float16 [rows, columns / 32]).
/// </summary>
public static class SpeechLmFile
{
    private const string Key = "codec.lm";

    /// <summary>Writes a model.</summary>
    /// <param name="metadata">Further strings for the header.</param>
    /// <param name="half">Store what is not rounded to 8 or 4 bits in 16.</param>
    public static void Save(string path, SpeechLm model, SpeechLmInfo info, IReadOnlyDictionary<string, string>? metadata = null, bool half = false)
    {
        var header = new Dictionary<string, string>(metadata ?? new Dictionary<string, string>()) { [Key] = JsonSerializer.Serialize(info) };
        using var scope = NewDisposeScope();
        var tensors = model.state_dict().ToDictionary(t => t.Key, t => half ? t.Value.to(ScalarType.Float16) : t.Value);
        foreach (var (name, layer) in Rounded(model))
        {
            tensors.Remove(name + ".weight");
            tensors[$"{name}.weight.q{layer.Blocks!.Bits}"] = tensor(layer.Blocks.Data.ToArray()).view(layer.Blocks.Rows, -1);
            tensors[name + ".weight.scales"] = tensor(layer.Blocks.Scales.ToArray()).view(layer.Blocks.Rows, -1).to(ScalarType.Float16);
        }
        SafetensorsFile.Write(path, tensors, header);
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
        var blocks = ReadBlocks(checkpoint);
        checkpoint.WithTensors(checkpoint.Tensors.Values.Where(t => !IsPart(t.Name)).Concat(blocks.Select(b => new CheckpointTensor(
            b.Key + ".weight", ScalarType.Float32, [b.Value.Rows, b.Value.Columns], () => tensor(b.Value.Dequantize()).view(b.Value.Rows, b.Value.Columns))))).LoadInto(model);
        foreach (var (name, module) in model.named_modules())
            if (module is Projection layer && blocks.TryGetValue(name, out var rounded))
                layer.Set(rounded);
        if (device is not null)
            model.to(device);
        model.eval();
        return (model, info);
    }

    private static IEnumerable<(string Name, Projection Layer)> Rounded(SpeechLm model)
        => model.named_modules().Where(m => m.module is Projection { Blocks: not null }).Select(m => (m.name, (Projection)m.module));

    private static bool IsPart(string key) => key.EndsWith(".weight.q8", StringComparison.Ordinal)
        || key.EndsWith(".weight.q4", StringComparison.Ordinal) || key.EndsWith(".weight.scales", StringComparison.Ordinal);

    private static Dictionary<string, BlockMatrix> ReadBlocks(Checkpoint checkpoint)
    {
        var blocks = new Dictionary<string, BlockMatrix>();
        foreach (var data in checkpoint.Tensors.Values.Where(t => IsPart(t.Name) && !t.Name.EndsWith("scales", StringComparison.Ordinal)))
        {
            using var scope = NewDisposeScope();
            var name = data.Name[..^".weight.q8".Length];
            var bits = data.Name[^1] - '0';
            if (data.Dtype != ScalarType.Byte || data.Shape.Count != 2 || !checkpoint.Tensors.TryGetValue(name + ".weight.scales", out var scales))
                throw new CheckpointException(checkpoint.FilePath, $"{data.Name}: expected bytes [rows, n] with {name}.weight.scales, found {data}");
            try
            {
                blocks[name] = BlockMatrix.FromStored(bits, (int)data.Shape[0], (int)(data.Shape[1] * 8 / bits),
                    data.Load().data<byte>().ToArray(), scales.Load().to(ScalarType.Float32).data<float>().ToArray());
            }
            catch (ArgumentException e)
            {
                throw new CheckpointException(checkpoint.FilePath, $"{data.Name}: {e.Message}", e);
            }
        }
        return blocks;
    }
}
