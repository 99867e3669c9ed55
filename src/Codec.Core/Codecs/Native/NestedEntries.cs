using Codec.Core.Bitstream;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Native;

/// <summary>A nested book with the vectors that its codes stand for.</summary>
/// <param name="book">The clusters.</param>
/// <param name="entries">[V][D] of the trained book.</param>
internal sealed class NestedEntries(NestedBook book, float[] entries)
{
    private readonly int _dimension = entries.Length / book.Map.Length;
    private readonly float[] _means = book.Means(entries, entries.Length / book.Map.Length);

    public NestedBook Book => book;

    /// <summary>Books of codes whose last one is nested.</summary>
    public int Books => book.Book + 1;

    public ReadOnlySpan<float> Entry(int code) => _means.AsSpan(code * _dimension, _dimension);

    /// <summary>A codec that has these books.</summary>
    public CodecInfo Describe(CodecInfo whole) => whole with { Books = [.. whole.Books.Take(book.Book), book.Spec] };

    /// <summary>Vectors of the codes of the last book.</summary>
    /// <returns>[B, T, D] on the CPU.</returns>
    public Tensor Vectors(Codes codes)
    {
        var vectors = new float[codes.Batch * codes.Frames * _dimension];
        for (var item = 0; item < codes.Batch; item++)
            for (var t = 0; t < codes.Frames; t++)
                Entry(codes[book.Book, item][t]).CopyTo(vectors.AsSpan((item * codes.Frames + t) * _dimension));
        return tensor(vectors, [codes.Batch, codes.Frames, _dimension]);
    }
}
