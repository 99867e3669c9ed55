using Codec.Audio;
using Codec.Audio.SndFile;

namespace Codec.Tests.Audio;

public class SndFileTests
{
    [Fact]
    public void A_missing_file_is_one_clear_line()
        => Assert.Equal("/nowhere/x.flac: no such file", Assert.Throws<AudioFileException>(() => AudioFile.Read("/nowhere/x.flac")).Message);

    [Theory]
    [InlineData("*.opus")]
    [InlineData("*.flac")]
    public void Speech_of_the_shared_folder_reads_to_its_declared_length(string pattern)
    {
        Assert.SkipUnless(SndFileLibrary.IsAvailable, "libsndfile is not installed");
        var folder = SharedFolder.Require("speech", "dev");
        var file = Directory.EnumerateFiles(folder, pattern, SearchOption.AllDirectories).Order(StringComparer.Ordinal).FirstOrDefault();
        Assert.SkipWhen(file is null, $"no {pattern} in {folder}");
        using var reader = AudioFile.OpenRead(file);
        var audio = AudioFile.Read(file);
        Assert.Equal((reader.Length, 16000, 1), (audio.Length, audio.SampleRate, audio.Channels));
        Assert.InRange(audio.Channel(0).Max(), 0.01f, 1.1f);
    }
}
