using System.Buffers.Binary;
using System.Text;

namespace Codec.Core.Bitstream.Interop;

/// <summary>Writes pickles of protocol 3 opcode for opcode as Python's pickler does for NumPy arrays in dictionaries.</summary>
internal sealed class NumpyPickleWriter
{
    private readonly Stream _stream;
    private readonly Dictionary<string, byte> _memo = [];
    private int _memos;

    public NumpyPickleWriter(Stream stream)
    {
        _stream = stream;
        Write(0x80, 3);
    }

    public void Stop() => Write((byte)'.');

    /// <summary>A zero-dimensional array that holds one object.</summary>
    public void ObjectArray(Action item)
    {
        Reconstruct();
        Write((byte)'(', (byte)'K', 1, (byte)')');
        Type("O8", () =>
        {
            Text("|");
            Write((byte)'N', (byte)'N', (byte)'N', (byte)'J', 0xFF, 0xFF, 0xFF, 0xFF, (byte)'J', 0xFF, 0xFF, 0xFF, 0xFF, (byte)'K', 63);
        });
        Boolean(false);
        Write((byte)']');
        Put();
        item();
        Write((byte)'a', (byte)'t');
        Put();
        Write((byte)'b');
    }

    /// <summary>An array of numbers.</summary>
    public void Array(string type, int[] shape, byte[] bytes)
    {
        Reconstruct();
        Write((byte)'(', (byte)'K', 1);
        foreach (var size in shape)
            Integer(size);
        Write((byte)(0x84 + shape.Length)); // TUPLE1, TUPLE2, TUPLE3
        Put();
        Type(type, () =>
        {
            Once("<", () => Text("<", memo: false));
            Write((byte)'N', (byte)'N', (byte)'N', (byte)'J', 0xFF, 0xFF, 0xFF, 0xFF, (byte)'J', 0xFF, 0xFF, 0xFF, 0xFF, (byte)'K', 0);
        });
        Boolean(false);
        if (bytes.Length < 256)
            Write((byte)'C', (byte)bytes.Length);
        else
        {
            Write((byte)'B');
            Number(bytes.Length);
        }
        _stream.Write(bytes);
        Put();
        Write((byte)'t');
        Put();
        Write((byte)'b');
    }

    public void Dictionary(params (string Key, Action Value)[] entries)
    {
        Write((byte)'}');
        Put();
        Write((byte)'(');
        foreach (var (key, value) in entries)
        {
            Text(key);
            value();
        }
        Write((byte)'u');
    }

    public void Boolean(bool value) => Write((byte)(value ? 0x88 : 0x89));

    public void Integer(long value)
    {
        if (value is >= 0 and < 256)
            Write((byte)'K', (byte)value);
        else if (value is >= 0 and < 65536)
            Write((byte)'M', (byte)value, (byte)(value >> 8));
        else if (value is >= int.MinValue and <= int.MaxValue)
        {
            Write((byte)'J');
            Number((int)value);
        }
        else
        {
            Write(0x8a, 8);
            Span<byte> bytes = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
            _stream.Write(bytes);
        }
    }

    public void Text(string text) => Text(text, memo: true);

    private void Text(string text, bool memo)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Write((byte)'X');
        Number(bytes.Length);
        _stream.Write(bytes);
        if (memo)
            Put();
    }

    /// <summary>_reconstruct(ndarray, (0,), b'b').</summary>
    private void Reconstruct()
    {
        Once("_reconstruct", () => _stream.Write("cnumpy.core.multiarray\n_reconstruct\n"u8));
        Once("ndarray", () => _stream.Write("cnumpy\nndarray\n"u8));
        Write((byte)'K', 0, 0x85);
        Put();
        Once("b", () => _stream.Write("C\u0001b"u8));
        Write(0x87);
        Put();
        Write((byte)'R');
        Put();
    }

    /// <summary>dtype(name, False, True) with its state.</summary>
    private void Type(string name, Action state)
    {
        Once("dtype", () => _stream.Write("cnumpy\ndtype\n"u8));
        Text(name);
        Write(0x89, 0x88, 0x87);
        Put();
        Write((byte)'R');
        Put();
        Write((byte)'(', (byte)'K', 3);
        state();
        Write((byte)'t');
        Put();
        Write((byte)'b');
    }

    /// <summary>Writes an object the first time and refers to it afterwards.</summary>
    private void Once(string key, Action write)
    {
        if (_memo.TryGetValue(key, out var place))
        {
            Write((byte)'h', place);
            return;
        }
        write();
        _memo[key] = (byte)_memos;
        Put();
    }

    private void Put() => Write((byte)'q', (byte)_memos++);

    private void Number(int value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        _stream.Write(bytes);
    }

    private void Write(params ReadOnlySpan<byte> bytes) => _stream.Write(bytes);
}
