using Codec.Core.Bitstream.Prediction;

namespace Codec.Training.Entropy;

/// <summary>Builds the taps of <see cref="NeuralContext"/> for whole blocks, and carries gradients back. All arrays are [block, frame, width].</summary>
/// <param name="book">Number of the book.</param>
/// <param name="width">Length of an embedding.</param>
/// <param name="frames">Frames of a block.</param>
/// <param name="blocks">Blocks; none sees another.</param>
internal sealed class ContextTaps(int book, int width, int frames, int blocks)
{
    private readonly int _row = NeuralContext.Taps(book) * width;

    /// <param name="lower">Sums of the lower books' embeddings.</param>
    /// <param name="next">Embeddings of the next lower book; not for book 0.</param>
    /// <param name="own">Embeddings of the book.</param>
    /// <param name="taps">Zeros, receives [block, frame, taps * width].</param>
    public void Gather(ReadOnlySpan<float> lower, ReadOnlySpan<float> next, ReadOnlySpan<float> own, Span<float> taps)
    {
        var mean = new float[width];
        for (var block = 0; block < blocks; block++)
            for (var t = 0; t < frames; t++)
            {
                var at = block * frames + t;
                var row = taps.Slice(at * _row, _row);
                if (book > 0)
                {
                    for (var tap = 0; tap < NeuralContext.LowerTaps; tap++)
                        if (t + tap - NeuralContext.LowerPast is var from and >= 0 && from < frames)
                            Vector(lower, block * frames + from).CopyTo(row[(tap * width)..]);
                    Vector(next, at).CopyTo(row[((NeuralContext.LowerTaps + 1) * width)..]);
                }
                for (var back = 1; back <= Math.Min(t, NeuralContext.OwnPast(book)); back++)
                    Vector(own, at - back).CopyTo(row[OwnTap(back)..]);
                if (t == 0)
                    Array.Clear(mean);
                else
                    FloatRows.AddScaled(mean, Vector(own, at - 1), 1);
                FloatRows.AddScaled(row[^width..], mean, 1f / Math.Max(t, 1));
            }
        if (book > 0)
            GatherLowerMean(lower, taps);
    }

    /// <param name="taps">Gradient of the taps.</param>
    /// <param name="lower">Receives the gradient of the sums; so do the others.</param>
    /// <param name="next">As in <see cref="Gather"/>.</param>
    /// <param name="own">As in <see cref="Gather"/>.</param>
    public void Scatter(ReadOnlySpan<float> taps, Span<float> lower, Span<float> next, Span<float> own)
    {
        var mean = new float[width];
        for (var block = 0; block < blocks; block++)
            for (var t = frames - 1; t >= 0; t--)
            {
                var at = block * frames + t;
                var row = taps.Slice(at * _row, _row);
                if (book > 0)
                {
                    for (var tap = 0; tap < NeuralContext.LowerTaps; tap++)
                        if (t + tap - NeuralContext.LowerPast is var from and >= 0 && from < frames)
                            FloatRows.AddScaled(Vector(lower, block * frames + from), row.Slice(tap * width, width), 1);
                    FloatRows.AddScaled(Vector(next, at), row.Slice((NeuralContext.LowerTaps + 1) * width, width), 1);
                }
                for (var back = 1; back <= Math.Min(t, NeuralContext.OwnPast(book)); back++)
                    FloatRows.AddScaled(Vector(own, at - back), row.Slice(OwnTap(back), width), 1);
                // What the means of all later frames ask of this code.
                if (t == frames - 1)
                    Array.Clear(mean);
                FloatRows.AddScaled(Vector(own, at), mean, 1);
                FloatRows.AddScaled(mean, row[^width..], 1f / Math.Max(t, 1));
            }
        if (book > 0)
            ScatterLowerMean(taps, lower);
    }

    private void GatherLowerMean(ReadOnlySpan<float> lower, Span<float> taps)
    {
        for (var block = 0; block < blocks; block++)
        {
            var mean = new float[width];
            for (var t = 0; t < frames; t++)
                FloatRows.AddScaled(mean, Vector(lower, block * frames + t), 1f / frames);
            for (var t = 0; t < frames; t++)
                mean.CopyTo(taps[((block * frames + t) * _row + NeuralContext.LowerTaps * width)..]);
        }
    }

    private void ScatterLowerMean(ReadOnlySpan<float> taps, Span<float> lower)
    {
        for (var block = 0; block < blocks; block++)
        {
            var mean = new float[width];
            for (var t = 0; t < frames; t++)
                FloatRows.AddScaled(mean, taps.Slice((block * frames + t) * _row + NeuralContext.LowerTaps * width, width), 1f / frames);
            for (var t = 0; t < frames; t++)
                FloatRows.AddScaled(Vector(lower, block * frames + t), mean, 1);
        }
    }

    /// <summary>Place of an own code in a row: oldest first.</summary>
    private int OwnTap(int back) => (NeuralContext.OwnFirst(book) + NeuralContext.OwnPast(book) - back) * width;

    private ReadOnlySpan<float> Vector(ReadOnlySpan<float> vectors, int at) => vectors.Slice(at * width, width);

    private Span<float> Vector(Span<float> vectors, int at) => vectors.Slice(at * width, width);
}
