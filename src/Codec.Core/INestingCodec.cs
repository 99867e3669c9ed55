using Codec.Core.Bitstream;

namespace Codec.Core;

/// <summary>A codec whose books can be shrunk to clusters of their entries, for rates between whole books.</summary>
public interface INestingCodec : ICodec
{
    /// <summary>The same codec up to one book, of which only the cluster is coded: codes are found as ever and mapped, decoded as the
    /// means of clusters.</summary>
    /// <param name="nested">Its last book.</param>
    /// <returns>Shares the weights; to be disposed before this one.</returns>
    /// <exception cref="NotSupportedException">The quantizer has no entries that could be averaged.</exception>
    /// <exception cref="ArgumentException">Clusters of another book.</exception>
    ICodec WithNested(NestedBook nested);
}
