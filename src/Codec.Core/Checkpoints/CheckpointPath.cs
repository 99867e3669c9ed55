namespace Codec.Core.Checkpoints;

/// <summary>Finds the checkpoint file that a path means: the file itself, the one in a folder, or the one in a hub cache.</summary>
public static class CheckpointPath
{
    private static readonly string[] PickleEndings = [".th", ".pth", ".pt", ".ckpt", ".bin"];

    /// <summary>Names tried in a folder, in this order, before any other single file with a known ending.</summary>
    private static readonly string[] UsualNames = ["model.safetensors", "weights.safetensors", "pytorch_model.bin", "weights.pth", "model.ckpt", "model_weights.ckpt"];

    /// <exception cref="CheckpointException">Nothing there, or more than one candidate.</exception>
    public static string Resolve(string path)
    {
        if (File.Exists(path))
            return path;
        if (!Directory.Exists(path))
            throw new CheckpointException(path, "no such file or folder");
        return ResolveFolder(path, path);
    }

    /// <summary>True where the file is a pickle container: by its first bytes, then by its name.</summary>
    internal static bool IsPickle(string file)
    {
        Span<byte> start = stackalloc byte[4];
        int read;
        try
        {
            using var stream = File.OpenRead(file);
            read = stream.ReadAtLeast(start, 4, throwOnEndOfStream: false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(file, $"cannot be read: {e.Message}", e);
        }
        if (read == 4 && (start.SequenceEqual("PK\x3\x4"u8) || (start[0] == 0x80 && start[1] is >= 2 and <= 5)))
            return !file.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase);
        return PickleEndings.Contains(Path.GetExtension(file).ToLowerInvariant());
    }

    /// <summary>True where the file is an archive of NeMo.</summary>
    internal static bool IsNemo(string file) => !file.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) && NemoArchive.Is(file);

    private static string ResolveFolder(string folder, string asked)
    {
        if (Snapshot(folder) is { } snapshot)
            return ResolveFolder(snapshot, asked);
        foreach (var name in UsualNames)
            if (File.Exists(Path.Combine(folder, name)))
                return Path.Combine(folder, name);
        var files = Directory.GetFiles(folder).Where(IsCheckpointName).Order(StringComparer.Ordinal).ToArray();
        if (files.Length == 1)
            return files[0];
        if (files.Length > 1)
            throw new CheckpointException(asked, $"holds several checkpoints, name one: {string.Join(", ", files.Select(Path.GetFileName))}");
        var models = Directory.GetDirectories(folder, "models--*").Order(StringComparer.Ordinal).ToArray();
        return models.Length switch
        {
            1 => ResolveFolder(models[0], asked),
            > 1 => throw new CheckpointException(asked, $"holds several models, name one: {string.Join(", ", models.Select(Path.GetFileName))}"),
            _ => throw new CheckpointException(asked, "holds no checkpoint (.safetensors, .th, .pth, .pt, .ckpt, .bin, .nemo)"),
        };
    }

    /// <summary>The revision that refs/main names in a hub cache folder, else the newest one; null where it is no cache folder.</summary>
    private static string? Snapshot(string folder)
    {
        var snapshots = Path.Combine(folder, "snapshots");
        if (!Directory.Exists(snapshots))
            return null;
        var main = Path.Combine(folder, "refs", "main");
        if (File.Exists(main) && Path.GetFileName(File.ReadAllText(main).Trim()) is { Length: > 0 } revision
            && Directory.Exists(Path.Combine(snapshots, revision)))
            return Path.Combine(snapshots, revision);
        return Directory.GetDirectories(snapshots).OrderByDescending(Directory.GetLastWriteTimeUtc).ThenBy(p => p, StringComparer.Ordinal).FirstOrDefault();
    }

    private static bool IsCheckpointName(string file)
        => Path.GetExtension(file).ToLowerInvariant() is var ending && (ending is ".safetensors" or ".nemo" || PickleEndings.Contains(ending));
}
