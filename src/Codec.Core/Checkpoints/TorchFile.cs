using System.Buffers.Binary;
using System.Numerics;

namespace Codec.Core.Checkpoints;

/// <summary>PyTorch's containers: the zip of torch.save since 1.6, and the chain of pickles before it.</summary>
internal static class TorchFile
{
    private const string PickleName = "data.pkl";
    private const long MaxPickleBytes = 256 << 20;
    private static readonly BigInteger LegacyMagic = BigInteger.Parse("119547037146038801333356", System.Globalization.CultureInfo.InvariantCulture);

    /// <exception cref="CheckpointException">Damaged, cut short, or the pickle asks for more than tensors and plain containers.</exception>
    public static Checkpoint Read(string path)
    {
        try
        {
            Span<byte> start = stackalloc byte[4];
            using (var stream = File.OpenRead(path))
                if (stream.ReadAtLeast(start, 4, throwOnEndOfStream: false) < 4)
                    throw new CheckpointException(path, $"expected a PyTorch file, found {stream.Length} bytes");
            var root = start.SequenceEqual("PK\x3\x4"u8) ? ReadZip(FileRange.Whole(path)) : ReadLegacy(path);
            var contents = TorchContents.Split(path, root);
            return new Checkpoint(path, contents.Tensors, contents.Metadata);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, $"cannot be read: {e.Message}", e);
        }
    }

    /// <summary>What a zip of torch.save holds that is a part of a larger file.</summary>
    /// <exception cref="CheckpointException">As <see cref="Read"/>.</exception>
    public static TorchContents ReadContents(FileRange file) => TorchContents.Split(file.Path, ReadZip(file));

    private static object? ReadZip(FileRange file)
    {
        var (path, entries) = (file.Path, ZipDirectory.Read(file));
        var pickle = entries.Keys.Where(name => name == PickleName || name.EndsWith("/" + PickleName, StringComparison.Ordinal)).MinBy(name => name.Length)
            ?? throw new CheckpointException(path, $"expected {PickleName} in the zip file, found {string.Join(", ", entries.Keys.Take(5))}");
        var prefix = pickle[..^PickleName.Length];
        if (entries.TryGetValue(prefix + "byteorder", out var order) && order.Length == 3)
            throw new CheckpointException(path, "expected little-endian tensors, found big-endian ones");
        var range = entries[pickle];
        if (range.Length > MaxPickleBytes)
            throw new CheckpointException(path, $"{pickle}: expected at most {MaxPickleBytes} bytes, found {range.Length}");
        var bytes = new byte[range.Length];
        range.Read(bytes);
        return new PickleReader(path, new MemoryStream(bytes), new TorchPickleTypes(path, storage => Locate(path, entries, prefix, storage))).Read();
    }

    private static TorchStorage Locate(string path, Dictionary<string, FileRange> entries, string prefix, TorchStorage storage)
    {
        if (!entries.TryGetValue($"{prefix}data/{storage.Key}", out var range))
            throw new CheckpointException(path, $"storage data/{storage.Key} is absent");
        if (ElementTypes.Bytes(storage.Dtype, [storage.Elements]) is not { } bytes || bytes > range.Length)
            throw new CheckpointException(path, $"storage data/{storage.Key}: {storage.Elements} elements of {storage.Dtype} expected, found {range.Length} bytes");
        storage.Range = range;
        return storage;
    }

    /// <summary>Pickles of a magic number, the protocol, the machine, the contents and the storage keys; then every storage: element count, elements.</summary>
    private static object? ReadLegacy(string path)
    {
        using var stream = new BufferedStream(File.OpenRead(path), 1 << 16);
        var storages = new Dictionary<string, TorchStorage>();
        var types = new TorchPickleTypes(path, storage => storages.TryGetValue(storage.Key, out var known) ? known : storages[storage.Key] = storage);
        object? Next() => new PickleReader(path, stream, types).Read();

        if (Next() is not BigInteger magic || magic != LegacyMagic)
            throw new CheckpointException(path, "is neither a zip nor a legacy file of PyTorch");
        Next();
        if (Next() is Dictionary<object, object?> machine && machine.GetValueOrDefault("little_endian") is false)
            throw new CheckpointException(path, "expected little-endian tensors, found big-endian ones");
        var root = Next();
        if (Next() is not List<object?> keys)
            throw new CheckpointException(path, "pickle is damaged: the list of storages is absent");
        var count = new byte[8];
        foreach (var key in keys)
        {
            stream.ReadExactly(count);
            var elements = BinaryPrimitives.ReadInt64LittleEndian(count);
            if (key is not string name || !storages.TryGetValue(name, out var storage) || storage.Elements != elements)
                throw new CheckpointException(path, $"storage {key}: {elements} elements do not fit what the pickle says");
            var bytes = ElementTypes.Bytes(storage.Dtype, [elements]) ?? long.MaxValue;
            if (bytes > stream.Length - stream.Position)
                throw new CheckpointException(path, $"storage {name}: expected {bytes} bytes, found {stream.Length - stream.Position}: the file is cut short");
            storage.Range = new FileRange(path, stream.Position, bytes);
            stream.Position += bytes;
        }
        if (storages.Values.FirstOrDefault(s => s.Range.Path is null) is { } absent)
            throw new CheckpointException(path, $"storage {absent.Key} is absent");
        return root;
    }
}
