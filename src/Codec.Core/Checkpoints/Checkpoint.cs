using System.Security.Cryptography;
using static TorchSharp.torch;

namespace Codec.Core.Checkpoints;

/// <summary>
/// Named tensors of a file and what else it says. Opening reads names, types and shapes only; nothing is held open.
/// Reads safetensors and PyTorch's zip and legacy pickle containers (.th, .pth, .pt, .ckpt, .bin), the former also inside a .nemo archive.
/// </summary>
public sealed class Checkpoint
{
    private readonly Lazy<string> _sha256;

    internal Checkpoint(string path, IEnumerable<CheckpointTensor> tensors, IReadOnlyDictionary<string, object?> metadata)
        : this(path, tensors, metadata, new Lazy<string>(() => Hash(path)))
    {
    }

    private Checkpoint(string path, IEnumerable<CheckpointTensor> tensors, IReadOnlyDictionary<string, object?> metadata, Lazy<string> sha256)
    {
        FilePath = path;
        Metadata = metadata;
        Tensors = tensors.ToDictionary(t => t.Name);
        _sha256 = sha256;
    }

    /// <summary>The file that was opened (where a folder was given: the file found in it).</summary>
    public string FilePath { get; }

    /// <summary>All tensors by key.</summary>
    public IReadOnlyDictionary<string, CheckpointTensor> Tensors { get; }

    /// <summary>
    /// Everything else: the strings of a safetensors header, or the plain values of a pickle (string, bool, long, double,
    /// <see cref="List{T}"/> of object, <see cref="Dictionary{TKey,TValue}"/> of object).
    /// </summary>
    public IReadOnlyDictionary<string, object?> Metadata { get; }

    /// <summary>Lower-case hex SHA-256 of the whole file; computed on first use.</summary>
    public string Sha256 => _sha256.Value;

    /// <summary>Number of numbers in all tensors.</summary>
    public long Elements => Tensors.Values.Sum(t => t.Elements);

    /// <param name="path">A checkpoint file, a folder that holds one, or a hub cache (`models--org--name`, or its parent with one model).</param>
    /// <exception cref="CheckpointException">No checkpoint there, or one that cannot be read.</exception>
    public static Checkpoint Open(string path)
    {
        var file = CheckpointPath.Resolve(path);
        return CheckpointPath.IsPickle(file) ? TorchFile.Read(file)
            : CheckpointPath.IsNemo(file) ? NemoArchive.Read(file)
            : SafetensorsFile.Read(file);
    }

    /// <summary>The same file seen as other tensors: renamed, merged or split keys.</summary>
    public Checkpoint WithTensors(IEnumerable<CheckpointTensor> tensors) => new(FilePath, tensors, Metadata, _sha256);

    /// <summary>The same keys and shapes; loading a tensor of real numbers throws <see cref="CheckpointTensor.UnloadableException"/>.</summary>
    internal Checkpoint Unloadable() => WithTensors(Tensors.Values.Select(tensor => ElementTypes.IsReal(tensor.Dtype)
        ? new CheckpointTensor(tensor.Name, tensor.Dtype, tensor.Shape, () => throw new CheckpointTensor.UnloadableException())
        : tensor));

    /// <summary>A file beside the checkpoint, e.g. config.json; null where absent.</summary>
    public string? Sibling(string fileName)
    {
        var path = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(FilePath))!, fileName);
        return File.Exists(path) ? path : null;
    }

    /// <summary>
    /// Copies all tensors into the parameters and persistent buffers of a module. Weight-norm pairs are folded where the
    /// module has the plain weight; 16-bit floats become the module's type.
    /// </summary>
    /// <param name="module">Its state_dict names the keys that must be there.</param>
    /// <param name="rename">Checkpoint key (weight-norm pairs under their folded name, ".weight") to module key; null = ignore the tensor.</param>
    /// <exception cref="CheckpointException">Lists all missing, unexpected and misshapen keys together.</exception>
    public void LoadInto(nn.Module module, Func<string, string?>? rename = null)
        => ModuleLoader.Load(this, module, rename ?? (name => name));

    private static string Hash(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            return Convert.ToHexStringLower(SHA256.HashData(stream));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, $"cannot be read: {e.Message}", e);
        }
    }
}
