using Codec.Audio.SndFile;

namespace Codec.Audio;

/// <summary>Opens audio files of every kind: the content decides, never the extension.</summary>
public static class AudioFile
{
    private const int BlockSamples = 1 << 16;

    /// <summary>A whole file in memory.</summary>
    /// <param name="path">WAV, or what the installed libsndfile reads: FLAC, Ogg Vorbis, Opus (at 8, 12, 16, 24 or 48 kHz), MP3, AIFF.</param>
    /// <exception cref="AudioFileException">Missing, unreadable, no audio, or too long for one buffer.</exception>
    public static AudioBuffer Read(string path)
    {
        using var reader = OpenRead(path);
        return ReadAll(reader, path);
    }

    /// <summary>Everything that is left in a reader.</summary>
    /// <exception cref="AudioFileException">The data cannot be read or does not fit one buffer.</exception>
    public static AudioBuffer ReadAll(AudioReader reader, string name = "-")
    {
        var channels = Enumerable.Range(0, reader.Channels).Select(_ => new List<float>()).ToArray();
        var block = new float[Math.Max(1, BlockSamples / reader.Channels) * reader.Channels];
        for (int count; (count = reader.Read(block)) > 0;)
        {
            if (channels[0].Count > Array.MaxLength - BlockSamples)
                throw new AudioFileException(name, $"longer than {Array.MaxLength} samples: read it block by block");
            for (var c = 0; c < channels.Length; c++)
                for (var i = c; i < count; i += channels.Length)
                    channels[c].Add(block[i]);
        }
        return new AudioBuffer([.. channels.Select(c => c.ToArray())], reader.SampleRate);
    }

    /// <summary>Opens a file for reading block by block.</summary>
    /// <exception cref="AudioFileException">Missing, unreadable, or no audio.</exception>
    public static AudioReader OpenRead(string path)
    {
        FileStream stream;
        try
        {
            stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new AudioFileException(path, e is FileNotFoundException or DirectoryNotFoundException ? "no such file" : e.Message, e);
        }
        return new SndFileReader(stream, path);
    }
}
