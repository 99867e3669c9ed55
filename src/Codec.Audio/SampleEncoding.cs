namespace Codec.Audio;

/// <summary>How one sample lies in a file; little-endian.</summary>
public enum SampleEncoding
{
    /// <summary>Unsigned, 128 is silence.</summary>
    Pcm8,
    Pcm16,
    Pcm24,
    Pcm32,
    Float32,
    Float64,

    /// <summary>ITU-T G.711, 8 bits.</summary>
    ALaw,

    /// <summary>ITU-T G.711, 8 bits.</summary>
    MuLaw,
}

public enum AudioContainer
{
    Wav,
    Flac,
    OggVorbis,
    OggOpus,
    Mp3,
    Aiff,
}

/// <summary>What to write.</summary>
/// <param name="Container">WAV is written by this project, the others by libsndfile.</param>
/// <param name="Encoding">Of the samples; lossy containers have their own.</param>
public sealed record AudioFormat(AudioContainer Container, SampleEncoding Encoding = SampleEncoding.Pcm16)
{
    /// <summary>16-bit WAV.</summary>
    public static AudioFormat Wav { get; } = new(AudioContainer.Wav);

    /// <summary>The format that a file name asks for.</summary>
    /// <exception cref="AudioFileException">An extension that is not written here.</exception>
    public static AudioFormat FromExtension(string path) => Path.GetExtension(path).ToLowerInvariant() switch
    {
        ".wav" or ".wave" or ".rf64" or ".bwf" => Wav,
        ".flac" => new(AudioContainer.Flac),
        ".ogg" or ".oga" => new(AudioContainer.OggVorbis),
        ".opus" => new(AudioContainer.OggOpus),
        ".mp3" => new(AudioContainer.Mp3),
        ".aif" or ".aiff" => new(AudioContainer.Aiff),
        var other => throw new AudioFileException(path, $"cannot write {(other.Length > 0 ? other : "a file without extension")}: use .wav, .flac, .ogg, .opus, .mp3 or .aiff"),
    };
}
