using Codec.Audio;

namespace Codec.Cli.Files;

/// <summary>One input and where its result goes; "-" is a standard stream.</summary>
internal sealed record FileJob(string Input, string Output)
{
    public const string StandardStream = "-";

    /// <summary>Expands folders, keeping their tree, and gives every input its output.</summary>
    /// <param name="inputs">Files, folders, or "-".</param>
    /// <param name="output">File for one input, folder for several; null: beside the input, or standard output for standard input.</param>
    /// <param name="extension">Of outputs that the user did not name.</param>
    /// <param name="extensions">Files that are taken from folders.</param>
    /// <exception cref="ConfigException">Outputs would overwrite each other or an input.</exception>
    /// <exception cref="AudioFileException">A folder holds nothing that fits.</exception>
    public static IReadOnlyList<FileJob> Plan(IReadOnlyList<string> inputs, string? output, string extension, IReadOnlyCollection<string> extensions)
    {
        var many = inputs.Count > 1 || inputs.Any(Directory.Exists);
        if (output == StandardStream && many)
            throw new ConfigException("-o -: standard output takes one input, found several");
        if (many && output is not null && File.Exists(output))
            throw new ConfigException($"-o {output}: expected a folder for several inputs, found a file");
        var folder = many || (output is not null && (Directory.Exists(output) || Path.EndsInDirectorySeparator(output))) ? output : null;
        var jobs = new List<FileJob>();
        foreach (var input in inputs)
        {
            if (Directory.Exists(input))
                jobs.AddRange(FilesOf(input, extensions).Select(file => new FileJob(file, InFolder(folder ?? input, Path.GetRelativePath(input, file), extension))));
            else if (input == StandardStream)
                jobs.Add(new FileJob(input, folder is not null ? InFolder(folder, "stdin", extension) : output ?? StandardStream));
            else
                jobs.Add(new FileJob(input, folder is not null ? InFolder(folder, Path.GetFileName(input), extension)
                    : output ?? Path.ChangeExtension(input, extension)));
        }
        return Distinct(jobs);
    }

    /// <summary>The inputs with every folder replaced by its files.</summary>
    /// <exception cref="AudioFileException">A folder holds nothing that fits.</exception>
    public static IReadOnlyList<string> Expand(IReadOnlyList<string> inputs, IReadOnlyCollection<string> extensions)
        => [.. inputs.SelectMany(input => Directory.Exists(input) ? FilesOf(input, extensions) : [input])];

    private static List<string> FilesOf(string folder, IReadOnlyCollection<string> extensions)
    {
        try
        {
            var files = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                .Where(file => extensions.Contains(Path.GetExtension(file).ToLowerInvariant()))
                .Order(StringComparer.Ordinal).ToList();
            return files.Count > 0 ? files : throw new AudioFileException(folder, $"holds no {string.Join(", ", extensions.Take(3))} files");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AudioFileException(folder, e.Message, e);
        }
    }

    private static string InFolder(string folder, string relative, string extension)
        => Path.Combine(folder, Path.ChangeExtension(relative, extension));

    private static List<FileJob> Distinct(List<FileJob> jobs)
    {
        var taken = new Dictionary<string, string>();
        foreach (var (input, output) in jobs)
        {
            if (output == StandardStream)
                continue;
            var full = Path.GetFullPath(output);
            if (input != StandardStream && full == Path.GetFullPath(input))
                throw new ConfigException($"{input}: input and output are the same file");
            if (!taken.TryAdd(full, input))
                throw new ConfigException($"{output}: would be written from both {taken[full]} and {input}: give -o FOLDER or rename one");
        }
        return jobs;
    }
}
