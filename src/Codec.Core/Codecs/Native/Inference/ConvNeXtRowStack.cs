using Codec.Core.Kernels;

namespace Codec.Core.Codecs.Native.Inference;

/// <summary>A <see cref="Layers.ConvNeXtStack"/> on padded float32 rows.</summary>
internal sealed unsafe class ConvNeXtRowStack : IDisposable
{
    private readonly ConvNeXtRows[] _blocks;

    /// <param name="weights">Of the model.</param>
    /// <param name="prefix">Of the stack's keys.</param>
    /// <param name="width">C.</param>
    /// <param name="blocks">How many.</param>
    /// <param name="kernel">Frames seen by a depthwise convolution.</param>
    public ConvNeXtRowStack(NativeWeights weights, string prefix, int width, int blocks, int kernel)
    {
        _blocks = [.. Enumerable.Range(0, blocks).Select(i => new ConvNeXtRows(weights, $"{prefix}blocks.{i}.", width, kernel))];
        Context = blocks * (kernel - 1);
        Inner = _blocks.Select(block => block.Inner).DefaultIfEmpty(0).Max();
    }

    /// <summary>Rows before a row that its result depends on.</summary>
    public int Context { get; }

    /// <summary>Floats that a row of inner layers takes.</summary>
    public int Inner { get; }

    /// <summary>Floats that each block remembers.</summary>
    public IEnumerable<int> Histories => _blocks.Select(block => block.History);

    /// <summary>Runs over rows in place.</summary>
    /// <param name="x">[rows][padded width].</param>
    /// <param name="rows">How many.</param>
    /// <param name="turn">Gives the histories of the blocks.</param>
    /// <param name="first">Number of the first block's history.</param>
    /// <param name="normed">Room for as much as <paramref name="x"/>.</param>
    /// <param name="inner">Room for [rows][<see cref="Inner"/>].</param>
    public void Run(float* x, int rows, RowTurn turn, int first, float* normed, float* inner)
    {
        for (var i = 0; i < _blocks.Length; i++)
            _blocks[i].Run(x, rows, turn, first + i, normed, inner);
    }

    public void Dispose()
    {
        foreach (var block in _blocks)
            block.Dispose();
    }
}
