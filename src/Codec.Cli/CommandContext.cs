using Codec.Audio;
using Codec.Core.Runtime;

namespace Codec.Cli;

/// <summary>What every verb gets: the terminal, cancellation, and libtorch set up as the user asked.</summary>
internal sealed record CommandContext(Terminal Terminal, CancellationToken Cancellation)
{
    /// <summary>Environment variable with the folder of another libtorch.</summary>
    public const string LibTorchVariable = "CODEC_LIBTORCH";

    /// <summary>Folder of another libtorch; null for the bundled one.</summary>
    public string? LibTorchFolder => Terminal.Variable(LibTorchVariable) is { Length: > 0 } folder ? folder : null;

    /// <summary>Loads libtorch; verbs that run no model never pay for it.</summary>
    /// <exception cref="ConfigException">It does not load, or the user's folder does not serve.</exception>
    public void UseTorch(int? threads = null)
    {
        PrepareTorch(threads);
        TorchRuntime.EnsureLoaded();
    }

    /// <summary>The same, but it is loaded only if a model needs it.</summary>
    /// <exception cref="ConfigException">The user's folder does not serve.</exception>
    public void PrepareTorch(int? threads = null)
    {
        if (LibTorchFolder is { } folder && !LibTorchContext.IsActive)
            throw new ConfigException($"{LibTorchVariable}: {LibTorchContext.Problem(folder) ?? $"{folder}: takes effect at the start of the program only"}");
        TorchRuntime.Prepare(new TorchRuntimeOptions { Threads = threads });
    }
}
