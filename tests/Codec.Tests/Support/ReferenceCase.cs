using System.Text.Json;
using Codec.Core.Checkpoints;
using static TorchSharp.torch;

namespace Codec.Tests.Support;

/// <summary>A recorded case: config.json, weights.safetensors, io.safetensors.</summary>
public sealed class ReferenceCase
{
    private readonly Checkpoint _io;

    public ReferenceCase(string folder)
    {
        Folder = folder;
        Config = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "config.json"))).RootElement;
        _io = Checkpoint.Open(Path.Combine(folder, "io.safetensors"));
    }

    public string Folder { get; }

    public JsonElement Config { get; }

    public IEnumerable<string> Names => _io.Tensors.Keys;

    /// <summary>Names of the recorded inputs: main, short, len1 ...</summary>
    public IEnumerable<string> Inputs => Names.Where(n => n.EndsWith(".audio", StringComparison.Ordinal)).Select(n => n[..^".audio".Length]);

    /// <summary>A recorded tensor.</summary>
    public Tensor this[string name] => _io.Tensors[name].Load();

    public bool Has(string name) => _io.Tensors.ContainsKey(name);

    public string PathOf(string file) => Path.Combine(Folder, file);

    /// <summary>Loads weights.safetensors where the case has one.</summary>
    public void LoadWeights(nn.Module module)
    {
        if (File.Exists(PathOf("weights.safetensors")))
            Checkpoint.Open(PathOf("weights.safetensors")).LoadInto(module);
    }

    public int[] Ints(string name) => [.. Config.GetProperty(name).EnumerateArray().Select(e => e.GetInt32())];

    public int Int(string name) => Config.GetProperty(name).GetInt32();

    public int? IntOrNull(string name) => Config.TryGetProperty(name, out var v) && v.ValueKind == JsonValueKind.Number ? v.GetInt32() : null;

    public bool Flag(string name) => Config.GetProperty(name).GetBoolean();

    /// <summary>Names of the case folders below parity/<paramref name="family"/>; none where the shared folder is absent.</summary>
    public static IEnumerable<string> Below(string family)
    {
        var root = Path.Combine(SharedFolder.Root, "parity", family);
        return Directory.Exists(root) ? Directory.GetDirectories(root).Select(d => Path.GetFileName(d)!).Order(StringComparer.Ordinal) : [];
    }

    /// <summary>Theory rows of <see cref="Below"/>; one row "absent" where there is nothing, so that the test shows as skipped.</summary>
    public static TheoryData<string> Rows(string family, Func<string, bool>? where = null)
    {
        var names = Below(family).Where(where ?? (_ => true)).ToArray();
        return [.. names.Length > 0 ? names : ["absent"]];
    }

    public static ReferenceCase Open(string family, string name) => new(SharedFolder.Require("parity", family, name));
}
