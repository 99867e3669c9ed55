using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Prediction;

namespace Codec.Tests.Core.Bitstream.Prediction;

public sealed class PredictorTests
{
    private static readonly CodebookSpec[] Books = [new(64), new(48), new(1000)];

    private static readonly TreeTables Tree = TreeTables.Train([Walk(Books, 3000, seed: 11)]);

    /// <summary>Predictors by name, with what each must save on codes that repeat themselves.</summary>
    public static TheoryData<string, double> Models => new()
    {
        { "uniform", 1.001 },
        { "adaptive", 0.97 },
        { "mixing", 0.75 },
        { "neural", 1.5 },          // untrained: right, not small
        { "neural mixing", 1.05 },
        { "tree", 0.95 },
    };

    [Theory, MemberData(nameof(Models))]
    public void Codes_come_back_from_files(string name, double share)
    {
        foreach (var (layered, groupBlocks) in new[] { (false, 1), (true, 1), (false, 8) })
        {
            var header = TestFiles.Header(Books, 1) with { BlockFrames = 40, Layered = layered };
            var codes = Walk(Books, 400, seed: 3);
            using var stream = new MemoryStream();
            using (var writer = new CodecFileWriter(stream, header, groupBlocks, h => Create(name, h.Books), leaveOpen: true))
            {
                writer.Write(codes);
                writer.Finish(400);
                if (groupBlocks > 1)
                    Assert.InRange(writer.PayloadBytes, 1, share * 400 * Books.Sum(b => b.BitsPerCode) / 8 + 20);
            }
            stream.Position = 0;
            using var reader = new CodecFileReader(stream, h => Create(name, h.Books));
            TestFiles.AssertSame(codes, TestFiles.ReadCodes(reader));
        }
    }

    [Theory, MemberData(nameof(Models))]
    public void Lower_books_do_not_depend_on_higher_ones(string name, double share)
    {
        Assert.True(share > 0);
        var codes = Walk(Books, 200, seed: 5);
        var header = TestFiles.Header(Books, 1) with { BlockFrames = 40 };
        for (var kept = 1; kept <= 3; kept++)
        {
            var direct = Write(header with { Books = Books[..kept] }, codes.Take(kept), name);
            using var output = new MemoryStream();
            Transcoder.DropBooks(new MemoryStream(Write(header, codes, name)), output, kept, h => Create(name, h.Books));
            Assert.Equal(direct, output.ToArray());
        }
    }

    /// <summary>Any state that damage or malice leads to must still give a table.</summary>
    [Theory, MemberData(nameof(Models))]
    public void Random_bytes_decode_to_codes_in_range(string name, double share)
    {
        Assert.True(share > 0);
        var random = new Random(7);
        var model = Create(name, Books);
        for (var round = 0; round < 20; round++)
        {
            var bytes = new byte[random.Next(80)];
            random.NextBytes(bytes);
            var block = Walk(Books, random.Next(1, 60), seed: 1);
            var decoder = new RangeDecoder(bytes);
            for (var book = 0; book < Books.Length; book++)
            {
                model.Code(decoder, block, book);
                foreach (var code in block[book])
                    Assert.InRange(code, 0, Books[book].Size - 1);
            }
        }
    }

    [Fact]
    public void Priors_come_back_and_damage_is_noticed()
    {
        var prior = SmallPrior.Make(Books);
        var bytes = prior.ToBytes();
        Assert.Equal(bytes, NeuralPrior.Parse(bytes).ToBytes());
        Assert.Equal(prior.Id, NeuralPrior.Parse(bytes).Id);
        for (var length = 0; length < bytes.Length; length += 97)
            Assert.Throws<BitstreamException>(() => NeuralPrior.Parse(bytes.AsSpan(0, length)));
        bytes[bytes.Length / 2] ^= 1;
        Assert.Throws<BitstreamException>(() => NeuralPrior.Parse(bytes));
    }

    [Fact]
    public void Trees_come_back_from_bytes_and_damage_is_noticed()
    {
        var bytes = Tree.For(77).ToBytes();
        var again = Assert.IsType<TreeTables>(EntropyPrior.Parse(bytes));
        Assert.Equal((77u, Tree.For(77).Id), (again.TokenHash, again.Id));
        Assert.Equal(bytes, again.ToBytes());
        for (var length = 0; length < bytes.Length; length += 97)
            Assert.Throws<BitstreamException>(() => TreeTables.Parse(bytes.AsSpan(0, length)));
        var random = new Random(3);
        for (var round = 0; round < 300; round++)
        {
            var damaged = bytes.ToArray();
            for (var i = random.Next(4); i >= 0; i--)
                damaged[random.Next(8, Math.Min(bytes.Length, 4000))] = (byte)random.Next(256);
            System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(damaged.AsSpan(^4..), Crc32C.Compute(damaged.AsSpan(..^4)));
            try
            {
                var block = Walk(Books, 30, seed: round);
                var model = new TreeModel(TreeTables.Parse(damaged));
                for (var book = 0; book < Books.Length; book++)
                    model.Code(new RangeEncoder(), block, book);
            }
            catch (BitstreamException)
            {
            }
        }
    }

    [Fact]
    public void Tables_survive_the_way_to_real_numbers_and_back()
    {
        var prior = SmallPrior.Make(Books);
        var again = NeuralPrior.Quantize(1, prior.Dequantize());
        var codes = Walk(Books, 200, seed: 4);
        var first = CodeLength.Measure([codes], () => new NeuralModel(prior), 50);
        var second = CodeLength.Measure([codes], () => new NeuralModel(again), 50);
        for (var book = 0; book < Books.Length; book++)
            Assert.Equal(first[book], second[book], 0.02);
    }

    /// <summary>The same bytes on every machine: these were written on x64 with AVX-512 and must never change.</summary>
    [Theory]
    [InlineData("uniform")]
    [InlineData("adaptive")]
    [InlineData("mixing")]
    [InlineData("neural")]
    [InlineData("neural mixing")]
    [InlineData("tree")]
    public void Bytes_are_the_recorded_ones(string name)
    {
        var header = TestFiles.Header(Books, 1) with { BlockFrames = 40 };
        var bytes = Write(header, Walk(Books, 200, seed: 9), name);
        Assert.Equal(Recorded[name], Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(bytes))[..16]);
    }

    [Fact]
    public void Registered_tables_are_found_and_missing_ones_are_named()
    {
        var prior = SmallPrior.Make(Books, tokenHash: 0xABCD1234);
        var header = TestFiles.Header(Books, 1) with { BlockFrames = 40, WeightHash = 0xABCD1234 };
        var codec = new CodecInfo { Name = "test", SampleRate = 16000, HopLength = 320, Books = Books, WeightHash = "00000001", TokenHash = "abcd1234" };
        Assert.Equal(Predictor.Uniform, header.WithBestPredictor(codec).Predictor);
        var lost = header with { Predictor = Predictor.Neural, Prior = prior.Id };
        Assert.Contains($"{prior.Id:x8}", Assert.Throws<BitstreamException>(() => SymbolModels.Create(lost)).Message);
        EntropyPriors.Add(prior);
        var best = header.WithBestPredictor(codec);
        Assert.Equal(Predictor.Uniform, header.WithBestPredictor(codec with { TokenHash = "" }).Predictor);
        Assert.Equal((Predictor.Neural, prior.Id), (best.Predictor, best.Prior));
        var codes = Walk(Books, 100, seed: 1);
        using var reader = new CodecFileReader(new MemoryStream(TestFiles.Write(best, codes, 5)));
        TestFiles.AssertSame(codes, TestFiles.ReadCodes(reader));
    }

    [Fact]
    public void A_tree_finds_the_code_that_tells_most()
    {
        var random = new Random(2);
        int[] first = [.. Enumerable.Range(0, 5000).Select(_ => random.Next(32))];
        var second = new int[5000];
        for (var t = 1; t < 5000; t++)
            second[t] = random.Next(4) > 0 ? second[t - 1] : random.Next(32);
        int[] third = [.. first.Select(c => (5 * c + random.Next(3)) % 32)];
        CodebookSpec[] books = [new(32), new(32), new(32)];
        var codes = new Codes(books, [[first], [second], [third]], 5000);
        var tables = TreeTables.Train([codes]);
        Assert.Equal([0, 1, 0], tables.Parents);
        var encoder = new RangeEncoder();
        var model = new TreeModel(tables);
        for (var book = 0; book < 3; book++)
            model.Code(encoder, codes, book);
        var bytes = encoder.Finish().ToArray();
        Assert.InRange(8.0 * bytes.Length / 5000, 0, 5.05 + 2.3 + 1.75); // uniform; stays 3 of 4 times; one of three
        var decoder = new RangeDecoder(bytes);
        var found = new Codes(books, [[new int[5000]], [new int[5000]], [new int[5000]]], 5000);
        var fresh = new TreeModel(tables);
        for (var book = 0; book < 3; book++)
            fresh.Code(decoder, found, book);
        TestFiles.AssertSame(codes, found);
    }

    private static readonly Dictionary<string, string> Recorded = new()
    {
        ["uniform"] = "B2D5B2E864B3B540",
        ["adaptive"] = "25CC47C8385C0DA0",
        ["mixing"] = "02D20FDB3F94ECB8",
        ["neural"] = "BE1D0DD13F701C82",
        ["neural mixing"] = "B80067A36779EC71",
        ["tree"] = "8EB8DD56D52E5C23",
    };

    private static byte[] Write(CodecFileHeader header, Codes codes, string name)
    {
        using var stream = new MemoryStream();
        using var writer = new CodecFileWriter(stream, header, models: h => Create(name, h.Books));
        writer.Write(codes);
        writer.Finish(codes.Frames);
        return stream.ToArray();
    }

    private static ISymbolModel Create(string name, IReadOnlyList<CodebookSpec> books) => name switch
    {
        "uniform" => new UniformModel(),
        "adaptive" => new AdaptiveModel(books),
        "mixing" => new MixingModel(books, null),
        "neural" => new NeuralModel(SmallPrior.Make(Books)),
        "neural mixing" => new MixingModel(books, SmallPrior.Make(Books)),
        "tree" => new TreeModel(Tree),
        _ => throw new ArgumentException(name),
    };

    /// <summary>Codes that mostly stay or follow the book below.</summary>
    private static Codes Walk(IReadOnlyList<CodebookSpec> books, int frames, int seed)
    {
        var codes = TestFiles.Random(books, frames, 1, seed);
        var random = new Random(seed);
        for (var book = 0; book < books.Count; book++)
            for (var t = 1; t < frames; t++)
                if (random.Next(5) > 0)
                    codes[book][t] = book > 0 && random.Next(2) > 0 ? codes[book - 1][t] % books[book].Size : codes[book][t - 1];
        return codes;
    }
}
