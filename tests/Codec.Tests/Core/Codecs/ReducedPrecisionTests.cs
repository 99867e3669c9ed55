using Codec.Core;
using Codec.Core.Codecs;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Codecs;

/// <summary>Layers of 16 bits: near float32, not equal to it.</summary>
public sealed class ReducedPrecisionTests
{
    [Theory]
    [InlineData("dac")]
    [InlineData("snac")]
    [InlineData("encodec")]
    [InlineData("mimi")]
    [InlineData("speechtokenizer")]
    public void Is_near_float32_and_really_another_arithmetic(string family)
    {
        Assert.SkipUnless(IReducedPrecision.IsSupportedByProcessor, "no instructions for it here");
        using ICodec exact = Tiny(family), half = Tiny(family);
        ((IReducedPrecision)half).UseBFloat16();
        using var scope = NewDisposeScope();
        using var none = inference_mode();
        using var generator = manual_seed(3);
        var audio = randn(1, exact.Info.Channels, 8000) * 0.2;
        var codes = exact.Encode(audio);
        Tensor expected = exact.Decode(codes), actual = half.Decode(codes);
        Assert.Equal(ScalarType.Float32, actual.dtype);
        var error = ((actual - expected).norm() / expected.norm()).item<float>();
        Assert.InRange(error, 1e-5, 0.1);
        var again = half.Encode(audio);
        Assert.Equal(codes.Frames, again.Frames);
        var equal = codes[0].ToArray().Zip(again[0].ToArray()).Average(p => p.First == p.Second ? 1.0 : 0);
        Assert.InRange(equal, 0.5, 1);
        Assert.Equal(again[0].ToArray(), half.Encode(audio)[0].ToArray());
    }

    private static ICodec Tiny(string family) => CodecCatalog.Families.Single(f => f.Name == family).CreateTiny(4);

    [Fact]
    public void Through_the_command_line()
    {
        using var work = new EndToEnd.Workplace();
        var model = EndToEnd.TinyModel.Dac(work["dac.safetensors"]);
        var input = work.Speech("a.wav");
        var run = CommandLineRun.Of("encode", input, "--model", model, "--precision", "bf16");
        Assert.Equal(0, run.ExitCode);
        if (IReducedPrecision.IsSupportedByProcessor)
            Assert.Empty(run.ErrorLines);
        else
            Assert.Contains("no instructions for it", Assert.Single(run.ErrorLines));
        Assert.True(File.Exists(work["a.cdc"]));
        EndToEnd.Workplace.Succeeds("decode", work["a.cdc"], "-o", work["b.wav"], "--model", model); // any precision decodes
        var other = CommandLineRun.Of("encode", input, "-o", work["c.cdc"], "--precision", "bf16", "--model", "speech-16khz");
        Assert.Equal(2, other.ExitCode);
        Assert.Contains("computes in float32 only", other.ErrorLines[^1]);
        Assert.Equal(2, CommandLineRun.Of("encode", input, "-o", work["c.cdc"], "--precision", "int3").ExitCode);
    }
}
