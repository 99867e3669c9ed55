using Codec.Core;
using Codec.Core.Codecs.Native;
using Codec.Core.Pretrained;
using Codec.Core.Quantizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Codecs;

public sealed class NativeKernelsTests
{
    private static readonly NativeConfig Odd = new()
    {
        SampleRate = 8000, HopLength = 60, StftHop = 20, WindowLength = 80, DelaySamples = 90,
        EncoderWidth = 24, EncoderBlocks = 2, DecoderWidth = 40, DecoderBlocks = 3, HeadWidth = 20, HeadBlocks = 1, LatentDim = 6, Expansion = 2, Kernel = 4,
        Quantizer = new QuantizerConfig { Books = 3, Size = 20 },
    };

    private static readonly NativeConfig Excited = Odd with { Excitation = new ExcitationConfig { Classes = 30, VoicedHertz = 3300, PeriodSpectra = 129 } };

    private static NativeCodec MakeOdd(bool excited = false)
    {
        random.manual_seed(8);
        var model = NativeModel.Create(excited ? Excited : Odd);
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        if (excited)
            foreach (var (_, parameter) in model.Decoder.named_parameters().Where(p => p.name.StartsWith("pitch.", StringComparison.Ordinal)))
                nn.init.normal_(parameter); // an untrained decoder tells no pitch
        var latents = model.Encoder.forward(tensor(Noise(60 * 300), [1, 60 * 300]), null).reshape(-1, Odd.LatentDim);
        ((ILearnedQuantizer)model.Quantizer).Initialize(latents, 2, new Random(8));
        return new NativeCodec(model);
    }

    private static float[] Noise(int samples)
    {
        var random = new Random(4);
        return [.. Enumerable.Range(0, samples).Select(i => (float)((random.NextDouble() - 0.5) * 0.3 * (1 + Math.Sin(i * 0.001))))];
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)] // with an excitation
    public void Kernels_compute_what_the_operators_of_the_model_compute(bool excited)
    {
        using var codec = MakeOdd(excited);
        AgreeWithOperators(codec, Noise(60 * 500));
    }

    [Fact]
    public void Kernels_of_the_bundled_model_agree_with_its_operators()
    {
        using var codec = NativeCheckpoint.Load(PretrainedModels.Resolve(null));
        AgreeWithOperators(codec, Noise(codec.Info.HopLength * 130));
    }

    [Theory]
    [InlineData(1, false)]     // frames per call, excitation
    [InlineData(2, false)]
    [InlineData(5, false)]
    [InlineData(97, false)]
    [InlineData(1, true)]
    [InlineData(97, true)]
    public void Bits_do_not_depend_on_how_a_signal_is_cut(int frames, bool excited)
    {
        using var codec = MakeOdd(excited);
        var samples = Noise(60 * 230);
        var whole = codec.EncodeSamples(samples, 1);
        var wave = codec.DecodeSamples(whole);
        using var encoding = new StreamState();
        using var decoding = new StreamState();
        var codes = new List<Codes>();
        var pieces = new List<float>();
        for (var start = 0; start < samples.Length; start += frames * 60)
        {
            codes.Add(codec.EncodeSamples(samples.AsSpan(start, Math.Min(frames * 60, samples.Length - start)), 1, null, encoding));
            pieces.AddRange(codec.DecodeSamples(codes[^1], decoding));
        }
        AssertEqual(whole, Codes.Concat(codes));
        Assert.Equal(wave, pieces);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_piece_after_its_context_equals_the_whole(bool excited)
    {
        using var codec = MakeOdd(excited);
        var samples = Noise(60 * 260);
        var whole = codec.EncodeSamples(samples, 1);
        var wave = codec.DecodeSamples(whole);
        var (before, after) = (codec.EncoderContextFrames, codec.DecoderContextFrames);
        const int start = 180, count = 50;
        var piece = codec.EncodeSamples(samples.AsSpan((start - before) * 60, (before + count) * 60), 1);
        AssertEqual(whole.Slice(start, count), piece.Slice(before, count));
        var first = (start - after) / codec.Info.DecoderGridFrames * codec.Info.DecoderGridFrames;
        var decoded = codec.DecodeSamples(whole.Slice(first, start + count - first));
        Assert.Equal(wave.AsSpan(start * 60, count * 60), decoded.AsSpan((start - first) * 60));
    }

    [Fact]
    public void A_fork_goes_its_own_way()
    {
        using var codec = MakeOdd();
        var samples = Noise(60 * 40);
        using var state = new StreamState();
        codec.EncodeSamples(samples.AsSpan(0, 60 * 20), 1, null, state);
        using var fork = state.Fork();
        var first = codec.EncodeSamples(samples.AsSpan(60 * 20), 1, null, state);
        AssertEqual(first, codec.EncodeSamples(samples.AsSpan(60 * 20), 1, null, fork));
    }

    private static void AgreeWithOperators(NativeCodec codec, float[] samples)
    {
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        var codes = codec.EncodeSamples(samples, 1);
        var latent_BTD = codec.Model.Encoder.forward(tensor(samples, [1, samples.Length]), null);
        var plain = CodeTensors.ToCodes(codec.Model.Quantizer.Encode(latent_BTD), codec.Info.Books);
        // Two entries may be equally near to rounding, and the books behind them then differ: hardly ever.
        var same = Enumerable.Range(0, codes.Books).Sum(k => codes[k].ToArray().Zip(plain[k].ToArray()).Count(pair => pair.First == pair.Second));
        Assert.InRange((double)same / (codes.Books * codes.Frames), 0.98, 1);
        var expected = codec.Model.Decoder.forward(codec.Model.Quantizer.Decode(CodeTensors.ToTensor(codes, CPU)), null).squeeze(0);
        var scale = Math.Max(1, expected.abs().max().item<float>());
        Assert.InRange((tensor(codec.DecodeSamples(codes)) - expected).abs().max().item<float>() / scale, 0, 1e-5f);
    }

    private static void AssertEqual(Codes expected, Codes actual)
    {
        Assert.Equal(expected.Frames, actual.Frames);
        for (var k = 0; k < expected.Books; k++)
            Assert.Equal(expected[k].ToArray(), actual[k].ToArray());
    }
}
