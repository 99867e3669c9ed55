using Codec.Core.Bitstream;

namespace Codec.Core.Concealment;

/// <summary>A gap in codes and its surroundings.</summary>
/// <param name="Books">Of the codes; frames around the gap may lack some (<see cref="VariableBooks"/>).</param>
/// <param name="Streams">Batch items of the codes.</param>
/// <param name="Frames">Base frames that are missing; a multiple of all strides unless nothing follows.</param>
/// <param name="Before">Up to <see cref="ILostFrameRepair.ContextFrames"/> frames that end where the gap starts; null where nothing is known.</param>
/// <param name="After">As many that start where the gap ends; null where nothing is known, or nothing follows.</param>
public sealed record LostFrames(IReadOnlyList<CodebookSpec> Books, int Streams, int Frames, Codes? Before, Codes? After)
{
    /// <summary>Codes of the gap, all zero, to be filled.</summary>
    public Codes NewCodes() => new(Books,
        [.. Books.Select(book => Enumerable.Range(0, Streams).Select(_ => new int[(Frames + book.Stride - 1) / book.Stride]).ToArray())], Frames);
}
