using System.Buffers.Binary;
using System.Text;
using Codec.Audio;
using Codec.Audio.SndFile;

namespace Codec.Tests.Audio;

/// <summary>Headers that lie, files that end early, and everything else that is met outside laboratories.</summary>
public class WavHostileTests
{
    private static readonly byte[] Frames = [0, 0x40, 0, 0xC0, 0, 0x20, 0, 0xE0]; // 0.5 -0.5 0.25 -0.25
    private static readonly float[] Values = [0.5f, -0.5f, 0.25f, -0.25f];

    [Theory]
    [InlineData(1, 0, 16000u, 2, 16, "channels")]
    [InlineData(1, 2000, 16000u, 4000, 16, "channels")]
    [InlineData(1, 1, 0u, 2, 16, "sample rate")]
    [InlineData(1, 1, 4000000000u, 2, 16, "sample rate")]
    [InlineData(1, 1, 16000u, 4, 16, "block align")]
    [InlineData(1, 2, 16000u, 2, 16, "block align")]
    [InlineData(1, 1, 16000u, 0, 16, "block align")]
    [InlineData(1, 1, 16000u, 2, 0, "0 bits")]
    [InlineData(1, 1, 16000u, 8, 64, "64 bits")]
    [InlineData(3, 1, 16000u, 2, 16, "16 bits")]
    [InlineData(6, 1, 16000u, 2, 16, "16 bits")]
    public void A_lying_format_is_one_clear_line(int tag, int channels, uint rate, int align, int bits, string part)
    {
        foreach (var seekable in new[] { true, false })
            Refused(Wav(Fmt(tag, channels, rate, align, bits), Chunk("data", Frames)), part, seekable);
    }

    [Fact]
    public void Unknown_codecs_are_named()
        => Refused(Wav(Fmt(0x1234, 1, 16000, 2, 16), Chunk("data", Frames)), SndFileLibrary.IsAvailable ? "" : "0x1234");

    [Fact]
    public void Unknown_subformats_are_refused()
        => Refused(Wav(Extensible(1, 1, 16, 16, guidLast: 0x72), Chunk("data", Frames)), "", seekable: false);

    [Fact]
    public void Missing_chunks_are_named()
    {
        Refused(Wav(Chunk("data", Frames)), "no fmt chunk");
        Refused(Wav(Fmt(1, 1, 16000, 2, 16)), "ends before its data chunk");
        Refused(Wav(), "ends before its fmt chunk");
        Refused(Wav(Chunk("fmt ", new byte[12]), Chunk("data", Frames)), "fmt  chunk: expected at least 16 bytes, found 12");
        Refused(Wav(Fmt(0xFFFE, 1, 16000, 2, 16), Chunk("data", Frames)), "extensible");
    }

    [Fact]
    public void Every_cut_in_the_header_is_an_error_and_every_cut_in_the_data_a_warning()
    {
        var whole = Wav(Fmt(1, 1, 16000, 2, 16), Chunk("LIST", [1, 2, 3]), Chunk("data", Frames));
        for (var length = 0; length < whole.Length; length++)
            foreach (var seekable in new[] { true, false })
            {
                var cut = whole[..length];
                if (length < whole.Length - Frames.Length)
                {
                    Refused(cut, "", seekable);
                    continue;
                }
                var found = WavTests.Interleaved(cut, seekable, out var reader);
                Assert.Equal(Values[..((length - whole.Length + 8) / 2)], found);
                Assert.Contains("cut short: 8 bytes of samples declared", Assert.Single(reader.Warnings));
                Assert.Equal(seekable ? found.Length : 4, reader.Length);
            }
    }

    [Theory]
    [InlineData(0xFFFFFFFFu)] // ffmpeg
    [InlineData(0u)]
    [InlineData(0x7FFFF000u)] // sox
    public void Data_of_unknown_length_reads_to_the_end(uint declared)
    {
        foreach (var seekable in new[] { true, false })
            foreach (var riff in new uint[] { 0xFFFFFFFF, 0, 36, 0x7FFFF024 })
            {
                if (declared == 0 && riff == 0x7FFFF024)
                    continue; // says that other chunks follow empty data
                var bytes = Wav(Fmt(1, 1, 16000, 2, 16), Chunk("data", Frames, declared));
                BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), riff);
                Assert.Equal(Values, WavTests.Interleaved(bytes, seekable, out var reader));
                Assert.Empty(reader.Warnings);
                Assert.Equal(seekable ? 4 : null, reader.Length);
            }
    }

    [Fact]
    public void Empty_data_with_chunks_behind_it_is_empty()
        => Assert.Empty(WavTests.Interleaved(Wav(Fmt(1, 1, 16000, 2, 16), Chunk("data", []), Chunk("LIST", [1, 2, 3, 4])), true, out _));

    [Fact]
    public void Chunks_behind_the_data_are_no_audio()
    {
        foreach (var seekable in new[] { true, false })
            Assert.Equal(Values, WavTests.Interleaved(Wav(Fmt(1, 1, 16000, 2, 16), Chunk("data", Frames), Chunk("LIST", [1, 2, 3])), seekable, out _));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(4097)]
    [InlineData(100001)]
    public void Chunks_of_odd_sizes_are_skipped_with_or_without_pad(int size)
    {
        foreach (var seekable in new[] { true, false })
            foreach (var pad in new[] { true, false })
            {
                var bytes = Wav(Chunk("JUNK", new byte[size], pad: pad), Fmt(1, 1, 16000, 2, 16), Chunk("bext", new byte[size], pad: pad), Chunk("data", Frames));
                Assert.Equal(Values, WavTests.Interleaved(bytes, seekable, out _));
            }
    }

    [Theory]
    [InlineData(12, 2)]
    [InlineData(20, 3)]
    public void Odd_bit_depths_are_left_justified(int bits, int bytesPerSample)
    {
        var data = new byte[bytesPerSample];
        data[^1] = 0x40;
        Assert.Equal([0.5f], WavTests.Interleaved(Wav(Fmt(1, 1, 16000, bytesPerSample, bits), Chunk("data", data)), true, out _));
    }

    [Fact]
    public void Extensible_files_name_their_encoding_in_the_subformat()
    {
        Assert.Equal(Values, WavTests.Interleaved(Wav(Extensible(1, 1, 16, 16), Chunk("data", Frames)), true, out _));
        Assert.Equal([2.5f], WavTests.Interleaved(Wav(Extensible(3, 1, 32, 32), Chunk("data", BitConverter.GetBytes(2.5f))), true, out _));
        Assert.Equal([0.5f], WavTests.Interleaved(Wav(Extensible(1, 1, 32, 24), Chunk("data", [0, 0, 0, 0x40])), true, out _));
    }

    [Theory]
    [InlineData("RF64")]
    [InlineData("BW64")]
    public void Long_forms_take_their_size_from_ds64(string magic)
    {
        foreach (var (declared, expected) in new[] { (8L, 4), (4L, 2), (100L, 4), (0L, 4) })
        {
            var ds64 = new byte[28];
            BinaryPrimitives.WriteInt64LittleEndian(ds64.AsSpan(8), declared);
            var bytes = Wav(Chunk("ds64", ds64), Fmt(1, 1, 16000, 2, 16), Chunk("data", Frames, 0xFFFFFFFF));
            Encoding.ASCII.GetBytes(magic).CopyTo(bytes, 0);
            Assert.Equal(Values[..expected], WavTests.Interleaved(bytes, true, out _));
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(12 + 8 + 8), -5);
            Refused(bytes, "ds64 declares");
        }
    }

    [Fact]
    public void Incomplete_last_frames_are_dropped()
    {
        var bytes = Wav(Fmt(1, 2, 16000, 4, 16), Chunk("data", Frames[..6], 0xFFFFFFFF));
        Assert.Equal(Values[..2], WavTests.Interleaved(bytes, true, out var reader));
        Assert.Contains("2 of 4 bytes", Assert.Single(reader.Warnings));
    }

    [Fact]
    public void Numbers_that_are_none_become_silence()
    {
        byte[] data = [.. BitConverter.GetBytes(float.NaN), .. BitConverter.GetBytes(float.NegativeInfinity), .. BitConverter.GetBytes(0.5f)];
        Assert.Equal([0, 0, 0.5f], WavTests.Interleaved(Wav(Fmt(3, 1, 16000, 4, 32), Chunk("data", data)), true, out var reader));
        Assert.Single(reader.Warnings);
    }

    [Fact]
    public void A_header_that_promises_terabytes_allocates_nothing()
    {
        var ds64 = new byte[28];
        BinaryPrimitives.WriteInt64LittleEndian(ds64.AsSpan(8), 1L << 60);
        var bytes = Wav(Chunk("ds64", ds64), Fmt(1, 1, 16000, 2, 16), Chunk("data", Frames, 0xFFFFFFFF));
        bytes[1] = (byte)'F';
        "RF64"u8.CopyTo(bytes);
        using var reader = AudioFile.OpenRead(new ForwardStream(new MemoryStream(bytes)), "pipe");
        Assert.Equal(1L << 59, reader.Length);
        Assert.Equal(Values, AudioFile.ReadAll(reader).Channel(0));
    }

    [Theory]
    [InlineData("", "the file is empty")]
    [InlineData("Dear diary, this is no recording.\n", "not an audio file: it looks like text")]
    public void What_is_no_audio_says_so(string text, string problem)
    {
        var e = Assert.Throws<AudioFileException>(() => AudioFile.OpenRead(new MemoryStream(Encoding.UTF8.GetBytes(text)), "x.wav"));
        Assert.Equal($"x.wav: {problem}", e.Message);
    }

    internal static byte[] Wav(params byte[][] chunks)
    {
        byte[] body = [.. "WAVE"u8, .. chunks.SelectMany(c => c)];
        return [.. "RIFF"u8, .. BitConverter.GetBytes(body.Length), .. body];
    }

    internal static byte[] Chunk(string id, byte[] content, uint? declared = null, bool pad = true)
        => [.. Encoding.ASCII.GetBytes(id), .. BitConverter.GetBytes(declared ?? (uint)content.Length), .. content, .. pad && content.Length % 2 == 1 ? new byte[1] : []];

    internal static byte[] Fmt(int tag, int channels, uint rate, int align, int bits) => Chunk("fmt ", FmtBody(tag, channels, rate, align, bits));

    internal static byte[] Extensible(int tag, int channels, int bits, int valid, byte guidLast = 0x71)
        => Chunk("fmt ", [.. FmtBody(0xFFFE, channels, 16000, channels * bits / 8, bits), 22, 0, (byte)valid, 0, 0, 0, 0, 0,
            (byte)tag, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, guidLast]);

    private static byte[] FmtBody(int tag, int channels, uint rate, int align, int bits)
        => [.. BitConverter.GetBytes((ushort)tag), .. BitConverter.GetBytes((ushort)channels), .. BitConverter.GetBytes(rate),
            .. BitConverter.GetBytes(rate * (uint)align), .. BitConverter.GetBytes((ushort)align), .. BitConverter.GetBytes((ushort)bits)];

    private static void Refused(byte[] bytes, string part, bool seekable = true)
    {
        var stream = new MemoryStream(bytes);
        var e = Assert.Throws<AudioFileException>(() => AudioFile.OpenRead(seekable ? stream : new ForwardStream(stream), "bad.wav"));
        Assert.StartsWith("bad.wav: ", e.Message);
        Assert.Contains(part, e.Message);
        Assert.DoesNotContain('\n', e.Message);
        Assert.False(stream.CanRead, "the stream was left open");
    }
}
