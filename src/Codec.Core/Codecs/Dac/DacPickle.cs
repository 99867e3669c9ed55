using System.Buffers.Binary;
using System.Text;

namespace Codec.Core.Codecs.Dac;

/// <summary>Writes the pickle (protocol 3) of a .dac file opcode by opcode as Python does; opcodes: Python's pickletools.</summary>
internal sealed class DacPickle
{
    private readonly MemoryStream _out = new();
    private readonly Dictionary<string, int> _memo = [];
    private int _next;

    private DacPickle()
    {
    }

    public static void Write(Stream stream, DacFile file)
    {
        var pickle = new DacPickle();
        pickle.Raw([0x80, 3]);
        pickle.ObjectArray(() => pickle.Contents(file));
        pickle.Raw([(byte)'.']);
        pickle._out.WriteTo(stream);
    }

    private void Contents(DacFile file)
    {
        Dictionary(() =>
        {
            Text("codes");
            var (rows, books, frames) = (file.Codes.Batch, file.Codes.Books, file.Codes.Frames);
            var bytes = new byte[rows * books * frames * sizeof(ushort)];
            var at = 0;
            for (var r = 0; r < rows; r++)
                for (var k = 0; k < books; k++)
                    foreach (var code in file.Codes[k, r])
                        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2 * at++), checked((ushort)code));
            Array([rows, books, frames], () => Type("u2", "<"), () => Bytes(bytes));
            Text("metadata");
            Dictionary(() => Metadata(file));
        });
    }

    private void Metadata(DacFile file)
    {
        Text("input_db");
        var levels = new byte[file.InputDb.Count * sizeof(float)];
        for (var i = 0; i < file.InputDb.Count; i++)
            BinaryPrimitives.WriteSingleLittleEndian(levels.AsSpan(4 * i), file.InputDb[i]);
        Array([file.InputDb.Count], () => Type("f4", "<"), () => Bytes(levels));
        Text("original_length");
        Number(file.OriginalLength);
        Text("sample_rate");
        Number(file.SampleRate);
        Text("chunk_length");
        Number(file.ChunkLength);
        Text("channels");
        Number(file.Channels);
        Text("padding");
        Raw([(byte)(file.Padding ? 0x88 : 0x89)]);
        Text("dac_version");
        Text("1.0.0");
    }

    private void ObjectArray(Action content) => Array([], () => Type("O8", "|", 63), () =>
    {
        Raw([(byte)']']);
        Remember();
        content();
        Raw([(byte)'a']);
    });

    /// <summary>numpy.ndarray by _reconstruct and BUILD.</summary>
    private void Array(int[] shape, Action type, Action data)
    {
        Global("numpy.core.multiarray", "_reconstruct");
        Global("numpy", "ndarray");
        Number(0);
        Raw([0x85]);
        Remember();
        Once("b", () => Raw([(byte)'C', 1, (byte)'b']));
        Raw([0x87]);
        Remember();
        Raw([(byte)'R']);
        Remember();
        Raw([(byte)'(']);
        Number(1);
        foreach (var size in shape)
            Number(size);
        if (shape.Length == 0)
            Raw([(byte)')']);
        else
        {
            Raw([(byte)(0x84 + shape.Length)]);
            Remember();
        }
        type();
        Raw([0x89]);
        data();
        Raw([(byte)'t']);
        Remember();
        Raw([(byte)'b']);
    }

    private void Type(string name, string order, int flags = 0)
    {
        Global("numpy", "dtype");
        Text(name);
        Raw([0x89, 0x88, 0x87]);
        Remember();
        Raw([(byte)'R']);
        Remember();
        Raw([(byte)'(']);
        Number(3);
        Text(order);
        Raw([(byte)'N', (byte)'N', (byte)'N', (byte)'J', 255, 255, 255, 255, (byte)'J', 255, 255, 255, 255]);
        Number(flags);
        Raw([(byte)'t']);
        Remember();
        Raw([(byte)'b']);
    }

    private void Dictionary(Action items)
    {
        Raw([(byte)'}']);
        Remember();
        Raw([(byte)'(']);
        items();
        Raw([(byte)'u']);
    }

    private void Global(string module, string name)
        => Once(module + "." + name, () => Raw([(byte)'c', .. Encoding.ASCII.GetBytes($"{module}\n{name}\n")]));

    private void Text(string text) => Once("text:" + text, () => Raw([(byte)'X', .. Little(text.Length, 4), .. Encoding.ASCII.GetBytes(text)]));

    private void Bytes(byte[] bytes)
    {
        Raw(bytes.Length < 256 ? [(byte)'C', (byte)bytes.Length] : [(byte)'B', .. Little(bytes.Length, 4)]);
        Raw(bytes);
        Remember();
    }

    private void Number(long value) => Raw(value switch
    {
        < 256 => [(byte)'K', (byte)value],
        < 65_536 => [(byte)'M', .. Little(value, 2)],
        _ => [(byte)'J', .. Little(checked((int)value), 4)],
    });

    /// <summary>Writes an object and remembers it, or recalls it.</summary>
    private void Once(string key, Action write)
    {
        if (_memo.TryGetValue(key, out var index))
        {
            Raw([(byte)'h', (byte)index]);
            return;
        }
        _memo[key] = _next;
        write();
        Remember();
    }

    private void Remember() => Raw([(byte)'q', (byte)_next++]);

    private void Raw(ReadOnlySpan<byte> bytes) => _out.Write(bytes);

    private static byte[] Little(long value, int count) => [.. Enumerable.Range(0, count).Select(i => (byte)(value >> (8 * i)))];
}
