namespace Codec.Tests.EndToEnd;

public class TokenTests
{
    [Fact]
    public void The_same_codes_give_the_same_npz_at_any_time()
    {
        using var work = new Workplace();
        Workplace.Succeeds("tokenize", work.Speech("a.wav"), "-o", work["a.npz"]);
        var first = File.ReadAllBytes(work["a.npz"]);
        using (var zip = System.IO.Compression.ZipFile.OpenRead(work["a.npz"]))
            Assert.All(zip.Entries, entry => Assert.Equal(1980, entry.LastWriteTime.Year));
        Workplace.Succeeds("tokenize", work["a.wav"], "-o", work["a.npz"], "--force");
        Assert.Equal(first, File.ReadAllBytes(work["a.npz"]));
    }

    [Theory]
    [InlineData(".jsonl")]
    [InlineData(".npz")]
    [InlineData(".safetensors")]
    public void Tokens_decode_to_the_same_audio_as_the_compressed_file(string extension)
    {
        using var work = new Workplace();
        var input = work.Speech("a.wav", 7001, 22050, 2);
        Workplace.Succeeds("encode", input, "-o", work["a.cdc"], "--books", "8", "--effort", "0"); // tokens are the nearest entries of all books
        Workplace.Succeeds("decode", work["a.cdc"], "-o", work["expected.wav"]);

        Workplace.Succeeds("tokenize", input, "-o", work["audio" + extension]);
        Workplace.Succeeds("detokenize", work["audio" + extension], "-o", work["fromaudio.wav"]);
        Assert.Equal(File.ReadAllBytes(work["expected.wav"]), File.ReadAllBytes(work["fromaudio.wav"]));

        Workplace.Succeeds("tokenize", work["a.cdc"], "-o", work["packed" + extension]);
        Workplace.Succeeds("detokenize", work["packed" + extension], "-o", work["frompacked.wav"]);
        Assert.Equal(File.ReadAllBytes(work["expected.wav"]), File.ReadAllBytes(work["frompacked.wav"]));
    }

    [Fact]
    public void One_bad_recording_does_not_stop_the_rest_and_a_bad_token_file_is_named()
    {
        using var work = new Workplace();
        work.File("in/a.wav", "not audio at all"u8);
        work.Speech("in/b.wav");
        var run = CommandLineRun.Of("tokenize", work["in"], "-o", work["t.jsonl"]);
        Assert.Equal(3, run.ExitCode);
        Assert.Contains("a.wav", run.ErrorLines[0]);
        Assert.Single(File.ReadAllLines(work["t.jsonl"]));

        var bytes = File.ReadAllBytes(work["t.jsonl"]);
        work.Fails(3, "cut.jsonl", "detokenize", work.File("cut.jsonl", bytes.AsSpan(0, bytes.Length / 2)), "-o", work["x.wav"]);
        work.Fails(3, "none.npz", "detokenize", work["none.npz"], "-o", work["x.wav"]);
        work.Fails(2, "t.jsonl", "tokenize", work["in", "b.wav"], "-o", work["t.jsonl"]);
        work.Fails(3, "a.wav", "tokenize", work["in", "a.wav"], "-o", work["u.npz"]);
    }
}
