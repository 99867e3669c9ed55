using Codec.Core.Bitstream;
using Codec.Core.Checkpoints;
using Codec.Core.Codecs.Encodec;
using Codec.Core.Pretrained;
using Codec.Tests.Core.Checkpoints;
using TorchSharp;
using static Codec.Tests.Audio.WavHostileTests;

namespace Codec.Tests.EndToEnd;

/// <summary>What goes wrong at a user's: one line that names it, the right exit code, and nothing half-written.</summary>
public class FailureTests
{
    [Fact]
    public void Files_that_hold_no_audio_are_named()
    {
        using var work = new Workplace();
        work.Fails(3, "missing.wav", "encode", work["missing.wav"], "-o", work["x", "a.cdc"]);
        work.Fails(3, "empty.wav", "encode", work.File("empty.wav", []));
        work.Fails(3, "text.wav", "encode", work.File("text.wav", "Dear reader, this is no recording.\n"u8));
        work.Fails(3, "noise.wav", "encode", work.File("noise.wav", [0, 1, 2, 3, 200, 255, 0, 9]));
        work.Fails(3, "lying.wav", "encode", work.File("lying.wav", Wav(Fmt(1, 2, 16000, 2, 16), Chunk("data", new byte[64]))));
        work.Fails(3, "nothing.cdc", "decode", work.File("nothing.cdc", []));
        work.Fails(3, "text.cdc", "decode", work.File("text.cdc", "Dear reader, this is no recording.\n"u8), "-o", work["x", "a.wav"]);
        work.Fails(3, "text.cdc", "info", work["text.cdc"]);
    }

    [Fact]
    public void Folders_without_audio_are_named()
    {
        using var work = new Workplace();
        Directory.CreateDirectory(work["bare"]);
        work.Fails(3, "bare", "encode", work["bare"], "-o", work["out"]);
        work.Fails(3, "bare", "decode", work["bare"]);
        work.Fails(3, "bare", "tokenize", work["bare"], "-o", work["out", "t.jsonl"]);
    }

    [Fact]
    public void A_header_that_promises_more_samples_than_there_are_is_a_warning()
    {
        using var work = new Workplace();
        var input = work.File("short.wav", Wav(Fmt(1, 1, 16000, 2, 16), Chunk("data", new byte[3200], declared: 2_000_000_000)));
        var run = CommandLineRun.Of("encode", input);
        Assert.Equal(0, run.ExitCode);
        Assert.Matches("^warning: .*short\\.wav.*declared", Assert.Single(run.ErrorLines));
        Workplace.Succeeds("decode", work["short.cdc"], "-o", work["back.wav"]);
        Assert.Equal(1600, Codec.Audio.AudioFile.Read(work["back.wav"]).Length);
    }

    [Fact]
    public void One_bad_file_does_not_stop_the_rest()
    {
        using var work = new Workplace();
        work.Speech("in/1.wav");
        work.File("in/2.wav", "no audio"u8);
        // Listed with its folder, gone when it is opened.
        File.CreateSymbolicLink(work["in", "3.wav"], work["gone.wav"]);
        work.Speech("in/4.wav");
        var run = CommandLineRun.Of("encode", work["in"], "-o", work["out"]);
        Assert.Equal(3, run.ExitCode);
        Assert.Equal(3, run.ErrorLines.Length);
        Assert.Contains("2.wav", run.ErrorLines[0]);
        Assert.Contains("3.wav: no such file", run.ErrorLines[1]);
        Assert.Contains("2 of 4 files failed", run.ErrorLines[2]);
        Assert.Equal(["1.cdc", "4.cdc"], Directory.EnumerateFileSystemEntries(work["out"]).Select(Path.GetFileName).Order());

        var bytes = File.ReadAllBytes(work["out", "1.cdc"]);
        work.File("out/2.cdc", bytes.AsSpan(0, 5));
        run = CommandLineRun.Of("decode", work["out"], "-o", work["back"]);
        Assert.Equal(3, run.ExitCode);
        Assert.Contains("2.cdc", run.ErrorLines[0]);
        Assert.Equal(["1.wav", "4.wav"], Directory.EnumerateFileSystemEntries(work["back"]).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void Existing_files_are_kept_unless_forced()
    {
        using var work = new Workplace();
        var input = work.Speech("a.wav");
        work.File("a.cdc", "precious"u8);
        work.Fails(2, "a.cdc: exists already", "encode", input);
        Workplace.Succeeds("encode", input, "--force");
        work.Fails(2, "a.wav: exists already", "decode", work["a.cdc"]);
        Workplace.Succeeds("decode", work["a.cdc"], "--force");
        work.Fails(2, "a.wav", "encode", input, "-o", input, "--force");
    }

    [Fact]
    public void Wishes_that_cannot_be_met_are_told_once_for_all_files()
    {
        using var work = new Workplace();
        work.Speech("in/a.wav");
        work.Speech("in/b.wav");
        work.Fails(2, "--kbps", "encode", work["in"], "--kbps", "0.01");
        work.Fails(2, "--books", "encode", work["in"], "--books", "1000");
        work.Fails(2, "--kbps", "tokenize", work["in"], "-o", work["t.npz"], "--kbps", "0.01");
        work.Fails(4, "no-such-model", "encode", work["in"], "--model", "no-such-model");
        work.Fails(4, "no-such-model", "tokenize", work["in"], "-o", work["t.npz"], "--model", "no-such-model");
        work.Fails(2, "--threads", "encode", work["in"], "--threads", "0");
        Assert.SkipWhen(torch.cuda.is_available(), "there is a CUDA device");
        work.Fails(2, "cuda", "encode", work["in"], "--device", "cuda");
    }

    [Fact]
    public void A_damaged_model_is_named()
    {
        using var work = new Workplace();
        work.Speech("in/a.wav");
        work.Speech("in/b.wav");
        var weights = File.ReadAllBytes(PretrainedModels.Resolve(null));
        work.Fails(4, "cut.safetensors", "encode", work["in"], "--model", work.File("cut.safetensors", weights.AsSpan(0, weights.Length / 2)));
        work.Fails(4, "head.safetensors", "encode", work["in"], "--model", work.File("head.safetensors", weights.AsSpan(0, 5)));
        work.Fails(4, "empty.safetensors", "encode", work["in"], "--model", work.File("empty.safetensors", []));
        work.Fails(4, "text.pt", "encode", work["in"], "--model", work.File("text.pt", "no model"u8));
    }

    [Fact]
    public void A_published_checkpoint_that_does_not_fit_is_named()
    {
        using var work = new Workplace();
        work.Speech("in/a.wav");
        var good = TinyEncodec(work["good.safetensors"], _ => { });
        work.Fails(4, "cut.safetensors", "encode", work["in"], "--model", work.File("cut.safetensors", good.AsSpan(0, good.Length - 100)));
        TinyEncodec(work["shape.safetensors"], weights => weights["decoder.model.0.conv.conv.bias"] = torch.ones(5));
        foreach (var verb in (string[][])[["encode", work["in"]], ["tokenize", work["in"], "-o", work["t.npz"]]])
            work.Fails(4, "decoder.model.0.conv.conv.bias (expected", [.. verb, "--model", work["shape.safetensors"]]);
        TinyEncodec(work["rank.safetensors"], weights => weights["encoder.model.0.conv.conv.weight"] = torch.ones(5));
        work.Fails(4, "rank.safetensors", "encode", work["in"], "--model", work["rank.safetensors"]);
        TinyEncodec(work["books.safetensors"], weights => weights["quantizer.quantizers.0.codebook.weight"] = torch.ones(0, 3));
        work.Fails(4, "books.safetensors", "encode", work["in"], "--model", work["books.safetensors"]);
        work.Fails(4, "no known codec family", "encode", work["in"], "--model", Other(work["other.safetensors"]));
        work.Fails(4, "header of 10000000000 bytes", "encode", work["in"], "--model", work.File("header.safetensors", [.. BitConverter.GetBytes(10_000_000_000L), .. "{}"u8]));
        var hostile = new PickleBuilder().Global("posix", "system").Op("(").Text("true").Op("tR").BuildZip();
        work.Fails(4, "the pickle asks for posix.system;", "encode", work["in"], "--model", work.File("hostile.th", hostile));
    }

    private static string Other(string path)
    {
        SafetensorsFile.Write(path, new Dictionary<string, torch.Tensor> { ["transformer.wte.weight"] = torch.ones(4, 4) });
        return path;
    }

    private static byte[] TinyEncodec(string path, Action<Dictionary<string, torch.Tensor>> change)
    {
        using var scope = torch.NewDisposeScope();
        using var codec = (EncodecCodec)new EncodecFamily().CreateTiny(1);
        var weights = codec.Model.state_dict().ToDictionary(p => p.Key, p => p.Value.clone());
        change(weights);
        SafetensorsFile.Write(path, weights);
        return File.ReadAllBytes(path);
    }

    [Fact]
    public void A_file_of_other_weights_names_the_file()
    {
        using var work = new Workplace();
        Workplace.Succeeds("encode", work.Speech("a.wav"));
        var bytes = File.ReadAllBytes(work["a.cdc"]);
        work.Fails(4, "no-such-model", "decode", work["a.cdc"], "-o", work["b.wav"], "--model", "no-such-model");
        for (var i = 0; i < 16; i++) // a changed header is refused, whichever byte it is
        {
            bytes[i] ^= 0x20;
            work.Fails(3, "changed.cdc", "decode", work.File("changed.cdc", bytes), "-o", work["b.wav"]);
            bytes[i] ^= 0x20;
        }
    }

    [Fact]
    public void A_file_that_promises_more_audio_than_it_holds_is_named()
    {
        using var work = new Workplace();
        Workplace.Succeeds("encode", work.Speech("a.wav"));
        using (var file = new CodecFileReader(File.OpenRead(work["a.cdc"])))
        using (var writer = new CodecFileWriter(File.Create(work["much.cdc"]), file.Header))
        {
            foreach (var block in file.ReadAll())
                writer.Write(block.Codes!);
            writer.Finish(1_000_000_000_000);
        }
        work.Fails(3, "much.cdc: samples", "decode", work["much.cdc"], "-o", work["b.wav"]);
    }

    [Fact]
    public void A_full_disk_leaves_nothing_behind()
    {
        using var work = new Workplace();
        Assert.SkipUnless(SmallDisk.TryMount(work["disk"], kilobytes: 16, out var disk), "needs root on Linux");
        using (disk)
        {
            var input = work.Speech("a.wav", 100_000);
            Workplace.Succeeds("encode", input, "-o", work["a.cdc"]);
            work.Fails(1, "disk/a.wav: No space left", "decode", work["a.cdc"], "-o", work["disk", "a.wav"]);
            work.Fails(1, "disk/a.flac: No space left", "decode", work["a.cdc"], "-o", work["disk", "a.flac"]);
            // The first recording fits, the second does not: no file with one and a half.
            var run = CommandLineRun.Of("tokenize", work["a.cdc"], work["a.cdc"], "-o", work["disk", "a.jsonl"]);
            Assert.Equal(1, run.ExitCode);
            Assert.Contains("disk/a.jsonl: No space left", Assert.Single(run.ErrorLines));
            Assert.Empty(Directory.EnumerateFileSystemEntries(work["disk"]));
            disk.Fill();
            work.Fails(1, "disk/a.cdc: No space left", "encode", input, "-o", work["disk", "a.cdc"]);
        }
    }
}
