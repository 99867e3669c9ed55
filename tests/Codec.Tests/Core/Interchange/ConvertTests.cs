using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Interop;
using Codec.Core.Codecs.Dac;
using Codec.Core.Interchange;
using Codec.Core.Tokens;
using Codec.Tests.Core.Bitstream;
using Codec.Tests.EndToEnd;

namespace Codec.Tests.Core.Interchange;

/// <summary>Codes go through every kind of file and come back byte for byte.</summary>
public sealed class ConvertTests
{
    private static readonly CodebookSpec[] Books = [.. Enumerable.Repeat(new CodebookSpec(1024), 4)];

    [Theory]
    [InlineData("encodec_24khz", 24000 * 3 + 17)]
    [InlineData("encodec_24khz", 1)]
    [InlineData("encodec_48khz", 48000 * 3 + 17)]
    [InlineData("encodec_48khz", 47520 * 2 + 100)]  // the last two segments are short
    [InlineData("encodec_48khz", 300)]
    public void Ecdc_files_come_back_from_every_kind(string model, int samples)
    {
        using var work = new Workplace();
        var random = new Random(5);
        var segments = EcdcModel.Find(model).SegmentFrames(samples).Select((frames, i) => new EcdcSegment(TestFiles.Random(Books, frames, 1, i),
            model == "encodec_48khz" ? 0.01f + random.NextSingle() : null)).ToArray();
        var original = new EcdcFile { ModelName = model, Samples = samples, Books = Books.Length, Segments = segments }.ToBytes();
        var path = work.File("a.ecdc", original);
        foreach (var kind in new[] { ".cdc", ".npz", ".safetensors", ".jsonl" })
        {
            Workplace.Succeeds("convert", path, "-o", work["b" + kind]);
            Workplace.Succeeds("convert", work["b" + kind], "-o", work["c.ecdc"], "--force");
            Assert.Equal(original, File.ReadAllBytes(work["c.ecdc"]));
        }
        Workplace.Succeeds("convert", work["b.npz"], "-o", work["d.cdc"]);
        Assert.Equal(File.ReadAllBytes(work["b.cdc"]), File.ReadAllBytes(work["d.cdc"]));
    }

    [Theory]
    [InlineData(44100, 44100, 512, 9, true)]
    [InlineData(16000, 16000, 320, 12, false)]
    [InlineData(22050, 24000, 320, 32, true)]
    public void Dac_files_come_back_with_loudness_and_chunks(int original, int rate, int hop, int books, bool padding)
    {
        using var work = new Workplace();
        var frames = (int)Math.Ceiling(3.3 * rate / hop);
        using var bytes = new MemoryStream();
        new DacFile
        {
            Codes = TestFiles.Random([.. Enumerable.Repeat(new CodebookSpec(1024), books)], frames, 2, seed: 2),
            InputDb = [-23.5f], OriginalLength = (long)(3.3 * original), SampleRate = original, ChunkLength = padding ? frames : 100, Channels = 2, Padding = padding,
        }.Write(bytes);
        var path = work.File("a.dac", bytes.ToArray());
        foreach (var kind in new[] { ".cdc", ".npz" })
        {
            Workplace.Succeeds("convert", path, "-o", work["b" + kind]);
            Workplace.Succeeds("convert", work["b" + kind], "-o", work["c.dac"], "--force");
            Assert.Equal(bytes.ToArray(), File.ReadAllBytes(work["c.dac"]));
        }
        var recording = Assert.Single(CodeFile.Read(work["b.cdc"]));
        Assert.Equal((rate, hop), (recording.CodecRate, recording.HopLength));
    }

    [Fact]
    public void Our_files_come_back_from_token_files()
    {
        using var work = new Workplace();
        var header = TestFiles.Header(TestFiles.Books("strides"), 2) with { Tags = """{"title":"x"}""", OriginalRate = 44100, CatalogueId = 1, WeightHash = 0x01020304 };
        var original = TestFiles.Write(header, TestFiles.Random(header.Books, 161, 2, seed: 1), 100_000);
        var path = work.File("in/a.cdc", original);
        work.File("in/b.cdc", original);
        Workplace.Succeeds("convert", work["in"], "-o", work["all.npz"]);
        Workplace.Succeeds("convert", work["all.npz"], "-o", work["out"], "--to", "cdc");
        Assert.Equal(original, File.ReadAllBytes(work["out", "a.cdc"]));
        Assert.Equal(original, File.ReadAllBytes(work["out", "b.cdc"]));
        Workplace.Succeeds("convert", path, "-o", work["jsonl"], "--to", ".jsonl");
        Assert.Equal("""{"title":"x"}""", TokenFile.Read(work["jsonl", "a.jsonl"]).Single().Tags);
    }

    [Fact]
    public void What_cannot_be_converted_is_told_in_one_line()
    {
        using var work = new Workplace();
        var header = TestFiles.Header(Books, 1);
        var bytes = TestFiles.Write(header, TestFiles.Random(Books, 161, 1, seed: 1), 51520);
        var path = work.File("a.cdc", bytes);
        work.Fails(3, "24 kHz mono", "convert", path, "-o", work["a.ecdc"]);
        work.Fails(3, "damaged", "convert", work.File("hurt.cdc", [.. bytes[..200], 1, .. bytes[201..]]), "-o", work["b.npz"]);
        work.Fails(3, "cut off", "convert", work.File("cut.cdc", bytes[..^8]), "-o", work["b.npz"]);
        work.Fails(3, "no such file", "convert", work["none.ecdc"], "-o", work["b.cdc"]);
        work.Fails(3, "bad.ecdc", "convert", work.File("bad.ecdc", [1, 2, 3]), "-o", work["b.cdc"]);
        work.Fails(3, "bad.dac", "convert", work.File("bad.dac", [1, 2, 3]), "-o", work["b.cdc"]);
        work.Fails(2, "ends in", "convert", path, "-o", work["b.mp3"]);
        work.Fails(2, "same file", "convert", path, "-o", path, "--force");
        work.Fails(2, "exists already", "convert", path, "-o", work.File("b.jsonl", [1]));
        work.Fails(2, "--to", "convert", path, path, "-o", work["c.cdc"]);
        var dac = TestFiles.Header(Books, 1) with { SampleRate = 16000, HopLength = 320 };
        var run = CommandLineRun.Of("convert", work.File("d.cdc", TestFiles.Write(dac, TestFiles.Random(Books, 10, 1, 1), 3200)), "-o", work["d.dac"]);
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("loudness", Assert.Single(run.ErrorLines));
    }
}
