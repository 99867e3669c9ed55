using Codec.Audio;
using Codec.Audio.SndFile;

namespace Codec.Tests.Audio;

public class WavTests
{
    private static readonly float[] Values = [.. Enumerable.Range(0, 3000).Select(i => (float)(0.9 * Math.Sin(i * 0.1) * Math.Cos(i * 0.013)))];

    public static TheoryData<SampleEncoding, int, double> Encodings()
    {
        var data = new TheoryData<SampleEncoding, int, double>();
        foreach (var channels in new[] { 1, 2, 3, 6 })
        {
            data.Add(SampleEncoding.Pcm8, channels, 0.5 / 128);
            data.Add(SampleEncoding.Pcm16, channels, 0.5 / 32768);
            data.Add(SampleEncoding.Pcm24, channels, 0.5 / 8388608);
            data.Add(SampleEncoding.Pcm32, channels, 0);
            data.Add(SampleEncoding.Float32, channels, 0);
            data.Add(SampleEncoding.Float64, channels, 0);
            data.Add(SampleEncoding.ALaw, channels, 1 / 63.9);
            data.Add(SampleEncoding.MuLaw, channels, 1 / 63.9);
        }
        return data;
    }

    [Theory, MemberData(nameof(Encodings))]
    public void Written_audio_reads_back(SampleEncoding encoding, int channels, double tolerance)
    {
        foreach (var seekable in new[] { true, false })
            foreach (var length in new long?[] { null, Values.Length / channels })
            {
                var bytes = Bytes(Values, 22050, channels, encoding, length, seekable);
                var audio = Interleaved(bytes, seekable, out var reader);
                Assert.Equal((22050, channels, 0), (reader.SampleRate, reader.Channels, reader.Warnings.Count));
                Assert.Equal(Values.Length, audio.Length);
                for (var i = 0; i < audio.Length; i++)
                    Assert.Equal(Values[i], audio[i], tolerance + 1e-9);
                if (seekable || length is not null)
                    Assert.Equal(Values.Length / channels, reader.Length);
            }
    }

    [Theory, MemberData(nameof(Encodings))]
    public void Reading_and_writing_again_changes_no_byte(SampleEncoding encoding, int channels, double tolerance)
    {
        var bytes = Bytes(Values, 16000, channels, encoding, Values.Length / channels);
        Assert.True(tolerance < 1);
        var again = Bytes(Interleaved(bytes, true, out _), 16000, channels, encoding, Values.Length / channels);
        if (encoding == SampleEncoding.MuLaw)
            bytes.AsSpan(bytes.Length - Values.Length).Replace((byte)0x7F, (byte)0xFF); // its second zero
        Assert.Equal(bytes, again);
    }

    [Theory, MemberData(nameof(Encodings))]
    public void Libsndfile_reads_the_same_samples(SampleEncoding encoding, int channels, double tolerance)
    {
        Assert.SkipUnless(SndFileLibrary.IsAvailable, "libsndfile is not installed");
        Assert.True(tolerance < 1);
        foreach (var length in new long?[] { null, Values.Length / channels })
        {
            var bytes = Bytes(Values, 16000, channels, encoding, length);
            using var theirs = new SndFileReader(new MemoryStream(bytes), "theirs");
            var found = new float[Values.Length + 10];
            Assert.Equal(Values.Length, theirs.Read(found));
            Assert.Equal(Interleaved(bytes, true, out _), found[..Values.Length]);
        }
    }

    [Fact]
    public void Known_length_gives_the_plain_44_byte_header()
    {
        var bytes = Bytes([0.5f, -0.5f], 16000, 1, SampleEncoding.Pcm16, 2);
        Assert.Equal("524946462800000057415645666D74201000000001000100803E0000007D0000020010006461746104000000004000C0", Convert.ToHexString(bytes));
    }

    [Fact]
    public void A_pipe_declares_unknown_sizes()
    {
        var bytes = Bytes([0.5f], 16000, 1, SampleEncoding.Pcm16, null, seekable: false);
        Assert.Equal("FFFFFFFF", Convert.ToHexString(bytes, 4, 4));
        Assert.Equal("FFFFFFFF", Convert.ToHexString(bytes, 40, 4));
        Assert.Equal(46, bytes.Length);
    }

    [Theory]
    [InlineData(1.0f, 32767)]
    [InlineData(2.5f, 32767)]
    [InlineData(-1.0f, -32768)]
    [InlineData(-7.0f, -32768)]
    [InlineData(float.NaN, 0)]
    [InlineData(float.PositiveInfinity, 32767)]
    [InlineData(0.99999f, 32767)]
    [InlineData(1.6f / 32768, 2)]
    [InlineData(-1.6f / 32768, -2)]
    public void Sixteen_bits_round_and_clip(float sample, short expected)
        => Assert.Equal(expected, BitConverter.ToInt16(Bytes([sample], 8000, 1, SampleEncoding.Pcm16, 1), 44));

    [Fact]
    public void G711_codes_survive_a_round_trip()
    {
        foreach (var (encoding, zero) in new[] { (SampleEncoding.ALaw, -1), (SampleEncoding.MuLaw, 0x7F) })
        {
            var codes = Enumerable.Range(0, 256).Where(b => b != zero).Select(b => (byte)b).ToArray(); // mu-law has two zeros
            var decoded = new float[codes.Length];
            var again = new byte[codes.Length];
            Codec.Audio.Wav.Samples.Decode(encoding, codes, decoded);
            Codec.Audio.Wav.Samples.Encode(encoding, decoded, again);
            Assert.Equal(codes, again);
        }
    }

    [Fact]
    public void Every_block_size_reads_the_same()
    {
        var bytes = Bytes(Values, 16000, 3, SampleEncoding.Pcm24, null);
        var whole = Interleaved(bytes, true, out _);
        foreach (var block in new[] { 3, 4, 64, 2999 })
        {
            using var reader = AudioFile.OpenRead(new ForwardStream(new MemoryStream(bytes), 7), "blocks");
            var pieces = new List<float>();
            var buffer = new float[block];
            for (int count; (count = reader.Read(buffer)) > 0;)
                pieces.AddRange(buffer.AsSpan(0, count));
            Assert.Equal(whole, pieces);
        }
    }

    internal static byte[] Bytes(float[] interleaved, int rate, int channels, SampleEncoding encoding, long? length, bool seekable = true)
    {
        var memory = new MemoryStream();
        using var writer = AudioFile.OpenWrite(seekable ? memory : new ForwardStream(memory), rate, channels, new(AudioContainer.Wav, encoding), length);
        writer.Write(interleaved);
        writer.Complete();
        return memory.ToArray();
    }

    internal static float[] Interleaved(byte[] bytes, bool seekable, out AudioReader reader)
    {
        var memory = new MemoryStream(bytes);
        using (reader = AudioFile.OpenRead(seekable ? memory : new ForwardStream(memory), "test"))
        {
            var samples = new float[bytes.Length];
            return samples[..reader.Read(samples.AsSpan(0, samples.Length / reader.Channels * reader.Channels))];
        }
    }
}
