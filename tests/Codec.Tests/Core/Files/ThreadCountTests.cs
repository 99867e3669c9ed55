using Codec.Audio;
using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Codecs.Native;
using Codec.Core.Files;
using Codec.Core.Runtime;

namespace Codec.Tests.Core.Files;

public sealed class ThreadCountTests
{
    [Fact]
    public void Files_and_audio_are_the_same_for_every_number_of_threads()
    {
        using var codec = new NativeFamily().CreateTiny(3);
        var random = new Random(6);
        var audio = new AudioBuffer([[.. Enumerable.Range(0, 16000 * 25 + 77).Select(_ => (float)(random.NextDouble() - 0.5))]], 16000);
        var before = TorchRuntime.Threads;
        try
        {
            var results = new[] { 1, 2, 3 }.Select(threads =>
            {
                TorchRuntime.Initialize(new TorchRuntimeOptions { Threads = threads });
                return RoundTrip(codec, audio);
            }).ToArray();
            foreach (var (bytes, samples) in results[1..])
            {
                Assert.Equal(results[0].Bytes, bytes);
                Assert.Equal(results[0].Samples, samples);
            }
        }
        finally
        {
            TorchRuntime.Initialize(new TorchRuntimeOptions { Threads = before });
        }
    }

    private static (byte[] Bytes, float[] Samples) RoundTrip(ICodec codec, AudioBuffer audio)
    {
        using var reader = AudioFile.OpenRead(Wav(audio.SampleRate, writer => writer.Write(audio)));
        using var compressed = new MemoryStream();
        CodecFile.Compress(reader, codec, compressed);
        using var file = new CodecFileReader(new MemoryStream(compressed.ToArray()));
        using var decoded = AudioFile.OpenRead(Wav(audio.SampleRate, writer => CodecFile.Decompress(file, codec, writer)));
        return (compressed.ToArray(), AudioFile.ReadAll(decoded)[0].ToArray());
    }

    private static MemoryStream Wav(int rate, Action<AudioWriter> write)
    {
        var wav = new MemoryStream();
        using (var writer = AudioFile.OpenWrite(wav, rate, 1, new AudioFormat(AudioContainer.Wav, SampleEncoding.Float32)))
        {
            write(writer);
            writer.Complete();
        }
        wav.Position = 0;
        return wav;
    }
}
