using System.Text.Json;
using Codec.Audio;
using Codec.Core.Checkpoints;
using static TorchSharp.torch;

namespace Codec.Core.Parity;

/// <summary>
/// A recorded case of a published model: config.json (its hyper-parameters), io.safetensors (inputs and what the reference
/// made of them), weights.safetensors and native checkpoint files where the model has weights.
/// </summary>
public sealed class ParityCase
{
    private const string ConfigFile = "config.json", IoFile = "io.safetensors", WeightsFile = "weights.safetensors";

    private ParityCase(string folder)
    {
        Folder = Path.GetFullPath(folder);
        Config = ReadJson(File(ConfigFile));
        Recorded = Checkpoint.Open(File(IoFile));
    }

    public string Folder { get; }

    /// <summary>Name of the folder above, e.g. "encodec": a hint, since a case may be copied elsewhere.</summary>
    public string Family => Path.GetFileName(Path.GetDirectoryName(Folder)) ?? "";

    /// <summary>Name of the folder, e.g. "mono24k".</summary>
    public string Name => Path.GetFileName(Folder);

    /// <summary>config.json.</summary>
    public JsonElement Config { get; }

    /// <summary>io.safetensors.</summary>
    public Checkpoint Recorded { get; }

    /// <summary>Inputs of the case: every X for which X.audio is recorded ("main", "short", "len1", "batch2").</summary>
    public IEnumerable<string> Inputs => Recorded.Tensors.Keys.Where(k => k.EndsWith(".audio", StringComparison.Ordinal)).Select(k => k[..^6]).Order(StringComparer.Ordinal);

    /// <exception cref="ConfigException">No case there.</exception>
    /// <exception cref="CheckpointException">A damaged recording.</exception>
    public static ParityCase Open(string folder) => IsCase(folder)
        ? new ParityCase(folder)
        : throw new ConfigException($"{folder}: expected a case folder with {ConfigFile} and {IoFile}");

    /// <summary>All case folders at or below a folder, in the order of their paths.</summary>
    public static IReadOnlyList<string> Find(string root)
        => !Directory.Exists(root) ? []
            : Directory.EnumerateFiles(root, IoFile, SearchOption.AllDirectories)
                .Select(file => Path.GetDirectoryName(file)!).Where(IsCase).Order(StringComparer.Ordinal).ToArray();

    public static bool IsCase(string folder) => System.IO.File.Exists(Path.Combine(folder, ConfigFile)) && System.IO.File.Exists(Path.Combine(folder, IoFile));

    public bool Has(string name) => Recorded.Tensors.ContainsKey(name);

    /// <summary>A recorded tensor; the caller (or its scope) owns it.</summary>
    /// <exception cref="CheckpointException">Not recorded.</exception>
    public Tensor Load(string name) => Recorded.Tensors.TryGetValue(name, out var recorded)
        ? recorded.Load()
        : throw new CheckpointException(Recorded.FilePath, $"tensor {name} is absent");

    /// <summary>weights.safetensors of the case.</summary>
    public Checkpoint Weights() => Checkpoint.Open(File(WeightsFile));

    /// <summary>True where the case has weights of its own.</summary>
    public bool HasWeights => System.IO.File.Exists(File(WeightsFile));

    /// <summary>Path of a file of the case, whether it exists or not.</summary>
    public string File(string name) => Path.Combine(Folder, name);

    /// <summary>
    /// All checkpoint files of the case: weights.safetensors, the native file, the Hugging Face folder's files. Every one
    /// must load and give the same numbers.
    /// </summary>
    public IReadOnlyList<string> CheckpointFiles()
        => Directory.EnumerateFiles(Folder, "*", SearchOption.AllDirectories)
            .Where(f => Path.GetExtension(f) is ".safetensors" or ".th" or ".pth" or ".pt" or ".ckpt" or ".bin")
            .Where(f => !Path.GetFileName(f).EndsWith(IoFile, StringComparison.Ordinal) && !Path.GetFileName(f).StartsWith("lm_", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal).ToArray();

    private static JsonElement ReadJson(string path)
    {
        try
        {
            using var json = JsonDocument.Parse(System.IO.File.ReadAllBytes(path));
            return json.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw new ConfigException($"{path}: {e.Message}", e);
        }
    }
}
