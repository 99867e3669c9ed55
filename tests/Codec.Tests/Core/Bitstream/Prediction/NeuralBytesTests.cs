using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Prediction;

namespace Codec.Tests.Core.Bitstream.Prediction;

/// <summary>Files of the neural predictor keep their bytes: whatever computes the probabilities, old files must decode.</summary>
public sealed class NeuralBytesTests
{
    internal static readonly CodebookSpec[] Books = [.. Enumerable.Repeat(new CodebookSpec(300), 4)];

    [Theory]
    [InlineData(Predictor.Neural, 9, 7, 0, false, 0x55847230u)]   // blocks shorter than what is seen of the past
    [InlineData(Predictor.Neural, 40, 1, 0, true, 0xf42f874du)]
    [InlineData(Predictor.Neural, 9, 7, 20, false, 0xc13ef105u)]  // the last book nested
    [InlineData(Predictor.NeuralMixing, 20, 3, 0, false, 0x46f867f6u)]
    [InlineData(Predictor.NeuralVariable, 20, 1, 0, false, 0x6eefd69u)]
    [InlineData(Predictor.NeuralVariable, 5, 7, 0, true, 0xc9c17a45u)]
    public void Bytes_are_what_they_were(Predictor predictor, int blockFrames, int groupBlocks, int nested, bool layered, uint expected)
    {
        var prior = Prior();
        EntropyPriors.Add(prior);
        var books = predictor == Predictor.NeuralVariable ? VariableBooks.Of(Books) : Books;
        var codes = Draw(books, 211);
        if (nested > 0)
            codes = prior.NestedBooks(3).Single(book => book.Size == nested).Shrink(codes);
        var header = TestFiles.Header(codes.Specs, 1) with { BlockFrames = blockFrames, Predictor = predictor, Prior = prior.Id, Layered = layered };
        var bytes = TestFiles.Write(header, codes, 1000, groupBlocks: groupBlocks);
        Assert.Equal(expected, Crc32C.Compute(bytes));
        using var reader = new CodecFileReader(new MemoryStream(bytes));
        TestFiles.AssertSame(codes, TestFiles.ReadCodes(reader));
    }

    internal static NeuralPrior Prior()
    {
        var prior = SmallPrior.Make(Books, tokenHash: 77);
        int[] map = [.. Enumerable.Range(0, 300).Select(code => code * 7 % 20)];
        byte[] weights = [.. Enumerable.Range(0, 300).Select(code => (byte)(1 + code * 13 % 255))];
        return prior.WithNestedBooks([.. Enumerable.Range(0, 4).Select(book => (IReadOnlyList<NestedBook>)[new NestedBook(book, 20, map, weights)])]);
    }

    /// <summary>Codes that repeat themselves; where a book may be missing, some frames lack it and all higher ones.</summary>
    internal static Codes Draw(IReadOnlyList<CodebookSpec> books, int frames, int streams = 1)
    {
        var random = new Random(9);
        var codes = books.Select(_ => Enumerable.Range(0, streams).Select(_ => new int[frames]).ToArray()).ToArray();
        for (var stream = 0; stream < streams; stream++)
            for (var t = 0; t < frames; t++)
            {
                var kept = books[^1].Size > 300 ? random.Next(2, 5) : 4;
                for (var book = 0; book < books.Count; book++)
                {
                    var row = codes[book][stream];
                    row[t] = book >= kept ? 300 : t > 0 && row[t - 1] < 300 && random.Next(3) == 0 ? row[t - 1] : random.Next(300);
                }
            }
        return new Codes(books, codes, frames);
    }
}
