using Codec.Audio;

namespace Codec.Speech.Drafting;

/// <summary>
/// Residual quantization whose first layers change only every m-th frame (VALL-E R, arXiv 2406.07855): their residual is averaged
/// over blocks of m frames before the nearest codeword is sought, so that a language model predicts every m-th of their codes.
/// </summary>
public static class CodecMerging
{
    /// <summary>Codes and reconstruction.</summary>
    /// <param name="latents_TD">[T][D].</param>
    /// <param name="codebooks">[K][V][D].</param>
    /// <param name="mergedLayers">Layers with merged codes, from the first; 0 = plain residual quantization.</param>
    /// <param name="merge">Frames per block.</param>
    /// <returns>Codes [K][T] and reconstruction [T][D].</returns>
    public static (int[][] Codes, double[][] Reconstruction) Quantize(double[][] latents_TD, double[][][] codebooks, int mergedLayers, int merge)
    {
        Require.Positive(merge);
        Require.InRange(mergedLayers, 0, codebooks.Length);
        var residual = latents_TD.Select(row => (double[])row.Clone()).ToArray();
        var codes = new int[codebooks.Length][];
        for (var k = 0; k < codebooks.Length; k++)
        {
            var targets = k < mergedLayers ? BlockMeans(residual, merge) : residual;
            codes[k] = targets.Select(row => Nearest(codebooks[k], row)).ToArray();
            for (var t = 0; t < residual.Length; t++)
                for (var d = 0; d < residual[t].Length; d++)
                    residual[t][d] -= codebooks[k][codes[k][t]][d];
        }
        var reconstruction = latents_TD.Select((row, t) => row.Select((v, d) => v - residual[t][d]).ToArray()).ToArray();
        return (codes, reconstruction);
    }

    private static double[][] BlockMeans(double[][] rows, int merge)
    {
        var means = new double[rows.Length][];
        for (var start = 0; start < rows.Length; start += merge)
        {
            var block = rows[start..Math.Min(rows.Length, start + merge)];
            var mean = new double[block[0].Length];
            for (var d = 0; d < mean.Length; d++)
                mean[d] = block.Average(row => row[d]);
            Array.Fill(means, mean, start, block.Length);
        }
        return means;
    }

    private static int Nearest(double[][] codebook, double[] target)
    {
        var (best, least) = (0, double.PositiveInfinity);
        for (var v = 0; v < codebook.Length; v++)
        {
            double distance = 0;
            for (var d = 0; d < target.Length; d++)
                distance += (codebook[v][d] - target[d]) * (codebook[v][d] - target[d]);
            if (distance < least)
                (best, least) = (v, distance);
        }
        return best;
    }
}
