using Codec.Audio;
using Codec.Core.Checkpoints;
using static TorchSharp.torch;

namespace Codec.Tests.Cli;

/// <summary>codec vocode and codec dac on the small published checkpoints of ../shared.</summary>
public sealed class VocoderAndDacTests
{
    [Fact]
    public void A_mel_vocoder_takes_recordings_and_features()
    {
        var model = SharedFolder.Require("parity/vocos/mel24k");
        using var folder = new TemporaryFolder();
        var (input, output) = (folder.Combine("in.wav"), folder.Combine("out.wav"));
        AudioFile.Write(input, new AudioBuffer([Tone(30_001), Tone(30_001)], 22_050));
        Assert.Equal(0, CommandLineRun.Of("vocode", input, "-o", output, "--model", Path.Combine(model, "pytorch_model.bin")).ExitCode);
        var audio = AudioFile.Read(output);
        Assert.Equal((24_000, 2, Resampler.OutputLength(30_001, 22_050, 24_000)), (audio.SampleRate, audio.Channels, audio.Length));

        var bands = (int)Checkpoint.Open(Path.Combine(model, "weights.safetensors")).Tensors["feature_extractor.mel_spec.mel_scale.fb"].Shape[1];
        using (var scope = NewDisposeScope())
            SafetensorsFile.Write(folder.Combine("mel.safetensors"), new Dictionary<string, Tensor> { ["mel"] = randn(bands, 2300) });
        Assert.Equal(0, CommandLineRun.Of("vocode", folder.Combine("mel.safetensors"), "-o", output, "--force", "--model", Path.Combine(model, "pytorch_model.bin")).ExitCode);
        Assert.True(AudioFile.Read(output).Length > 2298 * 64);
        using (var scope = NewDisposeScope())
            SafetensorsFile.Write(folder.Combine("bad.safetensors"), new Dictionary<string, Tensor> { ["mel"] = randn(3, 10) });
        Assert.Equal(3, CommandLineRun.Of("vocode", folder.Combine("bad.safetensors"), "-o", output, "--force", "--model", Path.Combine(model, "pytorch_model.bin")).ExitCode);
    }

    [Theory]
    [InlineData("parity/vocos/mel24k/pytorch_model.bin", "vocos/mel")]
    [InlineData("parity/vocos/encodec24k/pytorch_model.bin", "vocos/encodec")]
    [InlineData("parity/esc/esc_swin/model.pth", "esc/custom")]
    public void Checkpoints_are_identified(string file, string name)
    {
        var run = CommandLineRun.Of("models", SharedFolder.Require(file));
        Assert.Equal(0, run.ExitCode);
        Assert.Contains(name, run.Out);
    }

    [Theory]
    [InlineData("parity/dac/dac24k_chunked/weights.safetensors", "decoder.model.0.bias")]
    [InlineData("parity/vocos/mel24k/weights.safetensors", "backbone.convnext.1.pwconv1.weight")]
    [InlineData("parity/mimi/mimi12hz/weights.safetensors", "decoder_transformer.transformer.layers.1.linear2.weight")]
    public void A_wrong_shape_is_told_without_loading(string file, string key)
    {
        var path = SharedFolder.Require(file);
        using var folder = new TemporaryFolder();
        using (var scope = NewDisposeScope())
        {
            var tensors = Checkpoint.Open(path).Tensors.Values.ToDictionary(t => t.Name, t => t.Load());
            Assert.Contains(key, tensors.Keys);
            tensors[key] = cat([tensors[key], tensors[key]], 0);
            SafetensorsFile.Write(folder.Combine("weights.safetensors"), tensors);
        }
        if (File.Exists(Path.Combine(Path.GetDirectoryName(path)!, "config.json")))
            File.Copy(Path.Combine(Path.GetDirectoryName(path)!, "config.json"), folder.Combine("config.json"));
        var run = CommandLineRun.Of("models", folder.Combine("weights.safetensors"));
        Assert.Equal(4, run.ExitCode);
        Assert.Contains("misshapen", run.Error);
        Assert.Equal(0, CommandLineRun.Of("models", path).ExitCode);
        Assert.Equal("cpu", zeros(1).device.ToString());
    }

    [Theory]
    [InlineData("bs1770")]
    [InlineData("mean-square")]
    public void Dac_files_keep_length_rate_and_level(string loudness)
    {
        var model = SharedFolder.Require("parity/dac/dac24k_chunked/weights.safetensors");
        using var folder = new TemporaryFolder();
        var (input, file, output) = (folder.Combine("in.wav"), folder.Combine("x.dac"), folder.Combine("out.wav"));
        AudioFile.Write(input, new AudioBuffer([Tone(40_003)], 22_050));
        Assert.Equal(0, CommandLineRun.Of("dac", input, "-o", file, "--model", model, "--window", "1", "--loudness", loudness).ExitCode);
        Assert.Equal(0, CommandLineRun.Of("dac", file, "-o", output, "--model", model, "--loudness", loudness).ExitCode);
        var audio = AudioFile.Read(output);
        Assert.Equal((22_050, 40_003), (audio.SampleRate, audio.Length));
        Assert.InRange(Level(audio.Channel(0)) - Level(Tone(40_003)), -8, 8); // K-weighting of what random weights make
        File.WriteAllBytes(file, File.ReadAllBytes(file)[..200]);
        Assert.Equal(3, CommandLineRun.Of("dac", file, "-o", output, "--force", "--model", model).ExitCode);
    }

    private static double Level(float[] samples) => 10 * Math.Log10(samples.Average(x => (double)x * x));

    private static float[] Tone(int samples) => [.. Enumerable.Range(0, samples).Select(i => 0.2f * MathF.Sin(i * 0.09f))];
}
