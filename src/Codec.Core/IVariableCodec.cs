namespace Codec.Core;

/// <summary>A codec whose frames may lack fine books: fewer bits where they say little.</summary>
public interface IVariableCodec : ICodec
{
    /// <summary>The same codec with <see cref="Bitstream.VariableBooks"/>.</summary>
    /// <param name="share">What one code has to gain for being sent: the part of the mean squared latent by which it lowers a frame's squared
    /// error, louder frames counting more; 0 sends all.</param>
    /// <returns>Shares the weights; to be disposed before this one.</returns>
    /// <exception cref="NotSupportedException">Its books cannot be missing.</exception>
    ICodec WithVariableBooks(double share);
}
