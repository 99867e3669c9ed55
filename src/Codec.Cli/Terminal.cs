namespace Codec.Cli;

/// <summary>What a command sees of the process: standard streams and environment. Tests give their own.</summary>
internal sealed record Terminal
{
    public required TextWriter Out { get; init; }

    public required TextWriter Error { get; init; }

    /// <summary>Opens standard input as bytes.</summary>
    public required Func<Stream> OpenInput { get; init; }

    /// <summary>Opens standard output as bytes.</summary>
    public required Func<Stream> OpenOutput { get; init; }

    /// <summary>True where a progress bar on standard error would be seen.</summary>
    public bool Interactive { get; init; }

    public required Func<string, string?> Variable { get; init; }

    /// <summary>The terminal of this process.</summary>
    public static Terminal OfProcess() => new()
    {
        Out = Console.Out,
        Error = Console.Error,
        OpenInput = Console.OpenStandardInput,
        OpenOutput = Console.OpenStandardOutput,
        Interactive = !Console.IsErrorRedirected,
        Variable = Environment.GetEnvironmentVariable,
    };
}
