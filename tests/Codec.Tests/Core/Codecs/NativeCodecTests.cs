using Codec.Core;
using Codec.Core.Checkpoints;
using Codec.Core.Codecs.Native;
using Codec.Core.Quantizers;
using Codec.Tests.Support;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Codecs;

public sealed class NativeCodecTests : IDisposable
{
    private readonly NativeCodec codec = MakeCodec();

    public void Dispose() => codec.Dispose();

    private static readonly NativeConfig Tiny = new()
    {
        EncoderWidth = 24, EncoderBlocks = 2, DecoderWidth = 32, DecoderBlocks = 2, HeadWidth = 16, HeadBlocks = 1, LatentDim = 8,
        Quantizer = new QuantizerConfig { Books = 4, Size = 32 },
    };

    private static NativeCodec MakeCodec(int seed = 5)
    {
        random.manual_seed(seed);
        var model = NativeModel.Create(Tiny);
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        ((ILearnedQuantizer)model.Quantizer).Initialize(model.Encoder.forward(Noise(1, 320 * 400), null).reshape(-1, Tiny.LatentDim), 2, new Random(seed));
        return new NativeCodec(model);
    }

    private static Tensor Noise(int batch, int samples)
    {
        using var generator = new Generator(11);
        return randn([batch, samples], generator: generator).mul_(0.1);
    }

    [Theory, NoTensorLeaks]
    [InlineData(320)]
    [InlineData(640)]
    [InlineData(1600)]
    public void Streaming_equals_offline(int chunk)
    {
        using var scope = NewDisposeScope();
        const int samples = 16000;
        var audio = Noise(1, samples).unsqueeze(1);
        var offline = codec.Encode(audio);
        var decoded = codec.Decode(offline, samples);

        using var encoding = new StreamState();
        using var decoding = new StreamState();
        var padded = nn.functional.pad(audio, [0, offline.Frames * 320 - samples]);
        var pieces = new List<Tensor>();
        var codes = new List<Codes>();
        for (var start = 0; start < padded.shape[2]; start += chunk)
        {
            var part = codec.Encode(padded.narrow(2, start, Math.Min(chunk, padded.shape[2] - start)), state: encoding);
            codes.Add(part);
            pieces.Add(codec.Decode(part, state: decoding));
        }
        var streamed = cat(pieces, 2).narrow(2, codec.Info.DelaySamples, samples);

        var joined = Codes.Concat(codes);
        for (var k = 0; k < 4; k++)
            Assert.Equal(offline[k].ToArray(), joined[k].ToArray());
        Assert.InRange((streamed - decoded).abs().max().item<float>(), 0, 1e-5f);
    }

    [Fact, NoTensorLeaks]
    public void A_frame_depends_on_nothing_after_it()
    {
        using var scope = NewDisposeScope();
        var audio = Noise(1, 320 * 20).unsqueeze(1);
        var changed = audio.clone();
        changed.narrow(2, 320 * 10, 320 * 10).zero_();
        var (a, b) = (codec.Encode(audio), codec.Encode(changed));
        for (var k = 0; k < 4; k++)
        {
            Assert.Equal(a[k][..10].ToArray(), b[k][..10].ToArray());
            Assert.NotEqual(a[k][10..20].ToArray(), b[k][10..20].ToArray());
        }
    }

    [Theory, NoTensorLeaks]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(319)]
    [InlineData(320)]
    [InlineData(321)]
    [InlineData(5000)]
    public void Output_has_the_length_of_the_input(int samples)
    {
        using var audio = zeros(1, 1, samples);
        using var decoded = codec.Decode(codec.Encode(audio), samples);
        Assert.Equal(samples, decoded.shape[2]);
    }

    [Fact, NoTensorLeaks]
    public void A_batch_equals_single_items()
    {
        using var scope = NewDisposeScope();
        var audio = Noise(3, 320 * 25).unsqueeze(1);
        var batch = codec.Encode(audio);
        var decoded = codec.Decode(batch);
        for (var b = 0; b < 3; b++)
        {
            var single = codec.Encode(audio.narrow(0, b, 1));
            for (var k = 0; k < 4; k++)
                Assert.Equal(single[k].ToArray(), batch[k, b].ToArray());
            Assert.InRange((codec.Decode(single) - decoded.narrow(0, b, 1)).abs().max().item<float>(), 0, 1e-5f);
        }
    }

    [Fact, NoTensorLeaks]
    public void Every_prefix_of_the_books_decodes_and_more_books_come_nearer_to_the_latent()
    {
        using var scope = NewDisposeScope();
        using var mode = inference_mode();
        var latent_BTD = codec.Model.Encoder.forward(Noise(1, 320 * 100), null);
        var codes_BKT = codec.Model.Quantizer.Encode(latent_BTD);
        var errors = Enumerable.Range(1, 4).Select(k =>
            (codec.Model.Quantizer.Decode(codes_BKT.narrow(1, 0, k)) - latent_BTD).pow(2).mean().item<float>()).ToArray();
        Assert.Equal(errors.OrderDescending(), errors);
        Assert.Equal(codes_BKT.narrow(1, 0, 2).contiguous().data<long>().ToArray(), codec.Model.Quantizer.Encode(latent_BTD, 2).data<long>().ToArray());
    }

    [Fact]
    public void A_saved_model_loads_and_decodes_the_same()
    {
        var path = Path.Combine(Path.GetTempPath(), $"native-{Guid.NewGuid():N}.safetensors");
        try
        {
                NativeCheckpoint.Save(codec.Model, path, half: false);
            using var loaded = NativeCheckpoint.Load(path);
            using var scope = NewDisposeScope();
            var audio = Noise(1, 8000).unsqueeze(1);
            var (a, b) = (codec.Encode(audio), loaded.Encode(audio));
            for (var k = 0; k < 4; k++)
                Assert.Equal(a[k].ToArray(), b[k].ToArray());
            Assert.Equal(0, (codec.Decode(a) - loaded.Decode(b)).abs().max().item<float>());
            Assert.Equal(Checkpoint.Open(path).Sha256, loaded.Info.WeightHash);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>Entropy tables are kept by this hash: they must outlive a better decoder, and no other change.</summary>
    [Theory]
    [InlineData("decoder.head.bias", true)]
    [InlineData("encoder.stack.blocks.1.pwconv1.weight", false)]
    [InlineData("quantizer.layers.3.codebook", false)]
    public void The_token_hash_sees_encoder_and_quantizer_only(string key, bool same)
    {
        using var folder = new TemporaryFolder();
        using var model = NativeModel.Create(codec.Model.Config);
        CodecInfo Saved()
        {
            NativeCheckpoint.Save(model, folder.Combine("model.safetensors"));
            using var loaded = NativeCheckpoint.Load(folder.Combine("model.safetensors"));
            return loaded.Info;
        }
        var before = Saved();
        using (no_grad())
        using (var one = ones_like(model.state_dict()[key]))
            model.state_dict()[key].add_(one);
        var after = Saved();
        Assert.Equal(64, before.TokenHash.Length);
        Assert.Equal(same, before.TokenHash == after.TokenHash);
        Assert.NotEqual(before.WeightHash, after.WeightHash);
        Assert.NotEqual(before.TokenHash, before.WeightHash);
    }

    [Fact]
    public void A_file_may_name_the_model_whose_codes_its_own_mean()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Combine("model.safetensors");
        var hash = new string('a', 64);
        NativeCheckpoint.Save(codec.Model, path, metadata: new Dictionary<string, string> { [NativeCheckpoint.TokensKey] = hash });
        using (var loaded = NativeCheckpoint.Load(path))
            Assert.Equal(hash, loaded.Info.TokenHash);
        NativeCheckpoint.Save(codec.Model, path, metadata: new Dictionary<string, string> { [NativeCheckpoint.TokensKey] = "another" });
        Assert.Contains("another", Assert.Throws<CheckpointException>(() => NativeCheckpoint.Load(path)).Message);
    }

    [Fact]
    public void Keys_are_those_of_published_files()
    {
        var keys = codec.Model.state_dict().Keys;
        Assert.Contains("quantizer.layers.3.codebook", keys);
        Assert.Contains("encoder.stack.blocks.1.pwconv1.weight", keys);
        Assert.All(keys, key => Assert.Matches("^(encoder|quantizer|decoder)[.]", key));
    }

    [Fact, NoTensorLeaks]
    public void Codes_outside_a_book_are_refused()
    {
        var codes = new Codes(codec.Info.Books.Take(1).ToArray(), [[[32]]], 1);
        Assert.Throws<ArgumentException>(() => codec.Decode(codes));
    }
}
