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
    /// <param name="file">The zip file, perhaps a part of a larger one: what it says of places counts from its own start.</param>
    public static Dictionary<string, FileRange> Read(FileRange file)
    {
        var (start, length) = FindDirectory(file);
        if (start < 0 || length < 0 || length > MaxDirectoryBytes || start > file.Length - length)
            throw new CheckpointException(file.Path, $"zip directory at {start} with {length} bytes lies outside the file");
        return Entries(file, file.ReadBytes(start, (int)length));
    }

    private static (long Start, long Length) FindDirectory(FileRange file)
    {
        var tailLength = (int)Math.Min(file.Length, ushort.MaxValue + EndBytes);
        var tail = file.ReadBytes(file.Length - tailLength, tailLength);
        for (var i = tailLength - EndBytes; i >= 0; i--)
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(i)) != EndSignature)
                continue;
            var length = BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(i + 12));
            var start = BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(i + 16));
            return start == uint.MaxValue || length == uint.MaxValue
                ? FindDirectory64(file, file.Length - tailLength + i)
                : (start, length);
        }
        throw new CheckpointException(file.Path, "zip directory not found: the file is cut short");
    }

    private static (long Start, long Length) FindDirectory64(FileRange file, long end)
    {
        var locator = end >= Locator64Bytes ? file.ReadBytes(end - Locator64Bytes, Locator64Bytes) : new byte[Locator64Bytes];
        var position = BinaryPrimitives.ReadInt64LittleEndian(locator.AsSpan(8));
        if (BinaryPrimitives.ReadUInt32LittleEndian(locator) != Locator64Signature || position < 0 || position > file.Length - End64Bytes)
            throw new CheckpointException(file.Path, "zip64 directory not found");
        var record = file.ReadBytes(position, End64Bytes);
        if (BinaryPrimitives.ReadUInt32LittleEndian(record) != End64Signature)
            throw new CheckpointException(file.Path, "zip64 directory not found");
        return (BinaryPrimitives.ReadInt64LittleEndian(record.AsSpan(48)), BinaryPrimitives.ReadInt64LittleEndian(record.AsSpan(40)));
    }

    private static Dictionary<string, FileRange> Entries(FileRange file, byte[] directory)
    {
        var entries = new Dictionary<string, FileRange>();
        for (var i = 0; i < directory.Length;)
        {
            var rest = directory.AsSpan(i);
            if (rest.Length < EntryBytes || BinaryPrimitives.ReadUInt32LittleEndian(rest) != EntrySignature)
                throw new CheckpointException(file.Path, $"zip directory entry {entries.Count} is damaged");
            var nameLength = BinaryPrimitives.ReadUInt16LittleEndian(rest[28..]);
            var extraLength = BinaryPrimitives.ReadUInt16LittleEndian(rest[30..]);
            var size = EntryBytes + nameLength + extraLength + BinaryPrimitives.ReadUInt16LittleEndian(rest[32..]);
            if (rest.Length < size)
                throw new CheckpointException(file.Path, $"zip directory entry {entries.Count} is damaged");
            var name = Encoding.UTF8.GetString(rest.Slice(EntryBytes, nameLength));
            var range = Locate(file, name, rest[..EntryBytes], rest.Slice(EntryBytes + nameLength, extraLength));
            if (!entries.TryAdd(name, range))
                throw new CheckpointException(file.Path, $"zip entry {name} is there twice");
            i += size;
        }
        return entries;
    }

    private static FileRange Locate(FileRange file, string name, ReadOnlySpan<byte> entry, ReadOnlySpan<byte> extra)
    {
        var method = BinaryPrimitives.ReadUInt16LittleEndian(entry[10..]);
        var encrypted = (entry[8] & 1) != 0;
        long packed = BinaryPrimitives.ReadUInt32LittleEndian(entry[20..]);
        long length = BinaryPrimitives.ReadUInt32LittleEndian(entry[24..]);
        long offset = BinaryPrimitives.ReadUInt32LittleEndian(entry[42..]);
        Widen(extra, ref length, ref packed, ref offset);
        if (method != 0 || encrypted || packed != length)
            throw new CheckpointException(file.Path, $"zip entry {name}: expected it stored, found it compressed or encrypted");
        if (offset < 0 || offset > file.Length - LocalBytes)
            throw new CheckpointException(file.Path, $"zip entry {name} lies outside the file");
        var local = file.ReadBytes(offset, LocalBytes);
        if (BinaryPrimitives.ReadUInt32LittleEndian(local) != LocalSignature)
            throw new CheckpointException(file.Path, $"zip entry {name} is damaged");
        var start = offset + LocalBytes + BinaryPrimitives.ReadUInt16LittleEndian(local.AsSpan(26)) + BinaryPrimitives.ReadUInt16LittleEndian(local.AsSpan(28));
        if (length < 0 || start > file.Length - length)
            throw new CheckpointException(file.Path, $"zip entry {name}: {length} bytes at {start} lie outside the file");
        return new FileRange(file.Path, file.Offset + start, length);
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
}
