using Codec.Audio.SndFile;
using Codec.Audio.Wav;

namespace Codec.Audio;

/// <summary>Opens audio files of every kind: when reading, the content decides, never the extension.</summary>
public static class AudioFile
{
    private const int BlockSamples = 1 << 16;

    /// <summary>Extensions by which audio is looked for in folders, the usual ones first. Opening asks the content, not these.</summary>
    public static IReadOnlyList<string> Extensions { get; } =
        [".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aiff", ".aif", ".aifc", ".w64", ".rf64", ".caf", ".au", ".wave"];

    /// <summary>True where a file's name says that it holds audio; upper and lower case are the same.</summary>
    public static bool HasAudioName(string path) => Extensions.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

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
        if (Directory.Exists(path))
            throw new AudioFileException(path, "is a folder");
        try
        {
            return OpenRead(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, BlockSamples), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new AudioFileException(path, e is FileNotFoundException or DirectoryNotFoundException ? "no such file" : OutputStream.Reason(e), e);
        }
    }

    /// <summary>Reads audio from a stream, e.g. standard input. WAV needs no seeking; other formats pass through a temporary file where needed.</summary>
    /// <param name="stream">At the start of the audio; closed with the reader.</param>
    /// <param name="name">For messages.</param>
    /// <exception cref="AudioFileException">No audio.</exception>
    public static AudioReader OpenRead(Stream stream, string name = "-")
    {
        try
        {
            var head = new byte[256];
            head = head[..stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
            if (LooksLikeText(head))
                throw new AudioFileException(name, head.Length == 0 ? "the file is empty" : "not an audio file: it looks like text");
            if (stream.CanSeek)
                stream.Position -= head.Length;
            else
                stream = new PrefixStream(head, stream);
            return RiffChunks.IsWave(head) ? OpenWav(stream, name) : new SndFileReader(Seekable(stream), name);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Creates a file that appears under its name with <see cref="AudioWriter.Complete"/>.</summary>
    /// <param name="path">Final name.</param>
    /// <param name="sampleRate">Hz.</param>
    /// <param name="channels">Interleaved channels.</param>
    /// <param name="format">Null: what the extension says.</param>
    /// <param name="overwrite">False: an existing file is an error.</param>
    /// <exception cref="AudioFileException">The format cannot hold this rate or channel count, or needs libsndfile.</exception>
    /// <exception cref="OutputFileException">The file exists or cannot be created.</exception>
    public static AudioWriter OpenWrite(string path, int sampleRate, int channels, AudioFormat? format = null, bool overwrite = true)
        => OpenWrite(path, sampleRate, channels, format, overwrite, null);

    /// <summary>Writes audio to a stream, e.g. standard output; the stream stays open.</summary>
    /// <param name="stream">Need not be seekable.</param>
    /// <param name="sampleRate">Hz.</param>
    /// <param name="channels">Interleaved channels.</param>
    /// <param name="format">Null: 16-bit WAV.</param>
    /// <param name="length">Samples per channel if known: a WAV on a pipe then declares it instead of "unknown".</param>
    /// <param name="name">For messages.</param>
    public static AudioWriter OpenWrite(Stream stream, int sampleRate, int channels, AudioFormat? format = null, long? length = null, string name = "-")
    {
        format ??= AudioFormat.Wav;
        if (format.Container == AudioContainer.Wav)
            return new WavWriter(stream, sampleRate, channels, format.Encoding, length);
        if (stream.CanSeek)
            return new SndFileWriter(stream, sampleRate, channels, format, name);
        return new SpooledWriter(stream, spool => new SndFileWriter(spool, sampleRate, channels, format, name));
    }

    /// <summary>Writes a whole file, or nothing.</summary>
    public static void Write(string path, AudioBuffer audio, AudioFormat? format = null, bool overwrite = true)
    {
        using var writer = OpenWrite(path, audio.SampleRate, audio.Channels, format, overwrite, audio.Length);
        writer.Write(audio);
        writer.Complete();
    }

    private static AudioWriter OpenWrite(string path, int sampleRate, int channels, AudioFormat? format, bool overwrite, long? length)
    {
        format ??= AudioFormat.FromExtension(path);
        var file = new AtomicFile(path, overwrite);
        try
        {
            return new FileWriter(file, OpenWrite(file.Stream, sampleRate, channels, format, length, path));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static AudioReader OpenWav(Stream stream, string name)
    {
        var start = stream.CanSeek ? stream.Position : 0;
        var header = WavHeader.Read(stream, name);
        if (header.Encoding is not null)
            return new WavReader(stream, header, name);
        if (!stream.CanSeek || !SndFileLibrary.IsAvailable)
            throw new AudioFileException(name, $"WAV format tag 0x{header.FormatTag:X4} is not read here");
        stream.Position = start; // libsndfile knows some compressed ones
        return new SndFileReader(stream, name);
    }

    private static Stream Seekable(Stream stream)
    {
        if (stream.CanSeek)
            return stream;
        var spool = SpooledWriter.Spool();
        using (stream)
            stream.CopyTo(spool);
        spool.Position = 0;
        return spool;
    }

    private static bool LooksLikeText(ReadOnlySpan<byte> head)
    {
        foreach (var b in head)
            if (b < ' ' && b is not ((byte)'\t' or (byte)'\n' or (byte)'\r' or (byte)'\f'))
                return false;
        return true;
    }
}
