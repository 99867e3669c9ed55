using Codec.Audio;
using Codec.Audio.Wav;
using Codec.Tests.Audio;

namespace Codec.Tests.Hostile;

public class WavFuzzTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Damaged_WAV_files_are_read_or_refused(bool seekable)
    {
        var block = new float[4096];
        var (read, refused) = Fuzz.Run(Seeds(), 4000, bytes => ReadAll(bytes, seekable, block), typeof(AudioFileException));
        output.WriteLine($"{read} read, {refused} refused");
        Assert.True(read > 100 && refused > 100, $"{read} read, {refused} refused: the damage is one-sided");
    }

    private static void ReadAll(byte[] bytes, bool seekable, float[] block)
    {
        Stream stream = new MemoryStream(bytes);
        if (!seekable)
            stream = new ForwardStream(stream, 1000);
        var header = WavHeader.Read(stream, "fuzz");
        if (header.Encoding is null)
            return; // libsndfile's business
        using var reader = new WavReader(stream, header, "fuzz");
        long total = 0;
        for (int count; (count = reader.Read(block)) > 0; total += count)
            foreach (var sample in block.AsSpan(0, count))
                if (!float.IsFinite(sample))
                    throw new InvalidOperationException("a sample is not finite");
        if (total % reader.Channels != 0 || total > 8L * bytes.Length)
            throw new InvalidOperationException($"{total} samples of {reader.Channels} channels from {bytes.Length} bytes");
        if (seekable && reader.Length != total / reader.Channels)
            throw new InvalidOperationException($"{reader.Length} declared, {total / reader.Channels} read");
    }

    private static List<byte[]> Seeds()
    {
        var values = Enumerable.Range(0, 24).Select(i => MathF.Sin(i)).ToArray();
        List<byte[]> seeds = [.. Enum.GetValues<SampleEncoding>().Select(e => WavTests.Bytes(values, 16000, 2, e, null)),
            .. Enum.GetValues<SampleEncoding>().Select(e => WavTests.Bytes(values, 16000, 3, e, 8))];
        var ds64 = new byte[28];
        ds64[8] = 8;
        var longForm = WavHostileTests.Wav(WavHostileTests.Chunk("ds64", ds64), WavHostileTests.Fmt(1, 1, 16000, 2, 16),
            WavHostileTests.Chunk("LIST", [1, 2, 3]), WavHostileTests.Chunk("data", new byte[8], 0xFFFFFFFF));
        "RF64"u8.CopyTo(longForm);
        seeds.Add(longForm);
        seeds.Add(WavHostileTests.Wav(WavHostileTests.Extensible(1, 1, 32, 24), WavHostileTests.Chunk("JUNK", new byte[11]), WavHostileTests.Chunk("data", new byte[16])));
        return seeds;
    }
}
