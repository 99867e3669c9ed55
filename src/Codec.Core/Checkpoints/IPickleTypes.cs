namespace Codec.Core.Checkpoints;

/// <summary>The allow-list of a <see cref="PickleReader"/>: what a pickle may name, and what that means here. Nothing else is ever built.</summary>
internal interface IPickleTypes
{
    /// <summary>True where "module.name" may be named.</summary>
    bool Allows(string name);

    /// <summary>What calling an allowed name with these arguments gives.</summary>
    object? Call(string name, object?[] arguments);

    /// <summary>What the state of a BUILD opcode does to an object; most ignore it.</summary>
    void Build(object? target, object? state);

    /// <summary>What a persistent id stands for.</summary>
    object? Persistent(object? id);
}

/// <summary>An allowed name, before it is called.</summary>
internal sealed record PickleGlobal(string Name);
