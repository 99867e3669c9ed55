using Codec.Audio;
using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Codecs.Native;
using Codec.Core.Files;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Files;

public sealed class TargetedFileTests
{
    [Fact]
    public void The_most_books_that_fit_are_kept_and_the_file_is_that_of_so_many_books()
    {
        using var codec = new NativeFamily().CreateTiny(3);
        var sizes = Enumerable.Range(1, codec.Info.Books.Count).Select(books => Compress(codec, null, books).Bytes).ToArray();
        for (var books = 1; books <= sizes.Length; books++)
            foreach (var spare in new[] { 0, sizes[books - 1] - (books > 1 ? sizes[books - 2] : sizes[0]) > 1 ? 1 : 0 })
            {
                var (bytes, report) = CompressTo(codec, sizes[books - 1] + spare);
                Assert.Equal(books, report.Books);
                Assert.Equal(sizes[books - 1], bytes.Length);
                Assert.Equal(Compress(codec, null, books).Content, bytes);
            }
        Assert.Contains($"at least {sizes[0]}", Assert.Throws<ConfigException>(() => CompressTo(codec, sizes[0] - 1)).Message);
    }

    [Fact]
    public void Effort_0_gives_the_same_codes_and_more_effort_smaller_errors()
    {
        using var codec = (NativeCodec)new NativeFamily().CreateTiny(3);
        var samples = Noise(320 * 40);
        var greedy = Codes(codec, samples);
        using var latent_BTD = codec.Model.Encoder.forward(tensor(samples).reshape(1, -1), null);
        var last = Errors(codec, greedy, latent_BTD);
        for (var effort = 0; effort <= 3; effort++)
        {
            using var searching = codec.WithEffort(effort);
            var codes = Codes(searching, samples);
            if (effort == 0)
                for (var book = 0; book < codes.Books; book++)
                    Assert.Equal(greedy[book].ToArray(), codes[book].ToArray());
            var errors = Errors(codec, codes, latent_BTD);
            for (var t = 0; t < errors.Length; t++)
                Assert.True(errors[t] <= last[t] * 1.0001 + 1e-9, $"effort {effort}, frame {t}: {errors[t]} above {last[t]}");
            Assert.True(effort == 0 || errors.Average() <= last.Average());
            last = errors;
        }
        Assert.True(last.Average() < Errors(codec, greedy, latent_BTD).Average());
        Assert.Throws<ArgumentOutOfRangeException>(() => codec.WithEffort(4));
    }

    private static Codes Codes(ICodec codec, float[] samples)
    {
        using var audio_BCS = tensor(samples).reshape(1, 1, -1);
        return codec.Encode(audio_BCS);
    }

    private static double[] Errors(NativeCodec codec, Codes codes, Tensor latent_BTD)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var frames = latent_BTD.shape[1];
        var error = codec.LatentOf(codes).narrow(1, 0, frames) - latent_BTD;
        return [.. (error * error).sum(-1).reshape(-1).to(float64).data<double>().ToArray()];
    }

    private static float[] Noise(int length)
    {
        var random = new Random(9);
        return [.. Enumerable.Range(0, length).Select(i => 0.3f * MathF.Sin(i * 0.03f) + 0.2f * (random.NextSingle() - 0.5f))];
    }

    private static (byte[] Content, CompressionReport Report) CompressTo(ICodec codec, long target)
    {
        var (content, report, _) = Compress(codec, target, null);
        return (content, report);
    }

    private static (byte[] Content, CompressionReport Report, long Bytes) Compress(ICodec codec, long? target, int? books)
    {
        var wav = new MemoryStream();
        using (var writer = AudioFile.OpenWrite(wav, codec.Info.SampleRate, 1))
        {
            writer.Write(Noise(3 * codec.Info.SampleRate));
            writer.Complete();
        }
        wav.Position = 0;
        using var audio = AudioFile.OpenRead(wav);
        using var output = new MemoryStream();
        var report = target is { } bytes ? TargetedFile.Compress(audio, codec, output, bytes) : CodecFile.Compress(audio, codec, output, books);
        return (output.ToArray(), report, output.Length);
    }
}
