using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Prediction;
using Codec.Core.Checkpoints;
using Codec.Core.Concealment;
using Codec.Core.Files;
using Codec.Tests.Core.Bitstream.Prediction;

namespace Codec.Tests.Core.Bitstream;

/// <summary>Files with a low band behind the books.</summary>
public sealed class LowbandBooksTests
{
    private const int Coefficients = 11;

    private static readonly CodebookSpec[] Whole = [.. Enumerable.Repeat(new CodebookSpec(300), 5)];
    private static readonly NeuralPrior Neural = SmallPrior.Make(Whole, tokenHash: 0x10BA2D);
    private static readonly LowbandPrior Prior = Known();

    public static TheoryData<int, int, int, int> Shapes => new()
    {
        { 4, 60, 50, 1 },       // books, steps, frames of a block, streams
        { 1, 4, 7, 1 },
        { 5, 14, 1, 2 },        // fewer steps than sizes with a frequency, as many, one more
        { 3, 15, 50, 1 },
        { 2, 16, 13, 1 },
        { 3, 511, 50, 2 },
    };

    [Theory, MemberData(nameof(Shapes))]
    public void Codes_come_back_and_dropping_books_gives_the_file_of_fewer(int books, int steps, int blockFrames, int streams)
    {
        var codes = Draw(books, steps, 130, streams);
        var header = Header(codes, streams) with { BlockFrames = blockFrames };
        foreach (var groupBlocks in new[] { 1, 3 })
        {
            var whole = TestFiles.Write(header, codes, 1000, groupBlocks: groupBlocks);
            using var reader = new CodecFileReader(new MemoryStream(whole));
            Assert.Equal((Predictor.NeuralLowband, Prior.Id), (reader.Header.Predictor, reader.Header.Prior));
            TestFiles.AssertSame(codes, TestFiles.ReadCodes(reader));
            for (var kept = 1; kept <= books; kept++)
            {
                var direct = header with { Books = [.. Whole.Take(kept)], Predictor = Predictor.Neural, Prior = Neural.Id };
                Assert.Equal(TestFiles.Write(direct, codes.Take(kept), 1000, groupBlocks: groupBlocks), Drop(whole, kept));
            }
            Assert.Equal(whole, Drop(whole, books + Coefficients));
        }
    }

    [Fact]
    public void A_low_band_is_not_cut()
    {
        var codes = Draw(3, 60, 70, 1);
        var header = Header(codes, 1);
        var file = TestFiles.Write(header, codes, 1000);
        Assert.Equal([1, 2, 3, 3 + Coefficients], BookSelection.Of(header.Books, EntropyPriors.Find(header.Prior)).Select(selection => selection.Books));
        Assert.Equal([1, 2, 3, 3 + Coefficients], BookSelection.Of(header.Books, null).Select(selection => selection.Books));
        Assert.Throws<ArgumentOutOfRangeException>(() => Drop(file, 4));
        Assert.Equal([3, 3, 14, 14], new[] { 3, 13, 14, 15 }.Select(most => LowbandBooks.Within(header.Books, most)));
        Assert.Equal(3, header.SelectionWithin(3 * 50 * 8.3).Books);
        Assert.Equal(14, header.SelectionWithin(3 * 50 * 8.3 + Coefficients * 50).Books);
        var info = new CodecInfo { Name = "test", SampleRate = 16000, HopLength = 320, Books = header.Books, TokenHash = "0010ba2d" };
        Assert.Throws<ArgumentOutOfRangeException>(() => CodecFileHeader.For(info, 0, 5, 16000, 1));
        Assert.Equal(Prior.Id, CodecFileHeader.For(info, 0, 14, 16000, 1).Prior);
        Assert.Equal(Neural.Id, CodecFileHeader.For(info, 0, 3, 16000, 1).Prior);
        Assert.Contains("low band", Assert.Throws<ArgumentException>(() => TestFiles.Write(header with { Layered = true }, codes, 1000)).Message);
    }

    [Theory]
    [InlineData(3, "300 300 300 121 121 121 121 121 121 121 121")]
    [InlineData(10, "300 300 300 121 121 121 121 121 121 121")]      // too few
    [InlineData(10, "121 121 121 121 121 121 121 121 121 121")]      // nothing before them
    [InlineData(9, "300 120 120 120 120 120 120 120 120")]
    [InlineData(9, "300 7 7 7 7 7 7 7 7")]
    [InlineData(10, "128 128 129 129 129 129 129 129 129 129")]      // variable rate
    [InlineData(3, "128 128 128 129 129 129 129 129 129 129 129")]
    public void Only_a_low_band_is_taken_for_one(int before, string sizes)
        => Assert.Equal(before, LowbandBooks.Before([.. sizes.Split(' ').Select(size => new CodebookSpec(int.Parse(size, System.Globalization.CultureInfo.InvariantCulture)))]));

    [Fact]
    public void Headers_get_the_tables_of_their_codes()
    {
        var info = new CodecInfo { Name = "test", SampleRate = 16000, HopLength = 320, Books = Whole, TokenHash = "0010ba2d" };
        var header = Header(Draw(4, 60, 1, 1), 1) with { Predictor = Predictor.Uniform, Prior = 0 };
        Assert.Equal((Predictor.NeuralLowband, Prior.Id), Best(header, info));
        Assert.Equal((Predictor.Neural, Neural.Id), Best(header with { Books = Whole }, info));
        Assert.Equal((Predictor.NeuralVariable, Neural.Id), Best(header with { Books = VariableBooks.Of(Whole) }, info));
        Assert.Equal((Predictor.Uniform, 0u), Best(header with { Books = [.. header.Books.SkipLast(1)] }, info));
        Assert.Equal((Predictor.Uniform, 0u), Best(header, info with { TokenHash = "12345678" }));
        Assert.Same(Neural, EntropyPriors.For(Neural.TokenHash));
        var damaged = header with { Predictor = Predictor.NeuralLowband, Prior = Neural.Id };
        Assert.Throws<BitstreamException>(() => SymbolModels.Create(damaged));
        Assert.Throws<BitstreamException>(() => SymbolModels.Create(damaged with { Prior = 5 }));

        static (Predictor, uint) Best(CodecFileHeader header, CodecInfo info)
        {
            var best = header.WithBestPredictor(info);
            return (best.Predictor, best.Prior);
        }
    }

    /// <summary>The same bytes on every machine: these were written on x64 with AVX-512 and must never change.</summary>
    [Theory]
    [InlineData(4, 60, 0x820597a4u)]
    [InlineData(3, 200, 0x61e36254u)]
    public void Bytes_are_what_they_were(int books, int steps, uint expected)
    {
        var codes = Draw(books, steps, 130, 1);
        var header = Header(codes, 1);
        Assert.Equal(expected, Crc32C.Compute(TestFiles.Write(header, codes, 1000)));
    }

    [Fact]
    public void Random_bytes_decode_to_codes_in_range()
    {
        var random = new Random(7);
        foreach (var (steps, frames) in new[] { (4, 1), (14, 9), (15, 7), (17, 30), (511, 50) })
            for (var round = 0; round < 10; round++)
            {
                var bytes = new byte[random.Next(400)];
                if (round > 2)
                    random.NextBytes(bytes);
                else
                    Array.Fill(bytes, (byte)(127 * round + round / 2));
                var model = new LowbandModel(Prior, Neural);
                var block = Draw(2, steps, frames, 1);
                var decoder = new RangeDecoder(bytes);
                for (var book = 0; book < block.Books; book++)
                {
                    model.Code(decoder, block, book);
                    foreach (var code in block[book])
                        Assert.InRange(code, 0, block.Specs[book].Size - 1);
                }
            }
    }

    [Fact]
    public void Codecs_and_repairs_take_the_books_of_a_file()
    {
        var header = Header(Draw(2, 60, 1, 1), 1);
        using var codec = new LowbandCodec(Whole, Coefficients);
        CodecFile.Check(header, codec.Info, "test");
        Assert.Same(codec, codec.WithBooksOf(header));
        Assert.Equal((2, 60), codec.Given);
        using var other = new LowbandCodec(Whole, Coefficients + 1);
        Assert.Throws<CheckpointException>(() => other.WithBooksOf(header));
        using var none = new PcmCodec();
        Assert.Throws<CheckpointException>(() => none.WithBooksOf(header));
        Assert.Throws<CheckpointException>(() => CodecFile.Check(header, codec.Info with { Books = [.. Whole.Skip(1).Prepend(new CodebookSpec(200))] }, "test"));
        var known = Draw(2, 60, 8, 1);
        var filled = NestedFile.Repair(new RepeatAndFade(50), header)!.Fill(new LostFrames(header.Books, 1, 3, known, null)).Codes;
        Assert.Equal(header.Books, filled.Specs);
        Assert.Contains(filled[1][0], known[1].ToArray());
        Assert.All(Enumerable.Range(2, Coefficients), book => Assert.Equal([60, 60, 60], filled[book].ToArray()));
    }

    [Fact]
    public void Codes_that_a_book_has_not_are_refused()
    {
        var codes = Draw(2, 30, 20, 1);
        codes[5][3] = 61;
        Assert.Throws<ArgumentException>(() => TestFiles.Write(Header(codes, 1), codes, 1000));
    }

    [Fact]
    public void Tables_come_back_and_damage_is_noticed()
    {
        var bytes = Prior.ToBytes();
        var again = Assert.IsType<LowbandPrior>(EntropyPrior.Parse(bytes));
        Assert.Equal((Prior.Id, Prior.TokenHash, Neural.Id, Coefficients), (again.Id, again.TokenHash, again.NeuralId, again.Coefficients));
        Assert.Equal(bytes, again.ToBytes());
        for (var length = 0; length < bytes.Length; length += 97)
            Assert.Throws<BitstreamException>(() => LowbandPrior.Parse(bytes.AsSpan(0, length)));
        var random = new Random(3);
        var codes = Draw(2, 60, 20, 1);
        for (var round = 0; round < 100; round++)
        {
            var damaged = bytes.ToArray();
            for (var i = random.Next(4); i >= 0; i--)
                damaged[random.Next(4, bytes.Length - 4)] = (byte)random.Next(256);
            System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(damaged.AsSpan(^4..), Crc32C.Compute(damaged.AsSpan(..^4)));
            try
            {
                var model = new LowbandModel(LowbandPrior.Parse(damaged), Neural);
                for (var book = 0; book < codes.Books; book++)
                    model.Code(new RangeEncoder(), codes, book);
            }
            catch (Exception e) when (e is BitstreamException or ArgumentException)
            {
            }
        }
    }

    [Theory]
    [InlineData(0f, 60, 60)]
    [InlineData(0.69f / 60, 60, 60)]
    [InlineData(0.71f / 60, 60, 61)]
    [InlineData(-0.71f / 60, 60, 59)]
    [InlineData(-7f, 60, 0)]
    [InlineData(1f, 42, 84)]
    public void Shares_become_codes(float share, int steps, int code) => Assert.Equal(code, LowbandBooks.CodeOf(share, steps));

    [Fact]
    public void Logarithms_of_steps_are_rounded_down()
        => Assert.All(Enumerable.Range(1, LowbandBooks.MostSteps), steps => Assert.Equal((int)Math.Floor(1024 * Math.Log2(steps)), LowbandBlock.LogOf(steps)));

    internal static LowbandPrior Make(NeuralPrior neural, int coefficients)
    {
        var random = new Random(6);
        LinearWeights Layer(int rows, int columns)
        {
            var weights = new float[rows, columns];
            for (var i = 0; i < weights.Length; i++)
                weights[i / columns, i % columns] = random.Next(-128, 129) / 256f;
            return new LinearWeights(weights, [.. Enumerable.Range(0, rows).Select(_ => random.Next(-128, 129) / 64f - 2)]);
        }
        return LowbandPrior.Quantize(neural, new LowbandWeights(Layer(21, LowbandPrior.Taps * neural.Width), Layer(9, 21), Layer(coefficients, 9)));
    }

    /// <summary>Mostly small coefficients, some runs of the largest ones either way.</summary>
    private static Codes Draw(int books, int steps, int frames, int streams)
    {
        var codes = TestFiles.Random(LowbandBooks.Of(Whole, books, Coefficients, steps), frames, streams, seed: steps);
        var random = new Random(steps);
        for (var stream = 0; stream < streams; stream++)
            for (var book = books; book < codes.Books; book++)
                foreach (ref var code in codes[book, stream])
                    code = random.Next(8) switch { 0 => code, 1 => random.Next(2) * 2 * steps, < 4 => steps + random.Next(-3, 4), _ => steps };
        return codes;
    }

    private static CodecFileHeader Header(Codes codes, int streams) => TestFiles.Header(codes.Specs, streams) with { Prior = Prior.Id, Predictor = Predictor.NeuralLowband };

    /// <summary>A valid file with a low band, for tests that damage it.</summary>
    internal static byte[] Small()
    {
        var codes = Draw(2, 20, 25, 1);
        return TestFiles.Write(Header(codes, 1) with { BlockFrames = 10 }, codes, 25 * 320);
    }

    private static byte[] Drop(byte[] file, int books)
    {
        using var output = new MemoryStream();
        Transcoder.DropBooks(new MemoryStream(file), output, books);
        return output.ToArray();
    }

    private static LowbandPrior Known()
    {
        var prior = Make(Neural, Coefficients);
        EntropyPriors.Add(Neural);
        EntropyPriors.Add(prior);
        return prior;
    }
}
