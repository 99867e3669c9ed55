using Codec.Audio;
using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Codecs;
using Codec.Core.Codecs.Native;
using Codec.Core.Files;

namespace Codec.Tests.Core.Files;

public sealed class CodecFilePartTests
{
    private static readonly AudioFormat Floats = new(AudioContainer.Wav, SampleEncoding.Float32);

    [Theory]
    [InlineData(true, 8000, 0, 3)]          // causal, rate, from, to in seconds
    [InlineData(true, 8000, 7.3, 9.01)]
    [InlineData(true, 8000, 21.25, 99)]
    [InlineData(true, 11025, 12.345, 23.4)]
    [InlineData(false, 8000, 0, 1)]
    [InlineData(false, 8000, 9.9, 10.1)]
    [InlineData(false, 44100, 14, 21)]
    [InlineData(false, 8000, 21, 99)]
    public void A_part_is_what_cutting_the_whole_gives(bool causal, int rate, double from, double to)
    {
        using var codec = new PcmCodec(causal: causal, delay: causal ? 6 : 0) { Edge = causal ? 0 : 500 };
        AssertSame(codec, Write(codec, 22.5, groupBlocks: 1), rate, from, to, 1e-5);
    }

    [Theory]
    [InlineData(16000, 2.2, 3)]
    [InlineData(44100, 3.1, 4.05)]
    public void The_memory_of_the_native_decoder_is_warmed_up(int rate, double from, double to)
    {
        using var codec = new NativeFamily().CreateTiny(5);
        AssertSame(codec, Write(codec, 6, groupBlocks: 1), rate, from, to, 1e-5);
    }

    [Theory]
    [InlineData(3.1, 3.3)]
    [InlineData(8.02, 9)]   // just after phases were counted anew
    [InlineData(9.7, 10.4)]
    public void Phases_that_follow_the_pitch_are_those_of_the_whole(double from, double to)
    {
        TorchSharp.torch.manual_seed(5);
        var model = NativeModel.Create(new NativeConfig
        {
            EncoderWidth = 16, EncoderBlocks = 1, DecoderWidth = 16, DecoderBlocks = 1, HeadWidth = 16, HeadBlocks = 1, LatentDim = 8,
            Quantizer = new() { Books = 3, Size = 32 }, Excitation = new ExcitationConfig { PeriodSpectra = 200 },
        });
        using (TorchSharp.torch.no_grad())
            foreach (var (_, parameter) in model.Decoder.named_parameters().Where(p => p.name.StartsWith("pitch.", StringComparison.Ordinal)))
                TorchSharp.torch.nn.init.normal_(parameter);
        using var codec = new NativeCodec(model);
        AssertSame(codec, Write(codec, 11, groupBlocks: 1), 16000, from, to, 1e-5);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(100)]
    public void Predictors_that_learn_are_brought_up_to_date(int groupBlocks)
    {
        using var codec = new PcmCodec(delay: 6);
        AssertSame(codec, Write(codec, 12, groupBlocks), 8000, 10.3, 11, 1e-5);
    }

    [Fact]
    public void Only_what_is_needed_is_read()
    {
        using var codec = new PcmCodec();
        var bytes = Write(codec, 60, groupBlocks: 1);
        var stream = new CountingStream(bytes);
        Decode(codec, stream, 8000, new TimeRange(TimeSpan.FromSeconds(50), TimeSpan.FromSeconds(51)), out _);
        Assert.InRange(stream.Bytes, 1, bytes.Length * 0.6); // ten seconds of warm-up, and up to sixteen blocks before
    }

    [Fact]
    public void Only_losses_in_the_part_are_told()
    {
        using var codec = new PcmCodec();
        var bytes = Write(codec, 20, groupBlocks: 1);
        bytes[bytes.Length * 3 / 4] ^= 1; // in the fifteenth or sixteenth second
        Decode(codec, new MemoryStream(bytes), 8000, new TimeRange(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(5)), out var clean);
        Assert.Empty(clean.Lost);
        Decode(codec, new MemoryStream(bytes), 8000, new TimeRange(TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(14.9)), out var part);
        var (whole, cut) = (Whole(codec, bytes, 8000, out var all), part.Lost);
        Assert.InRange(all.Lost.Single().Start.TotalSeconds, 13, 16);
        Assert.All(cut, lost => Assert.InRange(lost.End.TotalSeconds, 10, 14.9));
        Assert.Equal(20 * 8000, whole.Length);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_part_after_the_end_is_refused(bool pipe)
    {
        using var codec = new PcmCodec();
        var bytes = Write(codec, 3, groupBlocks: 1);
        foreach (var file in new[] { bytes, bytes[..^20] })
        {
            Stream stream = pipe ? new ForwardStream(new MemoryStream(file), 500) : new MemoryStream(file);
            var e = Assert.Throws<ConfigException>(() => Decode(codec, stream, 8000, new TimeRange(TimeSpan.FromSeconds(3), TimeSpan.MaxValue), out _));
            Assert.Contains("starts at 3 s", e.Message);
        }
    }

    private static void AssertSame(ICodec codec, byte[] bytes, int rate, double from, double to, double tolerance)
    {
        var whole = Whole(codec, bytes, rate, out _);
        var part = new TimeRange(TimeSpan.FromSeconds(from), TimeSpan.FromSeconds(to));
        foreach (var stream in new Stream[] { new MemoryStream(bytes), new ForwardStream(new MemoryStream(bytes), 500) })
        {
            var found = Decode(codec, stream, rate, part, out var report);
            var start = (int)Math.Round(from * rate);
            Assert.Equal(Math.Min(whole.Length, (int)Math.Round(to * rate)) - start, found.Length);
            Assert.Equal(found.Length, report.Samples);
            for (var i = 0; i < found.Length; i++)
                Assert.True(Math.Abs(whole[0][start + i] - found[0][i]) <= tolerance, $"sample {i}: {found[0][i]}, in the whole {whole[0][start + i]}");
        }
    }

    private static byte[] Write(ICodec codec, double seconds, int groupBlocks)
    {
        var info = codec.Info;
        var samples = (int)(seconds * info.SampleRate);
        var random = new Random(7);
        using var encoder = new AudioEncoder(codec, info.SampleRate, 1);
        var audio = Enumerable.Range(0, samples).Select(i => 0.3f * MathF.Sin(i * 0.05f) + 0.1f * random.NextSingle()).ToArray();
        using var stream = new MemoryStream();
        var header = CodecFileHeader.For(info, info.CatalogueId, info.Books.Count, info.SampleRate, 1);
        var writer = new CodecFileWriter(stream, groupBlocks > 1 ? header with { Predictor = Predictor.Adaptive } : header, groupBlocks);
        foreach (var codes in encoder.Push(audio).ToArray().Concat(encoder.Finish()))
            writer.Write(codes);
        writer.Finish(samples);
        return stream.ToArray();
    }

    private static AudioBuffer Whole(ICodec codec, byte[] bytes, int rate, out DecompressionReport report)
        => Run(new MemoryStream(bytes), rate, (file, audio) => CodecFile.Decompress(file, codec, audio), out report);

    private static AudioBuffer Decode(ICodec codec, Stream stream, int rate, TimeRange part, out DecompressionReport report)
        => Run(stream, rate, (file, audio) => CodecFilePart.Decompress(file, codec, part, audio), out report);

    private static AudioBuffer Run(Stream stream, int rate, Func<CodecFileReader, AudioWriter, DecompressionReport> decode, out DecompressionReport report)
    {
        using var file = new CodecFileReader(stream);
        var wav = new MemoryStream();
        using var writer = AudioFile.OpenWrite(wav, rate, 1, Floats);
        report = decode(file, writer);
        writer.Complete();
        wav.Position = 0;
        using var reader = AudioFile.OpenRead(wav);
        return AudioFile.ReadAll(reader);
    }

    private sealed class CountingStream(byte[] bytes) : MemoryStream(bytes)
    {
        public long Bytes { get; private set; }

        public override int Read(byte[] buffer, int offset, int count) => Count(base.Read(buffer, offset, Math.Min(count, 1024)));

        public override int Read(Span<byte> buffer) => Count(base.Read(buffer));

        private int Count(int read)
        {
            Bytes += read;
            return read;
        }
    }
}
