namespace Codec.Core.Kernels;

/// <summary>
/// Minimal filtering of one dimension (Toom 1963, Cook 1966; Winograd 1980; for layers of networks Lavin and Gray, arXiv:1509.09308): M outputs of
/// a filter of R taps from N = M + R - 1 products instead of M R, y = A [(G w) * (B x)] where * goes element by element. Polynomials are
/// evaluated at N - 1 points and at infinity. With 0, 1 and -1 it rounds as well as the direct sum does, with 2, -2 and 1/2 besides (the best
/// seven of Barabasz et al., arXiv:1803.10986) twice as coarsely; all numbers in A and B are exact.
/// </summary>
/// <param name="Outputs">M.</param>
/// <param name="Taps">R; M + R - 1 is 4 or 7.</param>
internal readonly record struct WinogradTile(int Outputs, int Taps)
{
    private static readonly double[] Small = [0, 1, -1], Large = [0, 1, -1, 2, -2, 0.5];

    /// <summary>N.</summary>
    public int Products => Outputs + Taps - 1;

    /// <summary>Row j of G [N, R].</summary>
    public double[] Filter(int j)
    {
        var points = Products == Small.Length + 1 ? Small : Large;
        var row = new double[Taps];
        if (j == points.Length) // infinity
            row[^1] = 1;
        else
            for (var k = 0; k < Taps; k++)
                row[k] = Math.Pow(points[j], k) / points.Where((_, l) => l != j).Aggregate(1.0, (product, p) => product * (points[j] - p));
        return row;
    }
}
