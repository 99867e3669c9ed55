using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Codec.Core.Checkpoints;

/// <summary>A named tensor of a checkpoint; its numbers are read when asked for.</summary>
/// <param name="name">Key.</param>
/// <param name="dtype">Element type in the file.</param>
/// <param name="shape">Dimensions.</param>
/// <param name="load">Reads the numbers into a new tensor of that type and shape on the CPU.</param>
/// <param name="read">Reads the numbers as they lie in the file, little-endian and in C order; null where they do not lie so.</param>
public sealed class CheckpointTensor(string name, ScalarType dtype, IReadOnlyList<long> shape, Func<Tensor> load, Func<byte[]>? read = null)
{
    public string Name { get; } = name;

    public ScalarType Dtype { get; } = dtype;

    public IReadOnlyList<long> Shape { get; } = shape;

    /// <summary>Product of the dimensions.</summary>
    public long Elements => Shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>A new CPU tensor; the caller owns it.</summary>
    /// <exception cref="CheckpointException">The file changed or cannot be read.</exception>
    public Tensor Load() => load();

    /// <summary>The numbers in their own type, little-endian, in C order; without libtorch where the file holds them so.</summary>
    /// <exception cref="CheckpointException">The file changed or cannot be read.</exception>
    public byte[] Bytes()
    {
        if (read is not null)
            return read();
        using var scope = NewDisposeScope();
        return Load().contiguous().bytes.ToArray();
    }

    /// <summary>The numbers of a tensor of floating-point type, in C order; without libtorch where the file holds them plainly.</summary>
    /// <exception cref="CheckpointException">The file changed or cannot be read.</exception>
    public float[] Floats()
    {
        if (read is not null && Dtype == ScalarType.Float32)
            return MemoryMarshal.Cast<byte, float>(read()).ToArray();
        if (read is not null && Dtype == ScalarType.Float16)
            return Kernels.HalfWeights.ToSingle(MemoryMarshal.Cast<byte, ushort>(read()));
        using var tensor = Load();
        return Kernels.ChannelPattern.Values(tensor);
    }

    /// <summary>The same tensor under another name.</summary>
    public CheckpointTensor Named(string other) => new(other, Dtype, Shape, load, read);

    /// <summary>A tensor computed from this one when it is loaded, e.g. a transposed weight.</summary>
    /// <param name="shape">Shape of the result.</param>
    /// <param name="compute">Gets the loaded tensor (disposed afterwards) and returns another one.</param>
    public CheckpointTensor Map(IReadOnlyList<long> shape, Func<Tensor, Tensor> compute)
        => new(Name, Dtype, shape, () =>
        {
            using var source = load();
            using var none = no_grad();
            return compute(source);
        });

    /// <summary>"F32 [1, 2]" as error messages and listings show it.</summary>
    public override string ToString() => $"{Name} {Dtype} {Describe(Shape)}";

    /// <summary>A tensor that only has a shape was loaded: see <see cref="Checkpoint.Unloadable"/>.</summary>
    internal sealed class UnloadableException : Exception;

    internal static string Describe(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";
}
