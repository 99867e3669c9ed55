using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace Codec.Core.Tokens;

/// <summary>NumPy's npy format, version 1.0: C order, little-endian, the types that token files use.</summary>
internal static partial class NumpyArray
{
    private const int Alignment = 64, MostHeader = 1 << 16;
    private static readonly byte[] Magic = [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0];

    /// <summary>int32 [rows, columns].</summary>
    public static void Write(Stream stream, int[][] rows)
    {
        WriteHeader(stream, "<i4", string.Create(CultureInfo.InvariantCulture, $"({rows.Length}, {rows[0].Length})"));
        foreach (var row in rows)
            stream.Write(MemoryMarshal.AsBytes(row.AsSpan()));
    }

    /// <summary>uint8 [length].</summary>
    public static void Write(Stream stream, byte[] bytes)
    {
        WriteHeader(stream, "|u1", string.Create(CultureInfo.InvariantCulture, $"({bytes.Length},)"));
        stream.Write(bytes);
    }

    /// <param name="stream">At the start of the array.</param>
    /// <param name="length">Bytes of the whole file, as the archive says: nothing larger is allocated.</param>
    /// <exception cref="InvalidDataException">Another type, another shape, or fewer bytes than declared.</exception>
    public static byte[] ReadBytes(Stream stream, long length)
    {
        var shape = ReadHeader(stream, out var type);
        if (type != "|u1" || shape.Length != 1)
            throw new InvalidDataException($"expected bytes in one dimension, found {type} in {shape.Length}");
        return ReadExactly(stream, shape[0], length);
    }

    /// <inheritdoc cref="ReadBytes"/>
    /// <remarks>Signed and unsigned integers of one to eight bytes, [rows, columns].</remarks>
    public static int[][] ReadIntegers(Stream stream, long length)
    {
        var shape = ReadHeader(stream, out var type);
        if (shape.Length != 2 || type is not ("|u1" or "|i1" or "<u2" or "<i2" or "<u4" or "<i4" or "<u8" or "<i8"))
            throw new InvalidDataException($"expected integers in two dimensions, found {type} in {shape.Length}");
        var size = type[2] - '0';
        var bytes = ReadExactly(stream, checked(shape[0] * shape[1] * size), length);
        var rows = new int[shape[0]][];
        for (var r = 0; r < rows.Length; r++)
        {
            rows[r] = new int[shape[1]];
            for (var c = 0; c < rows[r].Length; c++)
                rows[r][c] = Integer(bytes.AsSpan((int)((r * shape[1] + c) * size), size), type[1] == 'i');
        }
        return rows;
    }

    private static int Integer(ReadOnlySpan<byte> bytes, bool signed)
    {
        long value = signed && (bytes[^1] & 0x80) != 0 ? -1 : 0;
        for (var i = bytes.Length - 1; i >= 0; i--)
            value = (value << 8) | bytes[i];
        return checked((int)value);
    }

    private static void WriteHeader(Stream stream, string type, string shape)
    {
        var text = $"{{'descr': '{type}', 'fortran_order': False, 'shape': {shape}, }}";
        var padding = Alignment - (Magic.Length + 2 + text.Length + 1) % Alignment;
        text += new string(' ', padding % Alignment) + '\n';
        stream.Write(Magic);
        Span<byte> length = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(length, (ushort)text.Length);
        stream.Write(length);
        stream.Write(Encoding.ASCII.GetBytes(text));
    }

    private static long[] ReadHeader(Stream stream, out string type)
    {
        Span<byte> start = stackalloc byte[8];
        stream.ReadExactly(start);
        if (!start[..6].SequenceEqual(Magic.AsSpan(0, 6)) || start[6] is not (1 or 2))
            throw new InvalidDataException("not an npy array of version 1 or 2");
        Span<byte> size = stackalloc byte[4];
        size.Clear();
        stream.ReadExactly(size[..(start[6] == 1 ? 2 : 4)]);
        var count = BinaryPrimitives.ReadUInt32LittleEndian(size);
        if (count > MostHeader)
            throw new InvalidDataException($"a header of {count} bytes");
        var text = new byte[count];
        stream.ReadExactly(text);
        var match = Header().Match(Encoding.ASCII.GetString(text));
        if (!match.Success)
            throw new InvalidDataException("expected an array in C order");
        type = match.Groups[1].Value;
        return [.. match.Groups[2].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(number => long.Parse(number, NumberStyles.None, CultureInfo.InvariantCulture))];
    }

    private static byte[] ReadExactly(Stream stream, long count, long length)
    {
        if (count > length)
            throw new InvalidDataException($"{count} bytes declared, {length} there");
        var bytes = new byte[count];
        stream.ReadExactly(bytes);
        return bytes;
    }

    [GeneratedRegex(@"^\s*\{\s*'descr':\s*'([^']{2,8})',\s*'fortran_order':\s*False,\s*'shape':\s*\(([0-9, ]*)\),?\s*\}\s*$")]
    private static partial Regex Header();
}
