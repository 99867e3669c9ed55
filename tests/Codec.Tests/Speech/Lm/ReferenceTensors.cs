using System.Text.Json;
using Codec.Core.Checkpoints;
using Codec.Speech.Lm;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Speech.Lm;

/// <summary>The three files of a recorded model: name.json, name.model.safetensors, name.io.safetensors.</summary>
internal sealed class RecordedModel : IDisposable
{
    private readonly List<IDisposable> _owned = [];
    private readonly Checkpoint _io;

    public RecordedModel(string jsonFile)
    {
        Case = ReferenceCases.Read(jsonFile);
        var stem = Path.Combine(SharedFolder.Root, jsonFile[..^".json".Length]);
        ModelPath = stem + ".model.safetensors";
        _io = Checkpoint.Open(stem + ".io.safetensors");
    }

    public JsonElement Case { get; }

    public string ModelPath { get; }

    public bool Has(string name) => _io.Tensors.ContainsKey(name);

    public IEnumerable<string> Names => _io.Tensors.Keys;

    /// <summary>A recorded tensor; disposed with the caller's scope.</summary>
    public Tensor this[string name] => _io.Tensors[name].Load();

    /// <summary>Disposed with this.</summary>
    public T Own<T>(T thing) where T : IDisposable
    {
        _owned.Add(thing);
        return thing;
    }

    public void Dispose()
    {
        _owned.ForEach(o => o.Dispose());
        _owned.Clear();
    }

    public static PositionKind Positions(string? name) => name switch
    {
        "sin" => PositionKind.Sinusoidal,
        "rope" => PositionKind.Rotary,
        "sin_rope" => PositionKind.Sinusoidal | PositionKind.Rotary,
        "none" or null => PositionKind.None,
        _ => throw new NotSupportedException(name),
    };

    public static void Close(Tensor expected, Tensor actual, double tolerance, string what)
    {
        Assert.Equal(expected.shape, actual.shape);
        var (e, a) = (expected.contiguous().data<float>(), actual.contiguous().data<float>());
        for (long i = 0; i < e.Count; i++)
            if (float.IsNaN(e[i]) != float.IsNaN(a[i]) || Math.Abs(e[i] - a[i]) > tolerance)
                Assert.Fail($"{what}: element {i} of [{string.Join(", ", expected.shape)}]: expected {e[i]}, found {a[i]}");
    }
}
