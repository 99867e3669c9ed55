using System.Text.Json;
using Codec.Audio;

namespace Codec.Core.Tokens;

/// <summary>
/// Writes token files, one recording after the other. The file appears with <see cref="Complete"/>; disposing earlier
/// leaves nothing behind.
/// </summary>
public abstract class TokenWriter : IDisposable
{
    private readonly AtomicFile? _file;

    /// <param name="file">Owned; null where the caller owns the stream.</param>
    private protected TokenWriter(AtomicFile? file) => _file = file;

    private protected Stream Target => _file!.Stream;

    /// <summary>Recordings so far.</summary>
    public int Count { get; private set; }

    /// <param name="path">The extension decides the format.</param>
    /// <param name="overwrite">False: an existing file is an error.</param>
    /// <exception cref="ConfigException">An extension of another kind.</exception>
    /// <exception cref="OutputFileException">The file exists or cannot be created.</exception>
    public static TokenWriter Create(string path, bool overwrite = true)
    {
        var format = TokenFile.Format(path);
        var file = new AtomicFile(path, overwrite);
        return format switch
        {
            ".jsonl" => new JsonLines(file.Stream, file),
            ".npz" => new NumpyTokenWriter(file),
            _ => new SafetensorsTokenWriter(file),
        };
    }

    /// <summary>JSON Lines to a stream, which stays open.</summary>
    public static TokenWriter ToStream(Stream stream) => new JsonLines(stream, null);

    /// <param name="recording">With codes.</param>
    public void Add(TokenizedAudio recording)
    {
        Write(recording, recording.Codes ?? throw new ArgumentException("no codes", nameof(recording)));
        Count++;
    }

    /// <summary>Puts the finished file in place.</summary>
    /// <exception cref="OutputFileException">It cannot be written.</exception>
    public void Complete()
    {
        Finish();
        _file?.Commit();
    }

    public virtual void Dispose() => _file?.Dispose();

    private protected abstract void Write(TokenizedAudio recording, int[][][] codes);

    private protected virtual void Finish() { }

    private sealed class JsonLines(Stream stream, AtomicFile? file) : TokenWriter(file)
    {
        private protected override void Write(TokenizedAudio recording, int[][][] codes)
        {
            JsonSerializer.Serialize(stream, recording, TokenizedAudio.Json);
            stream.WriteByte((byte)'\n');
        }

        private protected override void Finish() => stream.Flush();
    }
}
