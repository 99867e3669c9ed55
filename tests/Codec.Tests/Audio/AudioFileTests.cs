using System.Diagnostics;
using Codec.Audio;
using Codec.Audio.SndFile;

namespace Codec.Tests.Audio;

public sealed class AudioFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("codec-audio").FullName;

    [Theory] // signal-to-noise ratio in dB that the format must keep
    [InlineData("x.wav", 1, 16000, 80)]
    [InlineData("x.flac", 2, 44100, 80)]
    [InlineData("x.aiff", 1, 22050, 80)]
    [InlineData("x.ogg", 2, 44100, 12)]
    [InlineData("x.opus", 1, 48000, 12)]
    [InlineData("x.opus", 1, 16000, 12)]
    [InlineData("x.mp3", 1, 16000, 12)]
    public void Every_format_round_trips(string name, int channels, int rate, double decibels)
    {
        if (!name.EndsWith(".wav"))
            Assert.SkipUnless(SndFileLibrary.IsAvailable, "libsndfile is not installed");
        var path = Path.Combine(_folder, name);
        var audio = Tones(channels, rate, 2 * rate + 123);
        try
        {
            AudioFile.Write(path, audio);
        }
        catch (AudioFileException e) when (name.EndsWith(".mp3"))
        {
            Assert.Skip(e.Message); // libsndfile before 1.1
        }
        var found = AudioFile.Read(path);
        Assert.Equal((channels, rate), (found.Channels, found.SampleRate));
        if (name != "x.mp3") // encoder delay
            Assert.Equal(audio.Length, found.Length);
        Assert.InRange(BestSignalToNoise(audio.Channel(0), found.Channel(0)), decibels, 200);
        Assert.Single(Directory.GetFileSystemEntries(_folder));
    }

    [Theory]
    [InlineData(AudioContainer.Flac)]
    [InlineData(AudioContainer.OggVorbis)]
    [InlineData(AudioContainer.OggOpus)]
    [InlineData(AudioContainer.Aiff)]
    public void Pipes_carry_every_format(AudioContainer container)
    {
        Assert.SkipUnless(SndFileLibrary.IsAvailable, "libsndfile is not installed");
        var audio = Tones(2, 48000, 30000);
        var pipe = new MemoryStream();
        using (var writer = AudioFile.OpenWrite(new ForwardStream(pipe), 48000, 2, new AudioFormat(container)))
        {
            writer.Write(audio);
            writer.Complete();
        }
        pipe.Position = 0;
        using var reader = AudioFile.OpenRead(new ForwardStream(pipe, 1000));
        Assert.Equal(30000, AudioFile.ReadAll(reader).Length);
    }

    [Fact]
    public void Content_decides_not_the_extension()
    {
        Assert.SkipUnless(SndFileLibrary.IsAvailable, "libsndfile is not installed");
        var path = Path.Combine(_folder, "really-flac.wav");
        AudioFile.Write(path, Tones(1, 16000, 5000), new AudioFormat(AudioContainer.Flac));
        Assert.Equal(5000, AudioFile.Read(path).Length);
    }

    [Fact]
    public void Louder_than_full_scale_clips_in_every_integer_format()
    {
        Assert.SkipUnless(SndFileLibrary.IsAvailable, "libsndfile is not installed");
        foreach (var extension in new[] { "wav", "flac", "aiff" })
        {
            var path = Path.Combine(_folder, "loud." + extension);
            AudioFile.Write(path, new AudioBuffer([1.5f, -1.5f, 1.5f], 16000));
            Assert.Equal([32767 / 32768f, -1, 32767 / 32768f], AudioFile.Read(path).Channel(0));
        }
    }

    [Fact]
    public void Odd_rates_of_Opus_and_unknown_extensions_are_one_clear_line()
    {
        Assert.SkipUnless(SndFileLibrary.IsAvailable, "libsndfile is not installed");
        var audio = Tones(1, 44100, 100);
        Assert.EndsWith("OggOpus cannot hold 44100 Hz: use 8000, 12000, 16000, 24000, 48000",
            Assert.Throws<AudioFileException>(() => AudioFile.Write(Path.Combine(_folder, "x.opus"), audio)).Message);
        Assert.Contains("cannot write .xyz", Assert.Throws<AudioFileException>(() => AudioFile.Write(Path.Combine(_folder, "x.xyz"), audio)).Message);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void Broken_flac_and_random_bytes_are_one_clear_line()
    {
        Assert.SkipUnless(SndFileLibrary.IsAvailable, "libsndfile is not installed");
        var path = Path.Combine(_folder, "x.flac");
        var noise = new byte[5000];
        new Random(5).NextBytes(noise);
        foreach (var head in new[] { "fLaC"u8.ToArray(), "OggS"u8.ToArray(), [0, 1, 2, 3] })
        {
            head.CopyTo(noise, 0);
            File.WriteAllBytes(path, noise);
            var e = Assert.Throws<AudioFileException>(() => AudioFile.Read(path));
            Assert.StartsWith(path + ": ", e.Message);
            Assert.DoesNotContain('\n', e.Message);
        }
    }

    [Fact]
    public void Folders_and_missing_files_say_so()
    {
        Assert.Equal($"{_folder}: is a folder", Assert.Throws<AudioFileException>(() => AudioFile.OpenRead(_folder)).Message);
        var missing = Path.Combine(_folder, "x.wav");
        Assert.Equal($"{missing}: no such file", Assert.Throws<AudioFileException>(() => AudioFile.OpenRead(missing)).Message);
    }

    [Theory]
    [InlineData("-b 16")]
    [InlineData("-b 24")]
    [InlineData("-b 8")]
    [InlineData("-b 32")]
    [InlineData("-e floating-point -b 32")]
    [InlineData("-e floating-point -b 64")]
    [InlineData("-e a-law")]
    [InlineData("-e u-law")]
    public void Sox_writes_what_we_read(string options)
    {
        var source = Path.Combine(_folder, "ours.wav");
        var audio = Tones(2, 16000, 4000);
        AudioFile.Write(source, audio, new AudioFormat(AudioContainer.Wav, SampleEncoding.Float32));
        var found = AudioFile.Read(Sox(source, options, "theirs.wav"));
        Assert.Equal((2, 4000), (found.Channels, found.Length));
        Assert.InRange(BestSignalToNoise(audio.Channel(1), found.Channel(1)), 30, 300);
    }

    [Theory]
    [InlineData(SampleEncoding.Pcm24)]
    [InlineData(SampleEncoding.ALaw)]
    [InlineData(SampleEncoding.MuLaw)]
    public void Sox_reads_what_we_write(SampleEncoding encoding)
    {
        var source = Path.Combine(_folder, "ours.wav");
        AudioFile.Write(source, Tones(3, 16000, 4000), new AudioFormat(AudioContainer.Wav, encoding));
        var (ours, theirs) = (AudioFile.Read(source), AudioFile.Read(Sox(source, "-e floating-point -b 32", "theirs.wav")));
        for (var c = 0; c < 3; c++)
            Assert.Equal(ours.Channel(c), theirs.Channel(c));
    }

    public void Dispose() => Directory.Delete(_folder, true);

    private string Sox(string source, string options, string name)
    {
        var target = Path.Combine(_folder, name);
        Process? sox = null;
        try
        {
            sox = Process.Start("sox", [source, .. options.Split(' '), target]);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("sox is not installed");
        }
        using (sox)
            sox!.WaitForExit();
        return target;
    }

    private static AudioBuffer Tones(int channels, int rate, int length)
        => new([.. Enumerable.Range(0, channels).Select(c => Enumerable.Range(0, length)
            .Select(n => (float)(0.3 * Math.Sin(2 * Math.PI * (300 + 170 * c) * n / rate) + 0.2 * Math.Sin(2 * Math.PI * 1234 * n / rate))).ToArray())], rate);

    // dB at the best shift of up to 0.1 s.
    private static double BestSignalToNoise(float[] expected, float[] found)
    {
        var best = double.MinValue;
        for (var shift = 0; shift < 3000 && best < 12; shift++)
        {
            double signal = 0, noise = 1e-20;
            for (var n = 500; n < Math.Min(expected.Length, found.Length - shift) - 500; n++)
            {
                signal += (double)expected[n] * expected[n];
                noise += Math.Pow(expected[n] - found[n + shift], 2);
            }
            best = Math.Max(best, 10 * Math.Log10(signal / noise));
        }
        return best;
    }
}
