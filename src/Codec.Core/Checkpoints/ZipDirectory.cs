using System.Buffers.Binary;
using System.Text;

namespace Codec.Core.Checkpoints;

/// <summary>
/// Where the stored (uncompressed) entries of a zip file lie, so that each can be read alone. PyTorch never compresses:
/// a compressed entry could declare any size and is refused.
/// </summary>
internal static class ZipDirectory
{
    private const uint EndSignature = 0x06054b50, End64Signature = 0x06064b50, Locator64Signature = 0x07064b50;
    private const uint EntrySignature = 0x02014b50, LocalSignature = 0x04034b50;
    private const int EndBytes = 22, Locator64Bytes = 20, End64Bytes = 56, EntryBytes = 46, LocalBytes = 30;
    private const long MaxDirectoryBytes = 64 << 20;

    /// <exception cref="CheckpointException">Cut short, compressed, or contradicting itself.</exception>
    public static Dictionary<string, FileRange> Read(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            var (start, length) = FindDirectory(path, stream);
            if (start < 0 || length < 0 || length > MaxDirectoryBytes || start > stream.Length - length)
                throw new CheckpointException(path, $"zip directory at {start} with {length} bytes lies outside the file");
            return Entries(path, stream, ReadAt(stream, start, (int)length));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, $"cannot be read: {e.Message}", e);
        }
    }

    private static (long Start, long Length) FindDirectory(string path, FileStream stream)
    {
        var tailLength = (int)Math.Min(stream.Length, ushort.MaxValue + EndBytes);
        var tail = ReadAt(stream, stream.Length - tailLength, tailLength);
        for (var i = tailLength - EndBytes; i >= 0; i--)
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(i)) != EndSignature)
                continue;
            var length = BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(i + 12));
            var start = BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(i + 16));
            return start == uint.MaxValue || length == uint.MaxValue
                ? FindDirectory64(path, stream, stream.Length - tailLength + i)
                : (start, length);
        }
        throw new CheckpointException(path, "zip directory not found: the file is cut short");
    }

    private static (long Start, long Length) FindDirectory64(string path, FileStream stream, long end)
    {
        var locator = end >= Locator64Bytes ? ReadAt(stream, end - Locator64Bytes, Locator64Bytes) : new byte[Locator64Bytes];
        var position = BinaryPrimitives.ReadInt64LittleEndian(locator.AsSpan(8));
        if (BinaryPrimitives.ReadUInt32LittleEndian(locator) != Locator64Signature || position < 0 || position > stream.Length - End64Bytes)
            throw new CheckpointException(path, "zip64 directory not found");
        var record = ReadAt(stream, position, End64Bytes);
        if (BinaryPrimitives.ReadUInt32LittleEndian(record) != End64Signature)
            throw new CheckpointException(path, "zip64 directory not found");
        return (BinaryPrimitives.ReadInt64LittleEndian(record.AsSpan(48)), BinaryPrimitives.ReadInt64LittleEndian(record.AsSpan(40)));
    }

    private static Dictionary<string, FileRange> Entries(string path, FileStream stream, byte[] directory)
    {
        var entries = new Dictionary<string, FileRange>();
        for (var i = 0; i < directory.Length;)
        {
            var rest = directory.AsSpan(i);
            if (rest.Length < EntryBytes || BinaryPrimitives.ReadUInt32LittleEndian(rest) != EntrySignature)
                throw new CheckpointException(path, $"zip directory entry {entries.Count} is damaged");
            var nameLength = BinaryPrimitives.ReadUInt16LittleEndian(rest[28..]);
            var extraLength = BinaryPrimitives.ReadUInt16LittleEndian(rest[30..]);
            var size = EntryBytes + nameLength + extraLength + BinaryPrimitives.ReadUInt16LittleEndian(rest[32..]);
            if (rest.Length < size)
                throw new CheckpointException(path, $"zip directory entry {entries.Count} is damaged");
            var name = Encoding.UTF8.GetString(rest.Slice(EntryBytes, nameLength));
            var range = Locate(path, stream, name, rest[..EntryBytes], rest.Slice(EntryBytes + nameLength, extraLength));
            if (!entries.TryAdd(name, range))
                throw new CheckpointException(path, $"zip entry {name} is there twice");
            i += size;
        }
        return entries;
    }

    private static FileRange Locate(string path, FileStream stream, string name, ReadOnlySpan<byte> entry, ReadOnlySpan<byte> extra)
    {
        var method = BinaryPrimitives.ReadUInt16LittleEndian(entry[10..]);
        var encrypted = (entry[8] & 1) != 0;
        long packed = BinaryPrimitives.ReadUInt32LittleEndian(entry[20..]);
        long length = BinaryPrimitives.ReadUInt32LittleEndian(entry[24..]);
        long offset = BinaryPrimitives.ReadUInt32LittleEndian(entry[42..]);
        Widen(extra, ref length, ref packed, ref offset);
        if (method != 0 || encrypted || packed != length)
            throw new CheckpointException(path, $"zip entry {name}: expected it stored, found it compressed or encrypted");
        if (offset < 0 || offset > stream.Length - LocalBytes)
            throw new CheckpointException(path, $"zip entry {name} lies outside the file");
        var local = ReadAt(stream, offset, LocalBytes);
        if (BinaryPrimitives.ReadUInt32LittleEndian(local) != LocalSignature)
            throw new CheckpointException(path, $"zip entry {name} is damaged");
        var start = offset + LocalBytes + BinaryPrimitives.ReadUInt16LittleEndian(local.AsSpan(26)) + BinaryPrimitives.ReadUInt16LittleEndian(local.AsSpan(28));
        if (length < 0 || start > stream.Length - length)
            throw new CheckpointException(path, $"zip entry {name}: {length} bytes at {start} lie outside the file");
        return new FileRange(path, start, length);
    }

    /// <summary>The zip64 extra field holds, in this order, those of the three that read 0xFFFFFFFF in the entry.</summary>
    private static void Widen(ReadOnlySpan<byte> extra, ref long length, ref long packed, ref long offset)
    {
        while (extra.Length >= 4)
        {
            var size = BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]);
            if (size > extra.Length - 4)
                return;
            var field = extra.Slice(4, size);
            if (BinaryPrimitives.ReadUInt16LittleEndian(extra) == 1)
            {
                length = Wide(length, ref field);
                packed = Wide(packed, ref field);
                offset = Wide(offset, ref field);
                return;
            }
            extra = extra[(4 + size)..];
        }
    }

    private static long Wide(long value, ref ReadOnlySpan<byte> field)
    {
        if (value != uint.MaxValue || field.Length < 8)
            return value;
        value = BinaryPrimitives.ReadInt64LittleEndian(field);
        field = field[8..];
        return value;
    }

    private static byte[] ReadAt(FileStream stream, long position, int length)
    {
        var bytes = new byte[length];
        stream.Position = position;
        stream.ReadExactly(bytes);
        return bytes;
    }
}
