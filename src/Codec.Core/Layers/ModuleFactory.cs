using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Layers;

/// <summary>Builds modules without leftovers: TorchSharp's initialisers leave temporaries behind that only the collector would free.</summary>
public static class ModuleFactory
{
    /// <summary>Runs <paramref name="build"/>, keeps the module's parameters and buffers and frees everything else it made.</summary>
    /// <remarks>Not for a bare ModuleList, which does not tell of its members: put it into a module.</remarks>
    public static T Build<T>(Func<T> build) where T : nn.Module
    {
        using var scope = NewDisposeScope();
        var module = build();
        foreach (var parameter in module.parameters())
            parameter.DetachFromDisposeScope();
        foreach (var buffer in module.buffers())
            buffer.DetachFromDisposeScope();
        return module;
    }
}
