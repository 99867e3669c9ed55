namespace Codec.Training.Entropy;

/// <summary>Orders the codes of a book so that neighbours mean nearly the same: clusters of any size are then runs of the order.</summary>
internal static class CodeClusters
{
    private const int Features = 24;
    private const int Rounds = 8;

    /// <summary>Halves the codes again and again along the direction in which they differ most.</summary>
    /// <param name="vectors">What codes mean: [code, feature].</param>
    /// <param name="members">Codes of a cluster; cuts lie on multiples.</param>
    public static int[] Order(float[,] vectors, int members)
    {
        var order = Enumerable.Range(0, vectors.GetLength(0)).ToArray();
        Split(vectors, order, members);
        return order;
    }

    /// <summary>What codes mean where no codebook says it: the codes around them, each as a random vector.</summary>
    /// <param name="codes">In time order.</param>
    /// <param name="size">Entries of the book.</param>
    public static float[,] Neighbours(ReadOnlySpan<int> codes, int size)
    {
        var random = new Random(1);
        var names = new float[size, Features];
        for (var code = 0; code < size; code++)
            for (var f = 0; f < Features; f++)
                names[code, f] = random.Next(2) * 2 - 1;
        var means = new float[size, Features];
        var counts = new int[size];
        for (var t = 1; t + 1 < codes.Length; t++)
        {
            counts[codes[t]]++;
            for (var f = 0; f < Features; f++)
                means[codes[t], f] += names[codes[t - 1], f] + names[codes[t + 1], f];
        }
        for (var code = 0; code < size; code++)
            for (var f = 0; f < Features; f++)
                means[code, f] /= Math.Max(1, counts[code]);
        return means;
    }

    private static void Split(float[,] vectors, Span<int> codes, int members)
    {
        var clusters = (codes.Length + members - 1) / members;
        if (clusters < 2)
            return;
        var (mean, direction) = Principal(vectors, codes);
        var keys = new double[codes.Length];
        for (var i = 0; i < codes.Length; i++)
            for (var d = 0; d < direction.Length; d++)
                keys[i] += direction[d] * (vectors[codes[i], d] - mean[d]);
        keys.AsSpan().Sort(codes);
        var middle = (clusters + 1) / 2 * members;
        Split(vectors, codes[..middle], members);
        Split(vectors, codes[middle..], members);
    }

    /// <summary>Mean and first principal component, by power iteration.</summary>
    private static (double[] Mean, double[] Direction) Principal(float[,] vectors, ReadOnlySpan<int> codes)
    {
        var width = vectors.GetLength(1);
        var mean = new double[width];
        foreach (var code in codes)
            for (var d = 0; d < width; d++)
                mean[d] += vectors[code, d] / (double)codes.Length;
        double[] direction = [.. Enumerable.Range(0, width).Select(d => 1 + 0.1 * d)];
        for (var round = 0; round < Rounds; round++)
        {
            var next = new double[width];
            foreach (var code in codes)
            {
                var along = 0.0;
                for (var d = 0; d < width; d++)
                    along += direction[d] * (vectors[code, d] - mean[d]);
                for (var d = 0; d < width; d++)
                    next[d] += along * (vectors[code, d] - mean[d]);
            }
            var length = Math.Sqrt(next.Sum(v => v * v));
            if (length <= 1e-30)
                break;
            direction = [.. next.Select(v => v / length)];
        }
        return (mean, direction);
    }
}
