using Codec.Audio;
using Codec.Audio.Dsp;
using Codec.Audio.SndFile;

namespace Codec.Tests.Audio;

public class FixtureTests
{
    [Theory]
    [InlineData("speech.wav", 16000, 1, 149017)]
    [InlineData("sweep.wav", 24000, 1, 72000)]
    [InlineData("two-voices-stereo.flac", 44100, 2, 158582)]
    [InlineData("chord.flac", 16000, 1, 32000)]
    public void Clips_are_what_their_table_says(string name, int rate, int channels, int samples)
    {
        if (!name.EndsWith(".wav"))
            Assert.SkipUnless(SndFileLibrary.IsAvailable, "libsndfile is not installed");
        var audio = AudioFile.Read(Path.Combine(SharedFolder.RepositoryRoot, "audio-fixtures", name));
        Assert.Equal((rate, channels, samples), (audio.SampleRate, audio.Channels, audio.Length));
        Assert.InRange(Level.Decibels(Level.Rms(audio[0])), -35, -6);
        Assert.InRange(Level.Peak(audio[0]), 0.2f, 1f);
    }
}
