namespace Codec.Tests.Support;

/// <summary>The folder with reference cases and real speech beside the repository; tests that need it skip where it is absent.</summary>
public static class SharedFolder
{
    /// <summary>CODEC_REFERENCES, else ../shared from the repository's root.</summary>
    public static string Root { get; } =
        Environment.GetEnvironmentVariable("CODEC_REFERENCES") is { Length: > 0 } set
            ? Path.GetFullPath(set)
            : Path.Combine(Path.GetDirectoryName(RepositoryRoot)!, "shared");

    public static string RepositoryRoot
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Codec.sln")))
                folder = folder.Parent;
            return folder?.FullName ?? throw new InvalidOperationException("Codec.sln not found above the test folder");
        }
    }

    /// <summary>The path below the shared folder; skips the test where it does not exist.</summary>
    public static string Require(params string[] parts)
    {
        var path = Path.Combine([Root, .. parts]);
        Assert.SkipUnless(File.Exists(path) || Directory.Exists(path), $"{path} is absent");
        return path;
    }
}
