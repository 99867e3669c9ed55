namespace Codec.Core.Bitstream.Prediction;

/// <summary>
/// A Chow-Liu tree over the books of a frame with edges in time: every book hangs on the one other code (a lower book of its
/// frame, or its own last code) that tells most about it, and the counts are kept as integers, so marginals are exact.
/// (Chow and Liu 1968.)
/// </summary>
public sealed class TreeTables
{
    private readonly Book[] _books;

    private TreeTables(Book[] books) => _books = books;

    /// <summary>Counts of one book.</summary>
    /// <param name="Parent">A lower book, or the book itself for its last code.</param>
    /// <param name="Single">How often each code came.</param>
    /// <param name="Pairs">How often each code came after each parent code: key parent * size + code.</param>
    /// <param name="ParentCounts">How often each parent code came.</param>
    /// <param name="Marginal">The order-0 share of each code in units of 2^-16.</param>
    internal sealed record Book(int Parent, uint[] Single, Dictionary<int, uint> Pairs, uint[] ParentCounts, uint[] Marginal);

    internal Book this[int book] => _books[book];

    /// <summary>The book that each book hangs on; itself = its last code.</summary>
    public IReadOnlyList<int> Parents => [.. _books.Select(book => book.Parent)];

    /// <summary>Counts codes and chooses the edges with the most mutual information.</summary>
    /// <param name="files">All with the same books at the base frame rate.</param>
    public static TreeTables Train(IReadOnlyList<Codes> files)
    {
        var specs = files[0].Specs;
        var books = new Book[specs.Count];
        Parallel.For(0, books.Length, book =>
        {
            var best = Count(files, book, book);
            var information = Information(best, specs[book].Size);
            for (var lower = 0; lower < book; lower++)
            {
                var other = Count(files, book, lower);
                var found = Information(other, specs[book].Size);
                if (found > information)
                    (best, information) = (other, found);
            }
            books[book] = best;
        });
        return new TreeTables(books);
    }

    private static Book Count(IReadOnlyList<Codes> files, int book, int parent)
    {
        var size = files[0].Specs[book].Size;
        var single = new uint[size];
        var parents = new uint[files[0].Specs[parent].Size];
        var pairs = new Dictionary<int, uint>();
        foreach (var file in files)
            for (var item = 0; item < file.Batch; item++)
            {
                var codes = file[book, item];
                var above = file[parent, item];
                for (var t = 0; t < codes.Length; t++)
                {
                    single[codes[t]]++;
                    if (parent == book && t == 0)
                        continue;
                    var from = parent == book ? codes[t - 1] : above[t];
                    parents[from]++;
                    System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(pairs, from * size + codes[t], out _)++;
                }
            }
        var total = Math.Max(1UL, (ulong)single.Sum(count => count));
        return new Book(parent, single, pairs, parents, [.. single.Select(count => (uint)(count * 65536UL / total))]);
    }

    /// <summary>Mutual information in bits, less what as many pairs would show by chance (Miller and Madow).</summary>
    private static double Information(Book book, int size)
    {
        double total = Math.Max(1, book.ParentCounts.Sum(count => (long)count));
        double all = Math.Max(1, book.Single.Sum(count => (long)count));
        var bits = 0.0;
        foreach (var (key, count) in book.Pairs)
            bits += count / total * Math.Log2(count / total / (book.ParentCounts[key / size] / total * (book.Single[key % size] / all)));
        var chance = book.Pairs.Count - book.ParentCounts.Count(n => n > 0) - book.Single.Count(n => n > 0) + 1;
        return bits - chance / (2 * total * Math.Log(2));
    }
}
