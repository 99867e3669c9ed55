namespace Codec.Core.Codecs.Encodec;

/// <summary>
/// Joins overlapping segments with triangular weights: segment k is added at k strides with w = 0.5 - |t - 0.5| over the length of the first
/// segment, and the sum is divided by the sum of the weights. The reference fails where a segment reaches beyond the end of the last; here it
/// counts.
/// </summary>
public static class OverlapAdd
{
    /// <param name="segments">[segment][channel][sample]; none longer than the first.</param>
    /// <param name="stride">Samples from one segment to the next.</param>
    /// <returns>[channel][sample].</returns>
    public static float[][] Join(IReadOnlyList<float[][]> segments, int stride)
    {
        var channels = segments[0].Length;
        var length = Length(segments.Select(s => s[0].Length).ToArray(), stride);
        var window = Window(segments[0][0].Length);
        var weights = new float[length];
        var joined = Enumerable.Range(0, channels).Select(_ => new float[length]).ToArray();
        for (var k = 0; k < segments.Count; k++)
        {
            var start = k * stride;
            for (var i = 0; i < segments[k][0].Length; i++)
            {
                weights[start + i] += window[i];
                for (var c = 0; c < channels; c++)
                    joined[c][start + i] += segments[k][c][i] * window[i];
            }
        }
        foreach (var channel in joined)
            for (var i = 0; i < length; i++)
                channel[i] = weights[i] > 0 ? channel[i] / weights[i] : 0;
        return joined;
    }

    /// <summary>Where the last of the segments ends.</summary>
    public static int Length(IReadOnlyList<int> lengths, int stride) => lengths.Select((length, k) => k * stride + length).Max();

    /// <summary>The weights of a segment: t runs over the points strictly inside [0, 1].</summary>
    public static float[] Window(int length)
    {
        var window = new float[length];
        for (var i = 0; i < length; i++)
        {
            var t = (i + 1f) / (length + 1);
            window[i] = 0.5f - Math.Abs(t - 0.5f);
        }
        return window;
    }
}
