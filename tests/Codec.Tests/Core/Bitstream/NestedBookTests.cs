using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Prediction;
using Codec.Core.Codecs.Native;
using Codec.Core.Files;
using Codec.Training.Entropy;

namespace Codec.Tests.Core.Bitstream;

/// <summary>Books shrunk to clusters of their codes: rates between whole books.</summary>
public sealed class NestedBookTests
{
    private static readonly CodebookSpec[] Books = [.. Enumerable.Repeat(new CodebookSpec(300), 3)];
    private static readonly NeuralPrior Prior = Known();

    [Theory]
    [InlineData(Predictor.Neural, false, 1)]
    [InlineData(Predictor.Neural, true, 1)]
    [InlineData(Predictor.NeuralMixing, false, 3)]
    [InlineData(Predictor.Adaptive, false, 1)]
    public void Shrinking_a_file_gives_the_file_of_the_smaller_book_again_and_again(Predictor predictor, bool layered, int groupBlocks)
    {
        var header = TestFiles.Header(Books, 2) with { Prior = Prior.Id, Predictor = predictor, Layered = layered, Tags = """{"a":1}""" };
        var codes = TestFiles.Random(Books, 333, 2, seed: 5);
        var whole = TestFiles.Write(header, codes, 1000, groupBlocks: groupBlocks);
        foreach (var selection in BookSelection.Of(Books, Prior))
        {
            var kept = selection.Last?.Shrink(codes) ?? codes.Take(selection.Books);
            var direct = TestFiles.Write(header with { Books = kept.Specs }, kept, 1000, groupBlocks: groupBlocks);
            Assert.Equal(direct, Transcode(whole, selection));
            using var reader = new CodecFileReader(new MemoryStream(direct));
            Assert.Equal(kept.Specs, reader.Header.Books);
            TestFiles.AssertSame(kept, TestFiles.ReadCodes(reader));
            // What is kept of this file again: the smaller books of the same clusters, and fewer books.
            foreach (var further in BookSelection.Of(kept.Specs, Prior).SkipLast(1))
                Assert.Equal(Transcode(whole, further), Transcode(direct, further));
        }
    }

    [Fact]
    public void Rates_rise_from_one_selection_to_the_next()
    {
        var rates = BookSelection.Of(Books, Prior).Select(selection => selection.BitsPerFrame(Books)).ToArray();
        Assert.Equal(9, rates.Length);
        Assert.Equal(rates.Order(), rates);
        var header = TestFiles.Header(Books, 1) with { Prior = Prior.Id };
        Assert.Equal([300, 20], header.SelectionWithin(0.65 * 1000).Of(Books).Select(book => book.Size));
        Assert.Equal([300], header.SelectionWithin(0.45 * 1000).Of(Books).Select(book => book.Size));
        Assert.Equal(new BookSelection(1), header.SelectionWithin(1));
    }

    /// <summary>The table of the clusters is that of the codes, added up.</summary>
    [Fact]
    public void A_cluster_is_as_likely_as_its_codes_together()
    {
        var codes = TestFiles.Random(Books, 40, 1, seed: 2);
        var nested = Prior.NestedBooks(2)[^1];
        var (whole, shrunk) = (new Tables(), new Tables());
        var (model, small) = (new NeuralModel(Prior), new NeuralModel(Prior, nested));
        var mapped = nested.Shrink(codes);
        for (var book = 0; book < 3; book++)
        {
            model.Code(book < 2 ? new Tables() : whole, codes, book);
            small.Code(book < 2 ? new Tables() : shrunk, mapped, book);
        }
        // At the first frame of the block both saw the same; later their own past differs.
        var (cluster, total) = (codes[2][0], shrunk.Seen[0]);
        var (runs, members) = (whole.Seen[0], whole.Seen[1]);
        var run = runs.Length - 1;
        Assert.Equal(nested.Size, total.Length - 1);
        Assert.True(run > 1 && members.Length > 2 && cluster >= 0);
        var sum = 0.0;
        for (var c = 0; c < nested.Size; c++)
            sum += (total[c + 1] - total[c]) / (double)total[^1];
        Assert.Equal(1, sum, 9);
        Assert.True(total[^1] <= RangeEncoder.LargestTotal);
        // The codes of the run that the first code lies in, by cluster, are at most the clusters' shares.
        var order = Prior.Order(2);
        var place = order.ToList().IndexOf(codes[2][0]) / (members.Length - 1);
        var shares = new double[nested.Size];
        for (var m = 0; m + 1 < members.Length; m++)
            shares[nested.Map[order[place * (members.Length - 1) + m]]] += (runs[place + 1] - runs[place]) / (double)runs[^1] * (members[m + 1] - members[m]) / members[^1];
        for (var c = 0; c < nested.Size; c++)
            Assert.True(shares[c] <= (total[c + 1] - total[c]) / (double)total[^1] * 1.001 + 1e-5, $"cluster {c}");
    }

    [Fact]
    public void Tables_with_clusters_come_back_and_others_are_refused()
    {
        var bytes = Prior.ToBytes();
        var again = NeuralPrior.Parse(bytes);
        Assert.Equal(bytes, again.ToBytes());
        Assert.Equal(Prior.Id, again.Id);
        for (var book = 0; book < 3; book++)
            Assert.Equal(Prior.NestedBooks(book).Select(n => n.Map.ToArray()), again.NestedBooks(book).Select(n => n.Map.ToArray()));
        Assert.Empty(NeuralPrior.Parse(Bitstream.Prediction.SmallPrior.Make(Books).ToBytes()).NestedBooks(0));
        Assert.Throws<BitstreamException>(() => new NestedBook(0, 3, [0, 1, 1], [1, 1, 1]));    // nothing in cluster 2
        Assert.Throws<BitstreamException>(() => new NestedBook(0, 2, [0, 2, 1], [1, 1, 1]));
        Assert.Throws<BitstreamException>(() => new NestedBook(0, 2, [0, 1, 1], [1, 1]));
        var stranger = TestFiles.Header(Books, 1) with { Books = [new(300), new(21, 1, 300)], Prior = Prior.Id, Predictor = Predictor.Neural };
        Assert.Throws<BitstreamException>(() => SymbolModels.Create(stranger));
        Assert.Throws<ArgumentException>(() => (stranger with { Books = [new(20, 1, 300), new(300)] }).Validate());
        Assert.Throws<ArgumentException>(() => (stranger with { Prior = 0, Predictor = Predictor.Uniform }).Validate());
    }

    [Fact]
    public void The_header_stays_small()
    {
        var header = TestFiles.Header([.. Enumerable.Repeat(new CodebookSpec(1024), 4), new(256, 1, 1024)], 1) with
        {
            CatalogueId = 1, WeightHash = 0x12345678, Prior = 0x9abcdef0, Predictor = Predictor.Neural, OriginalRate = 44100, Samples = 44100 * 10,
        };
        Assert.InRange(HeaderFormat.Write(header).Length, 1, 40);
    }

    [Fact]
    public void A_codec_with_a_nested_book_codes_clusters_and_decodes_their_means()
    {
        using var codec = (NativeCodec)new NativeFamily().CreateTiny(3);
        var samples = new float[320 * 60];
        var random = new Random(1);
        foreach (ref var sample in samples.AsSpan())
            sample = random.NextSingle() - 0.5f;
        var whole = codec.EncodeSamples(samples, 1);
        var nested = new NestedBook(1, 5, [.. Enumerable.Range(0, 32).Select(code => code * 7 % 5)], [.. Enumerable.Range(1, 32).Select(w => (byte)w)]);
        using var small = (NativeCodec)codec.WithNested(nested);
        Assert.Equal([new CodebookSpec(32), new CodebookSpec(5, 1, 32)], small.Info.Books);
        var codes = small.EncodeSamples(samples, 1);
        TestFiles.AssertSame(nested.Shrink(whole), codes);
        using var scope = TorchSharp.torch.NewDisposeScope();
        using var latent_BTD = small.LatentOf(codes);
        using var fromLatent_BCS = codec.DecodeLatent(latent_BTD);
        using var decoded_BCS = small.Decode(codes);
        Assert.Equal(fromLatent_BCS.data<float>().ToArray(), decoded_BCS.data<float>().ToArray());
        // One code for every entry is the book itself.
        var same = new NestedBook(1, 32, [.. Enumerable.Range(0, 32)], [.. Enumerable.Repeat((byte)9, 32)]);
        using var unchanged = (NativeCodec)codec.WithNested(same);
        Assert.Equal(codec.DecodeSamples(whole.Take(2)), unchanged.DecodeSamples(same.Shrink(whole)));
        Assert.Throws<ArgumentException>(() => codec.WithNested(new NestedBook(1, 2, [0, 1, 1], [1, 1, 1])));
    }

    [Fact]
    public void Clusters_are_nested_and_nearer_than_chance()
    {
        var random = new Random(4);
        var entries = new float[1024, 6];
        for (var v = 0; v < 1024; v++)
            for (var d = 0; d < 6; d++)
                entries[v, d] = random.NextSingle();
        var levels = Assert.Single(NestedClusters.Of([entries], [TestFiles.Random([new(1024)], 5000, 1, seed: 3)]));
        Assert.Equal([64, 256], levels.Select(level => level.Size));
        for (var a = 0; a < 1024; a++)
            for (var b = 0; b < a; b++)
                Assert.True(levels[1].Map[a] != levels[1].Map[b] || levels[0].Map[a] == levels[0].Map[b]);
        Assert.True(Error(levels[0]) < 0.4 * Error(new NestedBook(0, 64, [.. Enumerable.Range(0, 1024).Select(code => code % 64)], levels[0].Weights.ToArray())));
        Assert.True(Error(levels[1]) < 0.6 * Error(levels[0]));

        double Error(NestedBook nested)
        {
            var flat = entries.Cast<float>().ToArray();
            var means = nested.Means(flat, 6);
            var error = 0.0;
            for (var i = 0; i < flat.Length; i++)
                error += Math.Pow(flat[i] - means[nested.Map[i / 6] * 6 + i % 6], 2);
            return error;
        }
    }

    private static byte[] Transcode(byte[] file, BookSelection selection)
    {
        using var output = new MemoryStream();
        Transcoder.DropBooks(new MemoryStream(file), output, _ => selection);
        return output.ToArray();
    }

    private static NeuralPrior Known()
    {
        var random = new Random(6);
        var prior = Bitstream.Prediction.SmallPrior.Make(Books, tokenHash: 0xFE57ED).WithNestedBooks([.. Enumerable.Range(0, 3).Select(book =>
        {
            byte[] weights = [.. Enumerable.Range(0, 300).Select(_ => (byte)random.Next(1, 256))];
            int[] large = [.. Enumerable.Range(0, 300).Select(code => code * 11 % 80)];
            return (IReadOnlyList<NestedBook>)[new NestedBook(book, 20, [.. large.Select(cluster => cluster % 20)], weights), new NestedBook(book, 80, large, weights)];
        })]);
        EntropyPriors.Add(prior);
        return prior;
    }

    /// <summary>Keeps the tables that a model codes with.</summary>
    private sealed class Tables : ISymbolCoder
    {
        public List<uint[]> Seen { get; } = [];

        public bool Knows => true;

        public int Code(int symbol, ReadOnlySpan<uint> cumulative)
        {
            Seen.Add(cumulative.ToArray());
            return symbol;
        }

        public int CodeUniform(int symbol, int size) => symbol;

        public int CodeBit(int bit, uint one) => bit;
    }
}
