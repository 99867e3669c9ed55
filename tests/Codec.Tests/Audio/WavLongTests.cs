using Codec.Audio;
using Codec.Audio.Wav;

namespace Codec.Tests.Audio;

/// <summary>Files beyond 2 and 4 GiB, through streams that keep only what is not silent.</summary>
public class WavLongTests
{
    private const int Channels = 1024, Silence = 4096; // frames of 8 KiB: gigabytes in few calls

    [Fact]
    public void More_than_4_GiB_become_RF64_and_keep_their_last_sample()
    {
        var stream = new SparseStream();
        var frames = (4L << 30) / (Channels * 8) + 77;
        Write(stream, frames);
        Assert.Equal("RF64", Magic(stream));
        stream.Position = 0;
        using var reader = AudioFile.OpenRead(stream, "long.wav");
        Assert.Equal(frames, reader.Length);
        stream.Position += (frames - 1) * Channels * 8; // the reader keeps no position of its own
        var last = new float[2 * Channels];
        Assert.Equal(Channels, reader.Read(last));
        Assert.Equal(0.75f, last[Channels - 1]);
        Assert.Equal(0, reader.Read(last));
    }

    [Theory]
    [InlineData(3L << 30)]
    [InlineData((4L << 30) - 200)]
    [InlineData(9L << 30)]
    public void Sizes_beyond_31_bits_are_read(long bytes)
    {
        var stream = new SparseStream();
        using (new WavWriter(new ForwardStream(stream), 48000, 2, SampleEncoding.Pcm16, bytes / 4)) { }
        stream.SetLength(stream.Length + bytes - 4);
        stream.Position = stream.Length;
        stream.Write([0, 0x40, 0, 0xC0]);
        stream.Position = 0;
        using var reader = AudioFile.OpenRead(stream, "long.wav");
        Assert.Equal(bytes / 4, reader.Length);
        stream.Position += bytes - 8;
        var last = new float[10];
        Assert.Equal(4, reader.Read(last));
        Assert.Equal([0, 0, 0.5f, -0.5f], last[..4]);
    }

    [Theory]
    [InlineData((4L << 30) - 200, "RIFF")]
    [InlineData(4L << 30, "RF64")]
    [InlineData(5L << 40, "RF64")]
    public void A_known_length_is_declared_at_once(long bytes, string magic)
    {
        var stream = new SparseStream();
        using (new WavWriter(new ForwardStream(stream), 48000, 2, SampleEncoding.Pcm16, bytes / 4)) { }
        Assert.Equal(magic, Magic(stream));
        stream.Position = 0;
        Assert.Equal(bytes / 4 * 4, WavHeader.Read(stream, "long.wav").DataBytes);
    }

    private static void Write(Stream stream, long frames)
    {
        using var writer = new WavWriter(stream, 48000, Channels, SampleEncoding.Float64);
        WriteSilenceAndMark(writer, frames);
        writer.Complete();
        Assert.InRange(stream.Length, frames * Channels * 8, frames * Channels * 8 + 200);
    }

    private static void WriteSilenceAndMark(AudioWriter writer, long frames)
    {
        var silence = new float[Silence * Channels];
        for (var left = frames - 1; left > 0; left -= Silence)
            writer.Write(silence.AsSpan(0, (int)Math.Min(left, Silence) * Channels));
        var mark = new float[Channels];
        mark[^1] = 0.75f;
        writer.Write(mark);
    }

    private static string Magic(Stream stream)
    {
        var head = new byte[8];
        stream.Position = 0;
        stream.ReadExactly(head);
        return System.Text.Encoding.ASCII.GetString(head, 0, 4);
    }
}
