using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Interop;
using Codec.Core.Checkpoints;

namespace Codec.Tests.Core.Bitstream.Interop;

[NoTensorLeaks]
public sealed class DacFileTests
{
    public static TheoryData<string> Files => ReferenceCase.Rows("dac",
        name => Directory.EnumerateFiles(Path.Combine(SharedFolder.Root, "parity", "dac", name), "*.dac").Any());

    [Theory, MemberData(nameof(Files))]
    public void Reference_files_read_to_their_codes_and_write_to_their_bytes(string name)
    {
        var reference = ReferenceCase.Open("dac", name);
        var recorded = Checkpoint.Open(reference.PathOf("chunked_io.safetensors"));
        foreach (var entry in reference.Config.GetProperty("chunked").EnumerateArray())
        {
            var path = reference.PathOf(entry.GetProperty("file").GetString()!);
            var bytes = File.ReadAllBytes(path);
            var file = DacFile.Read(bytes, reference.Int("codebook_size"));
            var stem = Path.GetFileNameWithoutExtension(path);
            using (var codes = recorded.Tensors[$"{stem}.codes"].Load())
            using (var level = recorded.Tensors[$"{stem}.input_db"].Load())
            {
                Assert.Equal(codes.data<long>().ToArray(), Enumerable.Range(0, file.Codes.Batch).SelectMany(row =>
                    Enumerable.Range(0, file.Codes.Books).SelectMany(book => file.Codes[book, row].ToArray().Select(c => (long)c))));
                Assert.Equal(level.data<float>()[0], file.InputDb);
            }
            Assert.Equal(entry.GetProperty("original_length").GetInt64(), file.OriginalLength);
            Assert.Equal(entry.GetProperty("chunk_length_frames").GetInt32(), file.ChunkFrames);
            Assert.Equal(entry.GetProperty("padding").GetBoolean(), file.Padding);
            Assert.Equal(reference.Int("sample_rate"), file.SampleRate);
            Assert.Equal(bytes, file.ToBytes());
        }
    }

    [Theory]
    [InlineData(1, 200, 12L)]
    [InlineData(2, 3, 70_000L)]
    [InlineData(1, 1, 1L << 40)]
    public void Files_come_back(int rows, int frames, long length)
    {
        var file = Example(rows, frames, length);
        var read = DacFile.Read(file.ToBytes());
        Assert.Equal(file with { Codes = read.Codes }, read);
        TestFiles.AssertSame(file.Codes, read.Codes);
    }

    [Fact]
    public void Damaged_files_and_other_pickles_are_refused()
    {
        var bytes = Example(1, 5, 9).ToBytes();
        for (var i = 0; i < bytes.Length; i++)
            Assert.Throws<BitstreamException>(() => DacFile.Read(bytes[..i]));
        for (var i = 0; i < bytes.Length; i++)
            for (var value = 0; value < 256; value += 31)
            {
                var hurt = bytes.ToArray();
                hurt[i] = (byte)value;
                try
                {
                    DacFile.Read(hurt);
                }
                catch (BitstreamException)
                {
                }
            }
        byte[] evil = [.. bytes[..128], .. "cos\nsystem\nX\u0004\0\0\0true"u8, 0x85, (byte)'R', (byte)'.'];
        Assert.Contains("os.system", Assert.Throws<BitstreamException>(() => DacFile.Read(evil)).Message);
    }

    private static DacFile Example(int rows, int frames, long length) => new()
    {
        Codes = TestFiles.Random([.. Enumerable.Repeat(new CodebookSpec(1024), 3)], frames, rows, seed: frames),
        InputDb = -17.25f,
        OriginalLength = length,
        SampleRate = 44100,
        ChunkFrames = 72,
        Channels = rows,
        Padding = rows == 1,
    };
}
