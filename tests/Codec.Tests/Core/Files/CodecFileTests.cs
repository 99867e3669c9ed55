using Codec.Audio;
using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Checkpoints;
using Codec.Core.Files;

namespace Codec.Tests.Core.Files;

public class CodecFileTests
{
    private static readonly AudioFormat Floats = new(AudioContainer.Wav, SampleEncoding.Float32);

    [Theory, NoTensorLeaks]
    [InlineData(1, 0, 1, true, 0)]
    [InlineData(1, 1, 1, true, 6)]
    [InlineData(1, 12345, 1, true, 0)]
    [InlineData(1, 100003, 1, true, 10)]  // longer than a block, delay over several frames
    [InlineData(3, 50001, 1, true, 6)]    // channels apart
    [InlineData(3, 50001, 2, true, 6)]    // channels in pairs, the last one alone
    [InlineData(2, 1, 1, false, 0)]
    [InlineData(1, 12345, 1, false, 0)]   // one window
    [InlineData(2, 400003, 1, false, 0)]  // many windows
    [InlineData(3, 250000, 2, false, 0)]
    public void At_the_codecs_rate_the_audio_comes_back_to_the_sample(int channels, int length, int group, bool causal, int delay)
    {
        using var codec = new PcmCodec(channels: group, causal: causal, delay: delay);
        var audio = Sines(8000, channels, length);
        var back = RoundTrip(codec, audio, out var report);
        Assert.Equal(length, report.Samples);
        AssertEqual(audio, back, 1e-4);
    }

    [Theory, NoTensorLeaks]
    [InlineData(44100, 2, 100001, true, 6)]
    [InlineData(11025, 1, 33333, true, 0)]
    [InlineData(4000, 1, 7, true, 3)]
    [InlineData(48000, 1, 999999, false, 0)]
    public void Other_rates_are_resampled_and_keep_length_and_place(int rate, int channels, int length, bool causal, int delay)
    {
        using var codec = new PcmCodec(causal: causal, delay: delay);
        var audio = Sines(rate, channels, length);
        AssertEqual(audio, RoundTrip(codec, audio, out _), length < 100 ? 0.2 : 0.01, edge: length / 50);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Codes_do_not_depend_on_how_the_audio_arrives(bool causal)
    {
        using var codec = new PcmCodec(causal: causal, delay: causal ? 6 : 0);
        var audio = Sines(11025, 1, 200_000);
        var expected = Codes.Concat(Encode(codec, audio, 200_000));
        foreach (var piece in new[] { 7, 333, 65536 })
        {
            var actual = Codes.Concat(Encode(codec, audio, piece));
            Assert.Equal(expected.Frames, actual.Frames);
            for (var k = 0; k < expected.Books; k++)
                Assert.True(expected[k].SequenceEqual(actual[k]), $"book {k}, pieces of {piece}");
        }
    }

    [Theory]
    [InlineData(true, 10)]
    [InlineData(false, 12.4)] // ten seconds and a second of context on both sides, rounded up to the grid
    public void No_call_of_the_codec_grows_with_the_length(bool causal, double seconds)
    {
        using var codec = new PcmCodec(causal: causal);
        RoundTrip(codec, Sines(8000, 1, 400_000), out _);
        Assert.InRange(codec.LongestCall, 1, seconds * codec.Info.FrameRate);
    }

    [Fact]
    public void Windows_of_a_codec_that_is_not_causal_have_context()
    {
        using var codec = new PcmCodec(causal: false) { Edge = 500 };
        var audio = Sines(8000, 1, 400_000);
        AssertEqual(audio, RoundTrip(codec, audio, out _), 1e-4, edge: 500 * 4);
    }

    [Fact]
    public void Fewer_books_give_a_smaller_file()
    {
        using var codec = new PcmCodec();
        var audio = Sines(8000, 1, 40_000);
        Assert.True(Compress(codec, audio, out _, books: 4).Length < 0.6 * Compress(codec, audio, out _).Length);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_lost_block_is_concealed_in_its_place_and_reported_in_seconds(bool causal)
    {
        using var codec = new PcmCodec(causal: causal, delay: causal ? 8 : 0);
        var audio = Sines(8000, 1, 100_000);
        var bytes = Compress(codec, audio, out _);
        bytes[bytes.Length / 2] ^= 0x10;
        var back = Decompress(codec, bytes, 8000, out var report);
        Assert.Equal(codec.Info.FrameRate, report.LostFrames, codec.Info.FrameRate / 10);
        Assert.False(report.Truncated);
        Assert.Equal(audio.Length, back.Length);
        var lost = Assert.Single(report.Lost);
        var (start, end) = ((int)(lost.Start.TotalSeconds * 8000), (int)(lost.End.TotalSeconds * 8000));
        Assert.Equal(report.LostFrames * 4, end - start);
        for (var i = 0; i < audio.Length; i++)
            Assert.True((i >= start && i < end) || Math.Abs(audio[0][i] - back[0][i]) < 1e-3, $"sample {i} was not lost and is wrong");
        // The last sound goes on and fades, the next one fades in; between them is silence.
        Assert.All(Enumerable.Range(start + 1300, end - start - 1700), i => Assert.InRange(back[0][i], -1e-6f, 1e-6f));
        Assert.True(Energy(back, start, start + 640) > 0.2 * Energy(audio, start, start + 640));
        Assert.True(Energy(back, start, start + 640) > Energy(back, start + 640, start + 1280));
        Assert.True(Energy(back, end - 160, end) > Energy(back, end - 320, end - 160));
    }

    private static double Energy(AudioBuffer audio, int from, int to) => Enumerable.Range(from, to - from).Sum(i => (double)audio[0][i] * audio[0][i]);

    [Fact]
    public void A_file_that_was_cut_gives_what_is_there()
    {
        using var codec = new PcmCodec(delay: 8);
        var audio = Sines(8000, 1, 100_000);
        var bytes = Compress(codec, audio, out _);
        var back = Decompress(codec, bytes[..(bytes.Length / 2)], 8000, out var report);
        Assert.True(report.Truncated);
        Assert.InRange(back.Length, 0.4 * audio.Length, 0.5 * audio.Length);
        AssertEqual(audio.Slice(0, back.Length), back, 1e-3);
    }

    [Theory]
    [InlineData(16000)]
    [InlineData(22050)]
    public void Another_rate_can_be_asked_for(int rate)
    {
        using var codec = new PcmCodec();
        var back = Decompress(codec, Compress(codec, Sines(8000, 1, 40_001), out _), rate, out _);
        AssertEqual(Sines(rate, 1, (int)Resampler.OutputLength(40_001, 8000, rate)), back, 0.01, edge: rate / 50);
    }

    [Fact]
    public void Another_model_is_refused_with_both_hashes()
    {
        using var codec = new PcmCodec();
        var header = CodecFileHeader.For(codec.Info with { WeightHash = "0123456789" }, 0, 3, 8000, 1);
        var other = Assert.Throws<CheckpointException>(() => CodecFile.Check(header, codec.Info with { WeightHash = "89abcdef01" }, "a.cdc"));
        Assert.Contains("01234567", other.Message);
        Assert.Contains("89abcdef", other.Message);
        Assert.Contains("a.cdc", other.Message);
        Assert.Throws<CheckpointException>(() => CodecFile.Check(header, codec.Info with { HopLength = 5 }, "a.cdc"));
        CodecFile.Check(header, codec.Info with { WeightHash = "0123456700" }, "a.cdc");
    }

    [Fact]
    public void Cancelling_stops_between_blocks()
    {
        using var codec = new PcmCodec();
        using var cancellation = new CancellationTokenSource();
        using var audio = Reader(Sines(8000, 1, 400_000));
        var progress = new Immediate<TimeSpan>(done =>
        {
            if (done.TotalSeconds > 10)
                cancellation.Cancel();
        });
        Assert.Throws<OperationCanceledException>(() => CodecFile.Compress(audio, codec, Stream.Null, null, progress, cancellation.Token));
        Assert.True(audio.Read(new float[100]) > 0, "the audio was read to its end");
    }

    private static AudioBuffer RoundTrip(PcmCodec codec, AudioBuffer audio, out CompressionReport report)
    {
        var bytes = Compress(codec, audio, out report);
        Assert.Equal(bytes.Length, report.Bytes);
        return Decompress(codec, bytes, audio.SampleRate, out _);
    }

    private static byte[] Compress(ICodec codec, AudioBuffer audio, out CompressionReport report, int? books = null)
    {
        using var output = new MemoryStream();
        using var reader = Reader(audio);
        report = CodecFile.Compress(reader, codec, output, books);
        return output.ToArray();
    }

    private static AudioBuffer Decompress(ICodec codec, byte[] bytes, int rate, out DecompressionReport report)
    {
        using var file = new CodecFileReader(new MemoryStream(bytes));
        CodecFile.Check(file.Header, codec.Info, "test");
        var wav = new MemoryStream();
        using var writer = AudioFile.OpenWrite(wav, rate, file.Header.Channels, Floats);
        report = CodecFile.Decompress(file, codec, writer);
        writer.Complete();
        wav.Position = 0;
        using var reader = AudioFile.OpenRead(wav);
        return AudioFile.ReadAll(reader);
    }

    private static List<Codes> Encode(ICodec codec, AudioBuffer audio, int piece)
    {
        using var encoder = new AudioEncoder(codec, audio.SampleRate, audio.Channels);
        var all = new List<Codes>();
        for (var start = 0; start < audio.Length; start += piece)
            all.AddRange(encoder.Push(audio[0].Slice(start, Math.Min(piece, audio.Length - start))));
        all.AddRange(encoder.Finish());
        return all;
    }

    private static AudioReader Reader(AudioBuffer audio)
    {
        var wav = new MemoryStream();
        using (var writer = AudioFile.OpenWrite(wav, audio.SampleRate, audio.Channels, Floats))
        {
            writer.Write(audio);
            writer.Complete();
        }
        wav.Position = 0;
        return AudioFile.OpenRead(wav);
    }

    /// <summary>A low sine per channel that never repeats on a block's grid.</summary>
    private static AudioBuffer Sines(int rate, int channels, int length)
        => new([.. Enumerable.Range(0, channels).Select(c => Enumerable.Range(0, length)
            .Select(i => (float)(0.5 * Math.Sin(2 * Math.PI * (197.3 + 50 * c) * i / rate + c + 0.3))).ToArray())], rate);

    private static void AssertEqual(AudioBuffer expected, AudioBuffer actual, double tolerance, int edge = 0)
    {
        Assert.Equal((expected.SampleRate, expected.Channels, expected.Length), (actual.SampleRate, actual.Channels, actual.Length));
        for (var c = 0; c < expected.Channels; c++)
            for (var i = edge; i < expected.Length - edge; i++)
                Assert.True(Math.Abs(expected[c][i] - actual[c][i]) <= tolerance, $"channel {c}, sample {i}: {expected[c][i]} became {actual[c][i]}");
    }

    /// <summary>Unlike <see cref="Progress{T}"/>, reports on the same thread.</summary>
    private sealed class Immediate<T>(Action<T> report) : IProgress<T>
    {
        public void Report(T value) => report(value);
    }
}
