using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Codec.Audio;

namespace Codec.Training.Data;

/// <summary>One utterance of a corpus.</summary>
/// <param name="Path">Where it came from.</param>
/// <param name="Source">Data set, for weighting.</param>
/// <param name="Speaker">Speaker label, or empty.</param>
/// <param name="Start">First sample in the corpus.</param>
/// <param name="Length">Samples.</param>
public sealed record Utterance(string Path, string Source, string Speaker, long Start, int Length);

/// <summary>
/// A set of recordings decoded once, mono, at one rate, into a memory-mapped file of 16-bit samples: reading a crop costs nothing.
/// </summary>
public sealed class AudioCorpus : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    private AudioCorpus(string dataPath, IReadOnlyList<Utterance> utterances, int sampleRate)
    {
        Utterances = utterances;
        SampleRate = sampleRate;
        _file = MemoryMappedFile.CreateFromFile(dataPath, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        _view = _file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
    }

    public IReadOnlyList<Utterance> Utterances { get; }

    /// <summary>Hz.</summary>
    public int SampleRate { get; }

    /// <summary>Seconds of all utterances.</summary>
    public double Seconds => Utterances.Sum(u => (double)u.Length) / SampleRate;

    /// <summary>Opens the decoded form of a manifest or folder, making it first where it is missing or the input changed.</summary>
    /// <param name="source">A JSON-Lines manifest (fields path, source, speaker), or a folder of audio files.</param>
    /// <param name="cacheFolder">Where decoded corpora are kept.</param>
    /// <param name="sampleRate">Hz.</param>
    /// <param name="progress">Called with the share done.</param>
    /// <exception cref="ConfigException">The source does not exist or holds no audio.</exception>
    public static AudioCorpus Open(string source, string cacheFolder, int sampleRate, Action<double>? progress = null)
    {
        var entries = Directory.Exists(source) ? FromFolder(source) : Manifest.Read(source);
        if (entries.Count == 0)
            throw new ConfigException($"{source}: expected audio files, found none");
        Directory.CreateDirectory(cacheFolder);
        var key = Key(entries, sampleRate);
        var (dataPath, indexPath) = (Path.Combine(cacheFolder, key + ".pcm16"), Path.Combine(cacheFolder, key + ".json"));
        if (!File.Exists(indexPath))
            Build(entries, sampleRate, dataPath, indexPath, progress);
        var utterances = JsonSerializer.Deserialize<Utterance[]>(File.ReadAllText(indexPath))
            ?? throw new ConfigException($"{indexPath}: expected an index, found nothing");
        return new AudioCorpus(dataPath, utterances, sampleRate);
    }

    /// <summary>Copies samples of one utterance, scaled to [-1, 1); positions outside it are silence.</summary>
    public void Read(Utterance utterance, int start, Span<float> into)
    {
        into.Clear();
        var from = Math.Max(0, start);
        var count = Math.Min(utterance.Length, start + into.Length) - from;
        if (count <= 0)
            return;
        var samples = new short[count];
        _view.ReadArray((utterance.Start + from) * sizeof(short), samples, 0, count);
        for (var i = 0; i < count; i++)
            into[from - start + i] = samples[i] / 32768f;
    }

    private static IReadOnlyList<ManifestEntry> FromFolder(string folder)
        => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(AudioFile.HasAudioName).Order(StringComparer.Ordinal)
            .Select(path => new ManifestEntry(path, "", "")).ToArray();

    private static string Key(IReadOnlyList<ManifestEntry> entries, int sampleRate)
    {
        var text = new StringBuilder().Append(sampleRate);
        foreach (var entry in entries)
        {
            var info = new FileInfo(entry.Path);
            text.Append('\n').Append(entry.Path).Append('|').Append(entry.Source).Append('|').Append(entry.Speaker)
                .Append('|').Append(info.Exists ? info.Length : -1);
        }
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())))[..16];
    }

    private static void Build(IReadOnlyList<ManifestEntry> entries, int sampleRate, string dataPath, string indexPath, Action<double>? progress)
    {
        var utterances = new List<Utterance>(entries.Count);
        var partial = dataPath + ".partial";
        using (var output = File.Create(partial))
        {
            long start = 0;
            for (var i = 0; i < entries.Count; i++)
            {
                var mono = Resampler.Resample(AudioFile.Read(entries[i].Path).ToMono(), sampleRate);
                var samples = Array.ConvertAll(mono.Channel(0), x => (short)Math.Clamp(MathF.Round(x * 32768f), -32768f, 32767f));
                output.Write(MemoryMarshal.AsBytes(samples.AsSpan()));
                utterances.Add(new Utterance(entries[i].Path, entries[i].Source, entries[i].Speaker, start, samples.Length));
                start += samples.Length;
                progress?.Invoke((i + 1.0) / entries.Count);
            }
        }
        File.Move(partial, dataPath, overwrite: true);
        File.WriteAllText(indexPath + ".partial", JsonSerializer.Serialize(utterances));
        File.Move(indexPath + ".partial", indexPath, overwrite: true);
    }

    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }
}
