using System.Buffers.Binary;
using System.Text;

namespace Codec.Audio.Wav;

/// <summary>Walks the chunks of a RIFF, RF64 or BW64 WAVE stream, forward only.</summary>
internal sealed class RiffChunks
{
    private readonly Stream _stream;
    private readonly string _name;
    private readonly uint _riffSize;
    private readonly byte[] _head = new byte[8];
    private long _position = 12, _end = 12;  // bytes taken from the stream; end of the current chunk, without pad
    private uint _size;

    /// <exception cref="AudioFileException">Not a WAVE file.</exception>
    public RiffChunks(Stream stream, string name)
    {
        (_stream, _name) = (stream, name);
        var head = new byte[12];
        if (stream.ReadAtLeast(head, 12, false) < 12 || !IsWave(head))
            throw new AudioFileException(name, "not a WAV file");
        _riffSize = BinaryPrimitives.ReadUInt32LittleEndian(head.AsSpan(4));
    }

    /// <summary>True where the RIFF size reaches beyond the current chunk.</summary>
    public bool DeclaresMore => _riffSize != WavHeader.Unknown && _riffSize + 8L > _end + (_end & 1);

    public static bool IsWave(ReadOnlySpan<byte> head)
        => head.Length >= 12 && (head.StartsWith("RIFF"u8) || head.StartsWith("RF64"u8) || head.StartsWith("BW64"u8))
            && head[8..12].SequenceEqual("WAVE"u8);

    /// <summary>The next chunk, or null at the end of the stream.</summary>
    public (string Id, uint Size)? Next()
    {
        var have = SkipToEnd() ? SkipPad() : -1;
        if (have < 0 || _stream.ReadAtLeast(_head.AsSpan(have), 8 - have, false) < 8 - have)
            return null;
        _position += 8 - have;
        _size = BinaryPrimitives.ReadUInt32LittleEndian(_head.AsSpan(4));
        _end = _position + _size;
        return (Encoding.Latin1.GetString(_head, 0, 4), _size);
    }

    /// <summary>The first bytes of the current chunk: at least <paramref name="least"/>, at most <paramref name="most"/>.</summary>
    public byte[] Take(int least, int most)
    {
        var bytes = new byte[(int)Math.Min(_size, most)];
        if (bytes.Length < least)
            throw new AudioFileException(_name, $"{Encoding.Latin1.GetString(_head, 0, 4)} chunk: expected at least {least} bytes, found {_size}");
        if (_stream.ReadAtLeast(bytes, bytes.Length, false) < bytes.Length)
            throw new AudioFileException(_name, "ends inside its header");
        _position += bytes.Length;
        return bytes;
    }

    private bool SkipToEnd()
    {
        if (_stream.CanSeek)
        {
            var rest = Math.Min(_end - _position, _stream.Length - _stream.Position);
            _stream.Position += Math.Max(0, rest);
            _position += rest;
            return _position == _end;
        }
        var buffer = new byte[4096];
        for (int read; _position < _end; _position += read)
            if ((read = _stream.Read(buffer, 0, (int)Math.Min(buffer.Length, _end - _position))) == 0)
                return false;
        return true;
    }

    // Chunks are padded to even sizes with a zero byte; writers that forget it are forgiven where a chunk name follows at once.
    // Returns how many bytes of the next chunk's head have been read, or -1 at the end of the stream.
    private int SkipPad()
    {
        if ((_end & 1) == 0)
            return 0;
        if (_stream.ReadAtLeast(_head.AsSpan(0, 5), 5, false) < 5)
            return -1;
        _position += 5;
        var unpadded = _head[0] != 0 && _head.AsSpan(0, 4).IndexOfAnyExceptInRange((byte)' ', (byte)'~') < 0;
        if (unpadded)
            return 5;
        _head.AsSpan(1, 4).CopyTo(_head);
        return 4;
    }
}
