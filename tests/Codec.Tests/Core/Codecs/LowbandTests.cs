using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Codecs.Native;
using Codec.Core.Quantizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Codecs;

public sealed class LowbandTests
{
    private const int Hop = 60, Coefficients = 18;

    private static readonly NativeConfig Config = new()
    {
        SampleRate = 8000, HopLength = Hop, StftHop = 20, WindowLength = 80, DelaySamples = 130,
        EncoderWidth = 24, EncoderBlocks = 2, DecoderWidth = 40, DecoderBlocks = 3, HeadWidth = 20, HeadBlocks = 1, LatentDim = 6, Expansion = 2, Kernel = 4,
        Quantizer = new QuantizerConfig { Books = 3, Size = 20 }, Excitation = new ExcitationConfig { Classes = 30, PeriodSpectra = 129 },
        Lowband = new LowbandConfig { Coefficients = Coefficients, Bins = 21, Range = 3, Smoothing = 0.4 },
    };

    internal static NativeCodec Make()
    {
        random.manual_seed(8);
        var model = NativeModel.Create(Config);
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (_, parameter) in model.Decoder.named_parameters().Where(p => p.name.StartsWith("lowband.", StringComparison.Ordinal)))
            nn.init.normal_(parameter, 0, 0.3); // untrained, the layer is not looked at
        var latents = model.Encoder.forward(tensor(Noise(Hop * 300), [1, Hop * 300]), null).reshape(-1, Config.LatentDim);
        ((ILearnedQuantizer)model.Quantizer).Initialize(latents, 2, new Random(8));
        return new NativeCodec(model);
    }

    private static float[] Noise(int samples)
    {
        var random = new Random(4);
        return [.. Enumerable.Range(0, samples).Select(i => (float)((random.NextDouble() - 0.5) * 0.3 * (1 + Math.Sin(i * 0.001))))];
    }

    [Fact]
    public void Spectra_of_all_coefficients_are_those_of_the_signal()
    {
        var config = Config with { Lowband = new LowbandConfig { Coefficients = Hop, Bins = Config.Bins } };
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var layer = NativeModel.Create(config).Decoder.Lowband!;
        var samples = Noise(Hop * 30);
        var spectra_NF = layer.Spectra(layer.Analyze(tensor(samples, [1, samples.Length])), null)[0];
        for (var n = 12; n < spectra_NF.shape[0]; n++)
        {
            var start = n * config.StftHop - config.DelaySamples;
            var expected = fft.rfft(tensor(samples[start..(start + config.WindowLength)]) * hann_window(config.WindowLength));
            Assert.True(cat([expected.real, expected.imag]).allclose(spectra_NF[n], 1e-3, 1e-4), $"spectrum {n}");
        }
    }

    [Fact]
    public void Spectra_that_are_trusted_wholly_give_the_signal()
    {
        var config = Config with { Lowband = new LowbandConfig { Coefficients = Hop, Bins = Config.Bins }, Excitation = null };
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        using var model = NativeModel.Create(config);
        foreach (var (name, parameter) in model.Decoder.named_parameters())
            if (name is "head.weight" or "lowband.trust.weight")
                parameter.zero_();
            else if (name == "head.bias")
                parameter.fill_(-30);
        var samples = Noise(Hop * 30);
        var layer = model.Decoder.Lowband!;
        var decoded = model.Decoder.Decode(zeros(1, 30, config.LatentDim), null, layer.Analyze(tensor(samples, [1, samples.Length]))).Audio_BS[0];
        var start = 2 * Hop + config.DelaySamples; // the first samples have no frame before theirs
        Assert.True(decoded[start..].allclose(tensor(samples)[(start - config.DelaySamples)..^config.DelaySamples], 1e-3, 1e-4));
    }

    [Fact]
    public void Kernels_compute_what_the_operators_of_the_model_compute()
    {
        using var codec = Make();
        using var low = (NativeCodec)codec.WithLowband(2, 40);
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        var samples = Noise(Hop * 200);
        var codes = low.EncodeSamples(samples, 1);
        Assert.Equal(2 + Coefficients, codes.Books);
        Assert.True(LowbandBooks.Are(codes.Specs, codec.Info.Books, Coefficients));

        var layer = codec.Model.Decoder.Lowband!;
        var latent_BTD = codec.Model.Quantizer.Decode(CodeTensors.ToTensor(codes.Take(2), CPU));
        var level_BTK = layer.Level(latent_BTD);
        var quantized_BTK = layer.Quantize(layer.Analyze(tensor(samples, [1, samples.Length])), level_BTK, full([1, 1, 1], (float)Config.Lowband!.Steps / 40));
        var steps = quantized_BTK / ((level_BTK * Config.Lowband.Shape).exp() * (Config.Lowband.Range / 40));
        var expected = steps.round().to(int64)[0].T;
        for (var k = 0; k < Coefficients; k++)
        {
            var found = codes[2 + k].ToArray();
            var wanted = expected[k].data<long>().ToArray();
            Assert.InRange(found.Zip(wanted).Count(pair => pair.First - 40 != pair.Second), 0, 1); // rounding at the edge of a step
            Assert.Contains(found, code => code != 40);
        }
        var audio = codec.Model.Decoder.Decode(latent_BTD, null, quantized_BTK).Audio_BS[0];
        var without = codec.Model.Decoder.forward(latent_BTD, null)[0];
        var decoded = tensor(low.DecodeSamples(codes));
        Assert.InRange((decoded - audio).abs().max().item<float>() / audio.abs().max().item<float>(), 0, 2e-3f);
        Assert.True((audio - without).abs().max().item<float>() > 0.1f * audio.abs().max().item<float>());
        Assert.InRange((tensor(low.DecodeSamples(codes.Take(2))) - without).abs().max().item<float>() / without.abs().max().item<float>(), 0, 1e-5f);
    }

    [Theory]
    [InlineData(1)]     // frames per call
    [InlineData(2)]
    [InlineData(97)]
    public void Bits_do_not_depend_on_how_a_signal_is_cut(int frames)
    {
        using var codec = Make();
        using var low = (NativeCodec)codec.WithLowband(3, 25);
        var samples = Noise(Hop * 230);
        var whole = low.EncodeSamples(samples, 1);
        var wave = low.DecodeSamples(whole);
        using var encoding = new StreamState();
        using var decoding = new StreamState();
        var codes = new List<Codes>();
        var pieces = new List<float>();
        for (var start = 0; start < samples.Length; start += frames * Hop)
        {
            codes.Add(low.EncodeSamples(samples.AsSpan(start, Math.Min(frames * Hop, samples.Length - start)), 1, null, encoding));
            pieces.AddRange(low.DecodeSamples(codes[^1], decoding));
        }
        var joined = Codes.Concat(codes);
        for (var k = 0; k < whole.Books; k++)
            Assert.Equal(whole[k].ToArray(), joined[k].ToArray());
        Assert.Equal(wave, pieces);
        var first = (180 - low.DecoderContextFrames) / low.Info.DecoderGridFrames * low.Info.DecoderGridFrames;
        Assert.Equal(wave.AsSpan(180 * Hop), low.DecodeSamples(whole.Slice(first, 230 - first)).AsSpan((180 - first) * Hop));
    }

    [Fact]
    public void Smoothed_bins_are_as_strong_as_the_decoder_would_make_them()
    {
        var config = Config with { Lowband = Config.Lowband! with { Smoothing = 1 } };
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        using var model = NativeModel.Create(config);
        var layer = model.Decoder.Lowband!;
        layer.get_parameter("trust.bias")!.fill_(Lowband.MostTrust); // taken from the coefficients wherever there are any
        var (bins, own_BNF) = (config.Lowband!.Bins, randn(1, 6, 2 * Config.Bins) * 0.5);
        var given_BNF = randn(1, 6, 2 * bins);
        var (rest_BNF, pieces_BNW) = layer.Mix(given_BNF, zeros(1, 6, config.HeadWidth), own_BNF);
        var strength_BNF = own_BNF.narrow(2, 0, bins).exp() / (given_BNF.narrow(2, 0, bins).square() + given_BNF.narrow(2, bins, bins).square()).sqrt();
        // Not where that is more than e times what the coefficients say: such a bin is hardly told by them.
        var scaled_BNF = given_BNF * cat([strength_BNF, strength_BNF], 2).clamp_max(Math.E);
        var spectrum_BNF = complex(scaled_BNF.narrow(2, 0, bins), scaled_BNF.narrow(2, bins, bins));
        var window_W = hann_window(config.WindowLength) / (0.375 * config.WindowLength / config.StftHop);
        var expected_BNW = fft.irfft(nn.functional.pad(spectrum_BNF, [0, Config.Bins - bins]), config.WindowLength) * window_W;
        Assert.True(expected_BNW.allclose(pieces_BNW, 1e-3, 1e-4));
        Assert.True((rest_BNF.narrow(2, 0, bins) < own_BNF.narrow(2, 0, bins) - 5).all().item<bool>());
    }

    [Fact]
    public void No_signals_have_no_codes()
    {
        using var codec = Make();
        using var low = (NativeCodec)codec.WithLowband(2, 30);
        var codes = low.EncodeSamples([], 0);
        Assert.Equal((2 + Coefficients, 0), (codes.Books, codes.Batch));
        Assert.Empty(low.DecodeSamples(codes));
    }

    [Fact]
    public void Codes_are_the_shares_in_steps()
    {
        using var codec = Make();
        using var low = (NativeCodec)codec.WithLowband(2, 30);
        var samples = Noise(Hop * 50);
        var codes = low.EncodeSamples(samples, 1);
        var shares = codec.LowbandShares(samples, codes.Take(2));
        for (var i = 0; i < shares.Length; i++)
            Assert.Equal(30 + Math.Sign(shares[i]) * Math.Min(30, (int)MathF.Floor(MathF.Abs(shares[i]) * 30 + 0.3f)), codes[2 + i % Coefficients][i / Coefficients]);
    }

    [Fact]
    public void Models_without_the_layer_say_so()
    {
        random.manual_seed(8);
        using var codec = new NativeCodec(NativeModel.Create(Config with { Lowband = null }));
        Assert.Contains("has no low band", Assert.Throws<NotSupportedException>(() => codec.WithLowband(2, 30)).Message, StringComparison.Ordinal);
        using var with = Make();
        using var low = (NativeCodec)with.WithLowband(2, 30);
        Assert.Throws<ArgumentException>(() => low.DecodeSamples(low.EncodeSamples(Noise(Hop * 4), 1).Take(7)));
    }
}
