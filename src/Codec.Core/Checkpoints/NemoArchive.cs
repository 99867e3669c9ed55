using System.Formats.Tar;
using System.Text;

namespace Codec.Core.Checkpoints;

/// <summary>
/// The tar archive in which NVIDIA NeMo publishes models: model_weights.ckpt, a zip of torch.save, and model_config.yaml. Nothing is unpacked:
/// the tensors are read where they lie. The text of the configuration becomes metadata.
/// </summary>
internal static class NemoArchive
{
    /// <summary>The key of the configuration in <see cref="Checkpoint.Metadata"/>, and its name beside unpacked weights.</summary>
    public const string ConfigName = "model_config.yaml";

    private const string WeightsName = "model_weights.ckpt";
    private const int MagicOffset = 257, MaxEntries = 4096, MaxConfigBytes = 1 << 20;

    /// <summary>True where the file is a tar archive, or a compressed file that is named as one of NeMo's.</summary>
    public static bool Is(string file)
    {
        Span<byte> start = stackalloc byte[MagicOffset + 5];
        using var stream = File.OpenRead(file);
        var read = stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        return (read == start.Length && start[MagicOffset..].SequenceEqual("ustar"u8)) || file.EndsWith(".nemo", StringComparison.OrdinalIgnoreCase);
    }

    /// <exception cref="CheckpointException">No tar archive, cut short, or without weights.</exception>
    public static Checkpoint Read(string path)
    {
        try
        {
            var (weights, config) = Members(path);
            if (weights is not { } range)
                throw new CheckpointException(path, $"expected {WeightsName} in the archive, found none");
            var contents = TorchFile.ReadContents(range);
            var metadata = new Dictionary<string, object?>(contents.Metadata);
            if (config is not null)
                metadata[ConfigName] = config;
            return new Checkpoint(path, contents.Tensors, metadata);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or ArgumentException)
        {
            throw new CheckpointException(path, $"is no readable tar archive: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }

    private static (FileRange? Weights, string? Config) Members(string path)
    {
        using var stream = File.OpenRead(path);
        if (stream.ReadByte() == 0x1f && stream.ReadByte() == 0x8b)
            throw new CheckpointException(path, "expected a plain tar archive, found a compressed one: unpack it first");
        stream.Position = 0;
        using var reader = new TarReader(stream);
        (FileRange? weights, string? config) = (null, null);
        for (var count = 0; reader.GetNextEntry() is { } entry; count++)
        {
            if (count == MaxEntries)
                throw new CheckpointException(path, $"expected at most {MaxEntries} files in the archive");
            var name = entry.Name.StartsWith("./", StringComparison.Ordinal) ? entry.Name[2..] : entry.Name;
            if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile) || name is not (WeightsName or ConfigName))
                continue;
            if (entry.DataOffset < 0 || entry.Length > stream.Length - entry.DataOffset)
                throw new CheckpointException(path, $"{name}: {entry.Length} bytes reach behind the end: the file is cut short");
            if (name == WeightsName)
                weights = weights is null ? new FileRange(path, entry.DataOffset, entry.Length) : throw new CheckpointException(path, $"{name} is there twice");
            else if (entry.Length > MaxConfigBytes)
                throw new CheckpointException(path, $"{name}: expected at most {MaxConfigBytes} bytes, found {entry.Length}");
            else
                config = Encoding.UTF8.GetString(new FileRange(path, entry.DataOffset, entry.Length).ReadBytes());
        }
        return (weights, config);
    }
}
