using static TorchSharp.torch;

namespace Codec.Core.Checkpoints;

/// <summary>Bytes of a file that hold one tensor. The file is opened for every read, so that nothing is held in between.</summary>
internal readonly record struct FileRange(string Path, long Offset, long Length)
{
    /// <summary>All of a file.</summary>
    public static FileRange Whole(string path) => new(path, 0, new FileInfo(path).Length);

    /// <summary>Bytes [start, start + count) of the range.</summary>
    public byte[] ReadBytes(long start, int count)
    {
        if (start < 0 || start > Length - count)
            throw new CheckpointException(Path, $"expected {start + count} bytes, found {Length}: the file is cut short");
        var bytes = new byte[count];
        (this with { Offset = Offset + start }).Read(bytes);
        return bytes;
    }

    /// <summary>Reads the first bytes of the range.</summary>
    public void Read(Span<byte> target)
    {
        try
        {
            using var handle = File.OpenHandle(Path);
            var position = Offset;
            while (target.Length > 0)
            {
                var read = RandomAccess.Read(handle, target, position);
                if (read == 0)
                    throw new CheckpointException(Path, $"expected {Offset + Length} bytes, found {position}: the file is cut short");
                target = target[read..];
                position += read;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(Path, $"cannot be read: {e.Message}", e);
        }
    }

    /// <summary>All bytes of the range.</summary>
    public byte[] ReadBytes()
    {
        var bytes = new byte[checked((int)Length)];
        Read(bytes);
        return bytes;
    }

    /// <summary>A new tensor with the bytes of the range: contiguous, little-endian, C order.</summary>
    public Tensor ReadTensor(ScalarType dtype, IReadOnlyList<long> shape)
    {
        var bytes = ElementTypes.Bytes(dtype, shape);
        if (bytes is null or > int.MaxValue || bytes > Length)
            throw new CheckpointException(Path, $"tensor {CheckpointTensor.Describe(shape)} of {dtype} is larger than 2 GB or than its data ({Length} bytes)");
        var tensor = empty(shape.ToArray(), dtype: dtype);
        try
        {
            if (bytes > 0)
                Read(tensor.bytes);
            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }
}
