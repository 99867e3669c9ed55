namespace Codec.Core.Bitstream.Prediction;

/// <summary>Bytes of the nested books of a book (FORMAT.md, "Prior files").</summary>
internal static class NestedFormat
{
    /// <param name="bytes">Receives them.</param>
    /// <param name="books">Smallest first; may be none.</param>
    public static void Write(ByteWriter bytes, IReadOnlyList<NestedBook> books)
    {
        bytes.Varint((ulong)books.Count);
        if (books.Count == 0)
            return;
        bytes.Bytes(books[0].Weights);
        NestedBook? above = null;
        foreach (var book in books.Reverse())
        {
            bytes.Varint((ulong)book.Size);
            // Each cluster of the book above lies in one of this.
            var map = above is null ? book.Map.ToArray() : new int[above.Size];
            for (var code = 0; above is not null && code < book.Map.Length; code++)
                map[above.Map[code]] = book.Map[code];
            foreach (var cluster in map)
                bytes.Varint((ulong)cluster);
            above = book;
        }
    }

    /// <param name="reader">Before them.</param>
    /// <param name="book">Number of the book.</param>
    /// <param name="size">Its entries.</param>
    /// <returns>Smallest first.</returns>
    /// <exception cref="BitstreamException">They are not nested, or damaged.</exception>
    public static NestedBook[] Read(ref ByteReader reader, int book, int size)
    {
        var books = new NestedBook[(int)reader.Varint("nested books", 0, 16)];
        var weights = books.Length == 0 ? [] : reader.Bytes(size, "weights of codes").ToArray();
        int[] map = [.. Enumerable.Range(0, books.Length == 0 ? 0 : size)];
        var above = size;
        for (var level = books.Length - 1; level >= 0; level--)
        {
            var clusters = (int)reader.Varint("clusters", 1, (ulong)above - 1);
            var cut = new int[above];
            foreach (ref var cluster in cut.AsSpan())
                cluster = (int)reader.Varint("cluster", 0, (ulong)clusters - 1);
            map = Array.ConvertAll(map, code => cut[code]);
            books[level] = new NestedBook(book, clusters, map, weights);
            above = clusters;
        }
        return books;
    }
}
