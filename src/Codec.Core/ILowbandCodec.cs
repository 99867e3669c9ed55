namespace Codec.Core;

/// <summary>A codec whose decoder may be given the waveform's low band beside the codes.</summary>
public interface ILowbandCodec : ICodec
{
    /// <summary>Coefficients of a frame; 0: this model has no low band.</summary>
    int LowbandCoefficients { get; }

    /// <summary>The same codec with fewer books and <see cref="Bitstream.LowbandBooks"/>.</summary>
    /// <param name="books">Books that are kept, coarse first.</param>
    /// <param name="steps">Steps from 0 to the largest coefficient: more are finer and cost more.</param>
    /// <returns>Shares the weights; to be disposed before this one.</returns>
    /// <exception cref="NotSupportedException">The model has no low band.</exception>
    ICodec WithLowband(int books, int steps);

    /// <summary>The coefficients of a whole signal as shares of the largest that each may be; a share u becomes the code
    /// m + sign(u) min(m, floor(|u| m + 0.3)) of a book of m steps.</summary>
    /// <param name="samples">One signal, whole frames.</param>
    /// <param name="codes">Its codes, of the books that are kept.</param>
    /// <returns>[T][coefficients].</returns>
    /// <exception cref="NotSupportedException">The model has no low band.</exception>
    float[] LowbandShares(ReadOnlySpan<float> samples, Codes codes);
}
