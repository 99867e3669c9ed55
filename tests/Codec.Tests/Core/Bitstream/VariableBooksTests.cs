using Codec.Audio;
using Codec.Cli;
using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Prediction;
using Codec.Core.Codecs.Native;

namespace Codec.Tests.Core.Bitstream;

/// <summary>Frames that lack books: in files, and as a codec chooses and decodes them.</summary>
public sealed class VariableBooksTests
{
    private static readonly CodebookSpec[] Whole = [.. Enumerable.Repeat(new CodebookSpec(300), 5)];
    private static readonly CodebookSpec[] Books = [.. VariableBooks.Of(Whole)];
    private static readonly NeuralPrior Prior = Known();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Codes_come_back_and_dropping_books_gives_the_file_of_fewer(bool layered)
    {
        var header = Header(2) with { Layered = layered };
        var codes = Draw(333, 2, seed: 1);
        var whole = TestFiles.Write(header, codes, 1000);
        using var reader = new CodecFileReader(new MemoryStream(whole));
        Assert.Equal(Books, reader.Header.Books);
        TestFiles.AssertSame(codes, TestFiles.ReadCodes(reader));
        reader.Seek(170);
        Assert.Equal(codes.Slice(150, 50)[4, 1].ToArray(), reader.Read()!.Codes![4, 1].ToArray());
        for (var kept = 1; kept <= 5; kept++)
        {
            var direct = header with { Books = [.. Books.Take(kept)], Predictor = kept > VariableBooks.First ? Predictor.NeuralVariable : Predictor.Neural };
            using var output = new MemoryStream();
            Transcoder.DropBooks(new MemoryStream(whole), output, kept);
            Assert.Equal(TestFiles.Write(direct, codes.Take(kept), 1000), output.ToArray());
        }
    }

    [Fact]
    public void What_is_missing_costs_next_to_nothing()
    {
        long Payload(Codes codes)
        {
            using var writer = new CodecFileWriter(new MemoryStream(), Header(1));
            writer.Write(codes);
            writer.Finish(0);
            return writer.PayloadBytes;
        }
        var codes = Draw(500, 1, seed: 2, missing: 0);
        var (all, two) = (Payload(codes), Payload(Thin(codes, _ => 2)));
        Assert.InRange(two, all * 0.38, all * 0.42);    // two of five books
    }

    [Fact]
    public void No_file_holds_a_frame_with_a_gap_in_its_books()
    {
        var codes = Draw(60, 1, seed: 3, missing: 0);
        codes[3][7] = 300;
        Assert.Throws<ArgumentException>(() => TestFiles.Write(Header(1), codes, 1000));
        var random = new Random(4);
        for (var trial = 0; trial < 50; trial++)
        {
            var bytes = new byte[200];
            random.NextBytes(bytes);
            var file = BriefFormat.Write(Header(1) with { Samples = 320 * 50 }, new PackedBlock(50, true, default, [200], bytes));
            var read = new CodecFileReader(new MemoryStream(file)).Read()!.Codes!;
            for (var t = 0; t < 50; t++)
                for (var book = 3; book < 5; book++)
                    Assert.True(read[book - 1][t] < 300 || read[book][t] == 300);
        }
    }

    [Fact]
    public void A_codec_leaves_out_more_the_more_a_code_has_to_gain()
    {
        using var codec = (NativeCodec)new NativeFamily().CreateTiny(3);
        var samples = Noise(320 * 90);
        var whole = codec.EncodeSamples(samples, 1);
        var missing = new List<int>();
        foreach (var share in new[] { 0, 0.01, 0.1, 1e9 })
        {
            using var variable = (NativeCodec)codec.WithVariableBooks(share);
            Assert.Equal(VariableBooks.Of(codec.Info.Books), variable.Info.Books);
            var codes = variable.EncodeSamples(samples, 1);
            missing.Add(codes[2].ToArray().Count(code => code == 32));
            for (var book = 0; book < 3; book++)
                Assert.All(codes[book].ToArray().Zip(whole[book].ToArray()), pair => Assert.True(pair.First == pair.Second || book == 2 && pair.First == 32));
            // Fewer books asked for: the same choice, cut.
            Assert.Equal(codes[1].ToArray(), variable.EncodeSamples(samples, 1, books: 2)[1].ToArray());
            // Nothing is added where a code is missing.
            using (TorchSharp.torch.NewDisposeScope())
            {
                var has_1T1 = TorchSharp.torch.tensor(codes[2].ToArray().Select(code => code != 32).ToArray()).reshape(1, -1, 1);
                var latent_BTD = TorchSharp.torch.where(has_1T1, codec.LatentOf(whole), codec.LatentOf(whole.Take(2)));
                Assert.Equal(codec.DecodeLatent(latent_BTD).data<float>().ToArray(), variable.Decode(codes).data<float>().ToArray());
            }
            using var stream = new StreamState();
            var pieces = new[] { 1, 7, 30, 52 }.Select((frames, i) => variable.EncodeSamples(samples.AsSpan(320 * new[] { 0, 1, 8, 38 }[i], 320 * frames), 1, state: stream)).ToList();
            TestFiles.AssertSame(codes, Codes.Concat(pieces));
        }
        Assert.Equal(0, missing[0]);
        Assert.Equal(90, missing[^1]);
        Assert.Equal(missing.Order(), missing);
        Assert.InRange(missing[1] + missing[2], 1, 179);
        using var nested = (NativeCodec)codec.WithNested(new NestedBook(1, 2, [.. Enumerable.Range(0, 32).Select(code => code % 2)], [.. Enumerable.Repeat((byte)1, 32)]));
        Assert.Throws<NotSupportedException>(() => nested.WithVariableBooks(0.1));
    }

    [Fact]
    public void The_command_encodes_decodes_converts_and_conceals_them()
    {
        using var folder = new TemporaryFolder();
        var (model, wav, file) = (folder.Combine("codec.safetensors"), folder.Combine("in.wav"), folder.Combine("a.cdc"));
        using (var codec = (NativeCodec)new NativeFamily().CreateTiny(3))
            NativeCheckpoint.Save(codec.Model, model);
        AudioFile.Write(wav, new AudioBuffer([Noise(48000)], 16000));
        void Run(params string[] args) => Assert.Equal("", CommandLineRun.Of([.. args, "--force"]) is { ExitCode: ExitCode.Done } ? "" : string.Join(' ', args));
        float[] Decoded(string input, params string[] more)
        {
            Run(["decode", input, "-o", folder.Combine("x.wav"), "--model", model, .. more]);
            return AudioFile.Read(folder.Combine("x.wav")).Channel(0).ToArray();
        }
        Run("encode", wav, "-o", file, "--model", model, "--vbr", "0.1");
        var all = Decoded(file);
        Assert.Equal(48000, all.Length);
        Assert.All(Decoded(file, "--from", "1.5").Zip(all[24000..]), pair => Assert.Equal(pair.Second, pair.First, 2e-4f));
        Run("convert", file, "-o", folder.Combine("a.npz"));
        Run("convert", folder.Combine("a.npz"), "-o", folder.Combine("b.cdc"));
        Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(folder.Combine("b.cdc")));
        Run("detokenize", folder.Combine("a.npz"), "-o", folder.Combine("t.wav"), "--model", model);
        Assert.Equal(all, AudioFile.Read(folder.Combine("t.wav")).Channel(0).ToArray());
        var hurt = File.ReadAllBytes(file);
        hurt[hurt.Length / 2] ^= 1;
        File.WriteAllBytes(folder.Combine("h.cdc"), hurt);
        Assert.Equal(48000, Decoded(folder.Combine("h.cdc")).Length);
        var refused = CommandLineRun.Of("encode", wav, "-o", folder.Combine("r.cdc"), "--model", model, "--vbr", "-1");
        Assert.NotEqual(ExitCode.Done, refused.ExitCode);
        Assert.Contains("--vbr", Assert.Single(refused.ErrorLines));
    }

    private static CodecFileHeader Header(int streams) => TestFiles.Header(Books, streams) with { Prior = Prior.Id, Predictor = Predictor.NeuralVariable };

    private static float[] Noise(int length)
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, length).Select(i => (random.NextSingle() - 0.5f) * (i / 4000 % 2 + 0.01f))];
    }

    private static Codes Draw(int frames, int streams, int seed, int missing = 3)
    {
        var random = new Random(seed);
        return Thin(TestFiles.Random(Whole, frames, streams, seed), _ => 5 - random.Next(missing + 1));
    }

    private static Codes Thin(Codes codes, Func<int, int> count)
    {
        int[][][] kept = [.. Enumerable.Range(0, 5).Select(book => Enumerable.Range(0, codes.Batch).Select(item => codes[book, item].ToArray()).ToArray())];
        for (var item = 0; item < codes.Batch; item++)
            for (var t = 0; t < codes.Frames; t++)
                for (var book = count(t); book < 5; book++)
                    kept[book][item][t] = 300;
        return new Codes(Books, kept, codes.Frames);
    }

    private static NeuralPrior Known()
    {
        var prior = Bitstream.Prediction.SmallPrior.Make(Whole, tokenHash: 0xFE57EE);
        EntropyPriors.Add(prior);
        return prior;
    }
}
