using Codec.Core;
using Codec.Core.Checkpoints;
using Codec.Core.Codecs;
using Codec.Core.Codecs.Encodec;
using Codec.Core.Layers.Seanet;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Codecs;

/// <summary>What every family of the catalogue must do, tried on a tiny random model.</summary>
public sealed class CatalogueTests : IDisposable
{
    private const int Seed = 7;
    private readonly Dictionary<string, ICodec> _codecs = CodecCatalog.Families.ToDictionary(f => f.Name, f => f.CreateTiny(Seed));

    public static TheoryData<string> Families() => [.. CodecCatalog.Families.Select(f => f.Name)];

    public void Dispose()
    {
        foreach (var codec in _codecs.Values)
            codec.Dispose();
    }

    [Fact]
    public void Numbers_and_names_are_unique()
    {
        var presets = CodecCatalog.Families.SelectMany(f => f.Presets).ToArray();
        Assert.Equal(presets.Length, presets.Select(p => p.Id).Distinct().Count());
        Assert.Equal(presets.Length, presets.Select(p => p.Name).Distinct().Count());
        Assert.All(presets, p => Assert.InRange(p.Id, 1, 10_000));
        Assert.All(presets, p => Assert.NotEmpty(p.Licence));
        Assert.All(presets, p => Assert.Same(p, CodecCatalog.Find(p.Id)));
    }

    [Theory, MemberData(nameof(Families)), NoTensorLeaks]
    public void Codes_go_round_and_audio_has_its_length(string family)
    {
        var codec = _codecs[family];
        foreach (var samples in new[] { 1, codec.Info.HopLength - 1, codec.Info.HopLength, 5 * codec.Info.HopLength + 3 })
        {
            using var scope = NewDisposeScope();
            var codes = codec.Encode(Noise(codec, 1, samples));
            Assert.Equal(codec.Info.FramesFor(samples), codes.Frames);
            Assert.Equal(codec.Info.Books.Count, codes.Books);
            Assert.Equal([1, codec.Info.Channels, samples], codec.Decode(codes, samples).shape);
            var fewer = codec.Encode(Noise(codec, 1, samples), 1);
            Assert.Equal(codes[0].ToArray(), fewer[0].ToArray());
            Assert.True(codec.Decode(fewer, samples).isfinite().all().item<bool>());
        }
    }

    [Theory, MemberData(nameof(Families)), NoTensorLeaks]
    public void A_batch_equals_its_items(string family)
    {
        using var scope = NewDisposeScope();
        var codec = _codecs[family];
        var audio = Noise(codec, 3, 6 * codec.Info.HopLength + 1);
        var codes = codec.Encode(audio);
        var decoded = codec.Decode(codes);
        for (var item = 0; item < 3; item++)
        {
            var alone = codec.Encode(audio.narrow(0, item, 1));
            for (var book = 0; book < codes.Books; book++)
                Assert.Equal(alone[book].ToArray(), codes[book, item].ToArray());
            Tensors.Close(codec.Decode(alone), decoded.narrow(0, item, 1), 1e-5);
        }
    }

    [Theory, MemberData(nameof(Families)), NoTensorLeaks]
    public void A_stream_equals_the_whole_where_the_codec_is_causal(string family)
    {
        using var scope = NewDisposeScope();
        var codec = _codecs[family];
        var hop = codec.Info.HopLength;
        using var state = new StreamState();
        if (!codec.Info.Causal)
        {
            Assert.Throws<NotSupportedException>(() => codec.Encode(Noise(codec, 1, hop), state: state));
            return;
        }
        const int frames = 24;
        var audio = Noise(codec, 1, frames * hop);
        var codes = codec.Encode(audio);
        foreach (var step in new[] { 1, 5 })
        {
            var parts = Chunks(frames, step, (start, count) => codec.Encode(audio.narrow(2, start * hop, count * hop), state: state), state);
            var streamed = Codes.Concat(parts);
            for (var book = 0; book < codes.Books; book++)
                Assert.Equal(codes[book].ToArray().Take(streamed.Frames), streamed[book].ToArray());
            Assert.True(streamed.Frames >= codes.Frames - (codec.Info.DelaySamples + hop - 1) / hop);
            var pieces = Chunks(frames, step, (start, count) => codec.Decode(codes.Slice(start, count), state: state), state);
            var whole = codec.Decode(codes.Slice(0, frames));
            var joined = cat(pieces.ToList(), 2);
            var delay = codec.Info.DelaySamples;
            var common = Math.Min(joined.shape[2] - delay, whole.shape[2]);
            Assert.True(common > 0);
            Tensors.Close(whole.narrow(2, 0, common), joined.narrow(2, delay, common), 1e-5);
        }
    }

    [Theory, MemberData(nameof(Families))]
    public void A_checkpoint_of_no_family_is_refused(string family)
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("codec-catalogue").FullName, "alien.safetensors");
        using (var scope = NewDisposeScope())
            SafetensorsFile.Write(path, new Dictionary<string, Tensor> { ["nothing.weight"] = ones(2) });
        var e = Assert.Throws<CheckpointException>(() => CodecCatalog.Load(path));
        Assert.Contains("of no known codec family", e.Message);
        Assert.Contains(family, e.Message);
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }

    private static List<T> Chunks<T>(int frames, int step, Func<int, int, T> run, StreamState state)
    {
        state.Reset();
        var parts = new List<T>();
        for (var start = 0; start < frames; start += step)
        {
            var count = Math.Min(step, frames - start);
            state.Ending = start + count == frames;
            parts.Add(run(start, count));
        }
        state.Reset();
        return parts;
    }

    private static Tensor Noise(ICodec codec, int batch, int samples)
    {
        using var random = manual_seed(Seed);
        return randn(batch, codec.Info.Channels, samples) * 0.1;
    }

    [Theory]
    [InlineData(32, 32, 1024, "encodec/24khz")]
    [InlineData(32, 8, 1024, "encodec/custom")]
    [InlineData(32, 32, 512, "encodec/custom")]
    [InlineData(4, 32, 1024, "encodec/custom")]
    public void Only_published_sizes_bear_a_published_name_and_licence(int filters, int books, int size, string name)
    {
        using var codec = EncodecFamily.Create(new EncodecConfig
        {
            Seanet = new SeanetConfig { Dimension = 128, Filters = filters, Ratios = [8, 5, 4, 2], LstmLayers = 2, Causal = true },
            SampleRate = 24_000, Books = books, CodebookSize = size,
        });
        Assert.Equal(name, codec.Info.Name);
        Assert.Equal(name.EndsWith("custom", StringComparison.Ordinal), new EncodecFamily().Presets.Single(p => p.Name == name).Licence == "unknown");
    }
}
