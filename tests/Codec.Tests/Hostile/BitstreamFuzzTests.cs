using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Interop;
using Codec.Tests.Core.Bitstream;

namespace Codec.Tests.Hostile;

public sealed class BitstreamFuzzTests(ITestOutputHelper output)
{
    /// <summary>What reading one hostile file may allocate: the largest block that a header may ask for, and a little.</summary>
    private const long MostBytes = 48 << 20;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Damaged_files_are_read_or_refused(bool seekable)
    {
        var (read, refused) = Fuzz.Run(Seeds(), 1000, bytes => Read(bytes, seekable), typeof(BitstreamException));
        output.WriteLine($"{read} read, {refused} refused");
        Assert.True(read > 100 && refused > 100, $"{read} read, {refused} refused: the damage is one-sided");
    }

    /// <summary>Mutations rarely get past the checksums; these files have right checksums around wrong contents.</summary>
    [Fact]
    public void Malicious_files_with_right_checksums_are_read_or_refused()
    {
        var refused = 0;
        var count = Fuzz.Iterations(250);
        for (var number = 0; number < count; number++)
        {
            var bytes = Malicious(new Random(number));
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                Read(bytes, seekable: number % 2 == 0);
            }
            catch (BitstreamException)
            {
                refused++;
            }
            catch (Exception e)
            {
                Assert.Fail($"input {number}: {e}");
            }
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < MostBytes + 64L * bytes.Length, $"input {number} of {bytes.Length} bytes: {allocated} bytes allocated");
        }
        output.WriteLine($"{count - refused} read, {refused} refused");
        Assert.InRange(refused, 1, count - 1);
    }

    [Fact]
    public void Damaged_ecdc_files_are_read_or_refused()
    {
        var mono = TestFiles.Random([.. Enumerable.Repeat(new CodebookSpec(1024), 2)], 38, 1, seed: 1);
        var stereo = TestFiles.Random([.. Enumerable.Repeat(new CodebookSpec(1024), 2)], 150, 1, seed: 2);
        byte[][] seeds =
        [
            new EcdcFile { ModelName = "encodec_24khz", Samples = 12000, Books = 2, Segments = [new EcdcSegment(mono, null)] }.ToBytes(),
            new EcdcFile { ModelName = "encodec_48khz", Samples = 47520, Books = 2, Segments = [new EcdcSegment(stereo.Slice(0, 149), 0.5f)] }.ToBytes(),
        ];
        var (read, refused) = Fuzz.Run(seeds, 1500, bytes => EcdcFile.Read(bytes), typeof(BitstreamException));
        Assert.True(read > 100 && refused > 100, $"{read} read, {refused} refused: the damage is one-sided");
    }

    private static void Read(byte[] bytes, bool seekable)
    {
        Stream stream = new MemoryStream(bytes);
        using var reader = new CodecFileReader(seekable ? stream : new ForwardStream(stream, 1000));
        long frames = 0;
        foreach (var block in reader.ReadAll())
        {
            if (block.StartFrame != frames)
                throw new InvalidOperationException($"block at frame {block.StartFrame}, expected {frames}");
            frames += block.Lost ? block.Frames : block.Codes!.Frames;
            for (var book = 0; book < (block.Codes?.Books ?? 0); book++)
                for (var item = 0; item < block.Codes!.Batch; item++)
                    foreach (var code in block.Codes[book, item])
                        if ((uint)code >= (uint)block.Codes.Specs[book].Size)
                            throw new InvalidOperationException($"code {code} in a book of {block.Codes.Specs[book].Size}");
        }
        if (reader.Lost.Any(lost => lost.Frames <= 0))
            throw new InvalidOperationException("an empty loss");
        if (!seekable)
            return;
        reader.Seek(frames / 2);
        reader.Read();
    }

    private static byte[] Malicious(Random random)
    {
        var header = Wild(random);
        while (HeaderFormat.Problem(header) is not null)
            header = Wild(random);
        var head = HeaderFormat.Write(header);
        var seed = HeaderFormat.Seed(head);
        var bytes = new ByteWriter();
        bytes.Bytes(head);
        var sections = header.Layered ? header.Streams * header.Books.Count : 1;
        long index = 0;
        for (var blocks = random.Next(6); blocks > 0; blocks--, index += random.Next(8) == 0 ? random.Next(3000) : 1)
        {
            var content = new byte[random.Next(1 << random.Next(11))];
            random.NextBytes(content);
            var lengths = new int[sections];
            for (var i = 0; i < content.Length; i++)
                lengths[random.Next(sections)]++;
            var side = new byte[random.Next(3) == 0 ? random.Next(40) : 0];
            var frames = random.Next(2) == 0 ? header.BlockFrames : random.Next(1, header.BlockFrames + 1);
            BlockFormat.Write(bytes, header, seed, index, new PackedBlock(frames, random.Next(4) > 0, side, lengths, content));
        }
        if (random.Next(2) == 0)
            bytes.Bytes(new Trailer(random.NextInt64(), random.NextInt64(1L << 40), random.Next(1, 60),
                [.. Enumerable.Range(0, 4).Select(i => (long)random.Next(4000) + 4000 * i)]).Write(seed));
        return bytes.Written.ToArray();
    }

    private static CodecFileHeader Wild(Random random)
    {
        var books = new CodebookSpec[1 << random.Next(6)];
        var size = 1 << random.Next(25);
        for (var i = 0; i < books.Length; i++)
            books[i] = new CodebookSpec(random.Next(4) == 0 ? random.Next(1, size + 1) : size, random.Next(6) == 0 ? 1 << random.Next(5) : 1);
        return new CodecFileHeader
        {
            CatalogueId = random.Next(300),
            Books = books,
            SampleRate = random.Next(1, int.MaxValue),
            HopLength = random.Next(1, 2000),
            OriginalRate = random.Next(1, 200_000),
            Streams = 1 << random.Next(random.Next(11) + 1),
            BlockFrames = 32 * random.Next(1, 1 << random.Next(10)),
            Samples = random.Next(2) == 0 ? random.NextInt64() : null,
            Predictor = (Predictor)random.Next(4),
            Layered = random.Next(2) == 0,
        };
    }

    private static List<byte[]> Seeds()
    {
        var speech = TestFiles.Header([new(1024), new(1024), new(100)], 1) with { BlockFrames = 10 };
        var strides = TestFiles.Header(TestFiles.Books("strides"), 2) with { BlockFrames = 16, Layered = true, Tags = """{"title":"x"}""" };
        return
        [
            TestFiles.Write(speech, TestFiles.Random(speech.Books, 35, 1, seed: 1), 35 * 320),
            TestFiles.Write(speech with { Predictor = Predictor.Mixing }, TestFiles.Random(speech.Books, 25, 1, seed: 2), 25 * 320, groupBlocks: 2),
            TestFiles.Write(speech with { Predictor = Predictor.Adaptive, OriginalRate = 44100 }, TestFiles.Random(speech.Books, 9, 1, seed: 3), 9 * 882),
            TestFiles.Write(strides, TestFiles.Random(strides.Books, 70, 2, seed: 4), 70 * 320),
            LowbandBooksTests.Small(),
        ];
    }
}
