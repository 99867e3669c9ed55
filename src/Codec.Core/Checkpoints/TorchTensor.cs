using static TorchSharp.torch;

namespace Codec.Core.Checkpoints;

/// <summary>The numbers that one or more tensors of a PyTorch file share. The place is known once the container is understood.</summary>
internal sealed class TorchStorage(string key, ScalarType dtype, long elements)
{
    public string Key { get; } = key;

    public ScalarType Dtype { get; } = dtype;

    public long Elements { get; } = elements;

    public FileRange Range { get; set; }
}

/// <summary>A strided view of a storage.</summary>
internal sealed record TorchTensor(TorchStorage Storage, long Offset, long[] Shape, long[] Strides)
{
    /// <summary>An expanded tensor (stride 0) may be larger than its storage, but not without limit.</summary>
    private const long MaxExpandedElements = 16 << 20;

    /// <summary>From the arguments (storage, offset, size, stride, ...).</summary>
    public static TorchTensor Rebuild(string file, object?[] arguments)
    {
        if (arguments.Length < 4 || arguments[0] is not TorchStorage storage || arguments[1] is not long offset
            || Integers(arguments[2]) is not { } shape || Integers(arguments[3]) is not { } strides || shape.Length != strides.Length)
            throw new CheckpointException(file, "pickle is damaged: a tensor without storage, offset, sizes and strides");
        var last = (Int128)offset;
        var elements = (Int128)1;
        for (var axis = 0; axis < shape.Length; axis++)
        {
            if (shape[axis] < 0 || strides[axis] < 0 || elements * shape[axis] > long.MaxValue)
                throw Outside(file, storage, shape);
            elements *= shape[axis];
            last += (Int128)Math.Max(shape[axis] - 1, 0) * strides[axis];
        }
        if (offset < 0 || (elements > 0 && last >= storage.Elements) || elements > Math.Max(storage.Elements, MaxExpandedElements))
            throw Outside(file, storage, shape);
        return new TorchTensor(storage, offset, shape, strides);
    }

    public CheckpointTensor Named(string name) => new(name, Storage.Dtype, Shape, Load);

    private Tensor Load()
    {
        var size = ElementTypes.Size(Storage.Dtype);
        var range = Storage.Range with { Offset = Storage.Range.Offset + Offset * size, Length = Storage.Range.Length - Offset * size };
        if (IsDense())
            return range.ReadTensor(Storage.Dtype, Shape);
        var span = 1 + Shape.Zip(Strides, (length, stride) => Math.Max(length - 1, 0) * stride).Sum();
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var flat = range.ReadTensor(Storage.Dtype, [Shape.Contains(0) ? 0 : span]);
        return flat.as_strided(Shape, Strides).contiguous().MoveToOuterDisposeScope();
    }

    private bool IsDense()
    {
        long expected = 1;
        for (var axis = Shape.Length - 1; axis >= 0; axis--)
        {
            if (Shape[axis] > 1 && Strides[axis] != expected)
                return false;
            expected *= Shape[axis];
        }
        return true;
    }

    private static long[]? Integers(object? tuple)
    {
        var items = tuple switch { object?[] array => array, List<object?> list => list.ToArray(), _ => null };
        return items is not null && items.All(item => item is long) ? items.Select(item => (long)item!).ToArray() : null;
    }

    private static CheckpointException Outside(string file, TorchStorage storage, long[] shape)
        => new(file, $"tensor {CheckpointTensor.Describe(shape)} reaches outside its storage of {storage.Elements} elements");
}
