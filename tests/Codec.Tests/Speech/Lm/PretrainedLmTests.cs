using Codec.Audio;
using Codec.Core.Codecs;
using Codec.Core.Pretrained;
using Codec.Speech.Lm;
using Codec.Speech.Pretrained;
using Codec.Speech.Sampling;
using Codec.Speech.Tokens;

namespace Codec.Tests.Speech.Lm;

/// <summary>The bundled language model belongs to the bundled codec, is small, and makes sound.</summary>
public sealed class PretrainedLmTests
{
    [Fact]
    public void It_knows_the_bundled_codecs_tokens_and_goes_on_at_the_recordings_level()
    {
        Assert.True(new FileInfo(PretrainedLm.Path).Length <= 6_000_000);
        using var codec = CodecCatalog.Load(PretrainedModels.Resolve(null));
        var (model, info) = SpeechLmFile.Load(PretrainedLm.Path);
        using (model)
        {
            Assert.Equal(TokenIdentity.Of(codec), info.Codec);
            // A voice-like buzz: harmonics of 140 Hz with a slow envelope.
            var buzz = Enumerable.Range(0, 24000).Select(i => (float)(0.1 * (1 + Math.Sin(i / 1500.0)) * Enumerable.Range(1, 12).Sum(h => Math.Sin(2 * Math.PI * 140 * h * i / 16000) / h))).ToArray();
            var audio = new SpeechContinuer(codec, model, info).Continue(new AudioBuffer(buzz, 16000), TimeSpan.FromSeconds(2), new SamplerConfig(), 1);
            var tail = audio[0][^32000..].ToArray();
            Assert.All(tail, sample => Assert.True(float.IsFinite(sample) && Math.Abs(sample) <= 1.5f));
            Assert.InRange(Math.Sqrt(tail.Average(s => (double)s * s)), 1e-4, 0.5);
        }
    }
}
