using Codec.Core;
using Codec.Core.Bitstream;

namespace Codec.Training.Entropy;

/// <summary>
/// Nested codebooks: k-means over the entries of a trained book, weighted by how often each is used; smaller books by k-means over the
/// means of larger ones. (Lloyd 1982; seeds as in Arthur and Vassilvitskii, "k-means++", 2007.)
/// </summary>
public static class NestedClusters
{
    private const int Rounds = 40, Starts = 2;

    /// <summary>A round that lowers the error by less is the last.</summary>
    private const double Enough = 0.999;

    /// <summary>Each size a quarter of the one before, down to at least this.</summary>
    private const int Smallest = 64;

    /// <param name="codebooks">Entries [V, D] of each book.</param>
    /// <param name="files">Codes, whose counts are the weights.</param>
    /// <returns>Of each book, smallest first; none for books that are small already.</returns>
    public static IReadOnlyList<IReadOnlyList<NestedBook>> Of(IReadOnlyList<float[,]> codebooks, IReadOnlyList<Codes> files)
        => [.. codebooks.Select((entries, book) => Of(book, entries, Weights(files, book, entries.GetLength(0))))];

    private static IReadOnlyList<NestedBook> Of(int book, float[,] entries, byte[] weights)
    {
        var levels = new List<NestedBook>();
        var (points, masses) = (Rows(entries), weights.Select(weight => (double)weight).ToArray());
        int[] map = [.. Enumerable.Range(0, points.Length)];
        for (var size = points.Length / 4; size >= Smallest; size /= 4)
        {
            var clusters = Best(points, masses, size, new Random(book));
            map = Array.ConvertAll(map, code => clusters[code]);
            levels.Insert(0, new NestedBook(book, size, map, weights));
            points = Means(points, masses, clusters, size, out masses);
        }
        return levels;
    }

    /// <summary>How often codes came, as bytes from 1 to 255.</summary>
    private static byte[] Weights(IReadOnlyList<Codes> files, int book, int size)
    {
        var counts = new long[size];
        foreach (var file in files)
            for (var item = 0; item < file.Batch; item++)
                foreach (var code in file[book, item])
                    counts[code]++;
        var most = Math.Max(1, counts.Max());
        return [.. counts.Select(count => (byte)Math.Max(1, count * 255 / most))];
    }

    private static double[][] Rows(float[,] entries)
        => [.. Enumerable.Range(0, entries.GetLength(0)).Select(row => Enumerable.Range(0, entries.GetLength(1)).Select(d => (double)entries[row, d]).ToArray())];

    private static int[] Best(double[][] points, double[] masses, int size, Random random)
        => Enumerable.Range(0, Starts).Select(_ => Lloyd(points, masses, Seeds(points, masses, size, random))).MinBy(found => found.Error).Clusters;

    /// <summary>Points drawn by their squared distance from those drawn before.</summary>
    private static double[][] Seeds(double[][] points, double[] masses, int size, Random random)
    {
        var seeds = new List<double[]>();
        var distances = points.Select(_ => 1.0).ToArray();
        while (seeds.Count < size)
        {
            var left = random.NextDouble() * distances.Zip(masses, (d, m) => d * m).Sum();
            var chosen = 0;
            while (chosen + 1 < points.Length && ((left -= distances[chosen] * masses[chosen]) > 0 || distances[chosen] <= 0))
                chosen++;
            seeds.Add(points[chosen]);
            for (var i = 0; i < points.Length; i++)
            {
                var distance = Distance(points[i], points[chosen], seeds.Count == 1 ? double.MaxValue : distances[i]);
                distances[i] = seeds.Count == 1 ? distance : Math.Min(distances[i], distance);
            }
        }
        return [.. seeds];
    }

    private static (int[] Clusters, double Error) Lloyd(double[][] points, double[] masses, double[][] means)
    {
        var clusters = new int[points.Length];
        var (error, before) = (0.0, double.PositiveInfinity);
        for (var round = 0; round < Rounds; round++, before = error)
        {
            error = 0;
            var distances = new double[points.Length];
            for (var i = 0; i < points.Length; i++)
                error += masses[i] * (distances[i] = Nearest(points[i], means, out clusters[i]));
            if (error >= before * Enough)
                break;
            FillEmpty(clusters, distances, means.Length);
            means = Means(points, masses, clusters, means.Length, out _);
        }
        return (clusters, error);
    }

    /// <summary>A cluster that lost all its points takes the one that lies worst.</summary>
    private static void FillEmpty(int[] clusters, double[] distances, int size)
    {
        var counts = new int[size];
        foreach (var cluster in clusters)
            counts[cluster]++;
        for (var cluster = 0; cluster < size; cluster++)
        {
            if (counts[cluster] > 0)
                continue;
            var worst = Enumerable.Range(0, clusters.Length).Where(i => counts[clusters[i]] > 1).MaxBy(i => distances[i]);
            counts[clusters[worst]]--;
            (clusters[worst], distances[worst], counts[cluster]) = (cluster, 0, 1);
        }
    }

    private static double Nearest(double[] point, double[][] means, out int nearest)
    {
        var least = double.MaxValue;
        nearest = 0;
        for (var m = 0; m < means.Length; m++)
            if (Distance(point, means[m], least) is var distance && distance < least)
                (least, nearest) = (distance, m);
        return least;
    }

    /// <summary>Squared; anything above <paramref name="most"/> where it is more than that.</summary>
    private static double Distance(double[] a, double[] b, double most)
    {
        var sum = 0.0;
        for (var d = 0; d < a.Length && sum <= most; d++)
            sum += (a[d] - b[d]) * (a[d] - b[d]);
        return sum;
    }

    private static double[][] Means(double[][] points, double[] masses, int[] clusters, int size, out double[] totals)
    {
        totals = new double[size];
        var means = Enumerable.Range(0, size).Select(_ => new double[points[0].Length]).ToArray();
        for (var i = 0; i < points.Length; i++)
        {
            totals[clusters[i]] += masses[i];
            for (var d = 0; d < points[i].Length; d++)
                means[clusters[i]][d] += masses[i] * points[i][d];
        }
        for (var cluster = 0; cluster < size; cluster++)
            for (var d = 0; d < means[cluster].Length; d++)
                means[cluster][d] /= totals[cluster];
        return means;
    }
}
