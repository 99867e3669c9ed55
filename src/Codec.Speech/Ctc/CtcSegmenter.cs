using Codec.Audio;

namespace Codec.Speech.Ctc;

/// <summary>Why an endless stream is cut.</summary>
public enum CtcReset
{
    None,
    /// <summary>A long run of blanks.</summary>
    Blanks,
    /// <summary>The decoder's best hypothesis has ended.</summary>
    End,
}

/// <summary>Thresholds in input frames of 10 ms.</summary>
public sealed record CtcSegmenterConfig
{
    /// <summary>Input frames per CTC frame.</summary>
    public int Subsampling { get; init; } = 4;

    /// <summary>Blanks that make a cut.</summary>
    public int BlankThreshold { get; init; } = 40;

    /// <summary>A top label of less probability counts as blank.</summary>
    public double SpikeThreshold { get; init; } = 0.1;

    /// <summary>No cut before this many frames since the last one.</summary>
    public int MinAccumulated { get; init; } = 4000;

    public CtcSegmenterConfig Validate()
    {
        Require.Positive(Subsampling);
        Require.Positive(BlankThreshold);
        Require.InRange(SpikeThreshold, 0, 1);
        Require.InRange(MinAccumulated, 0, int.MaxValue);
        return this;
    }
}

/// <summary>Cuts an endless stream at runs of CTC blanks (arXiv 2107.07509), block by block.</summary>
public sealed class CtcSegmenter(CtcSegmenterConfig config, int blank = 0)
{
    private readonly CtcSegmenterConfig _config = config.Validate();

    /// <summary>CTC frames of blank in a row, over block borders; as of the last block, before its reset.</summary>
    public int BlankFrames { get; private set; }

    /// <summary>Input frames since the last cut; as of the last block, before its reset.</summary>
    public int AccumulatedFrames { get; private set; }

    /// <summary>The decision on the last block.</summary>
    public CtcReset Reset { get; private set; }

    /// <summary>One more block.</summary>
    /// <param name="probs_TV">CTC probabilities after subsampling, [T][V].</param>
    /// <param name="inputFrames">Frames of the block before subsampling.</param>
    /// <param name="hypothesisEnded">Whether the decoder's best hypothesis ends with the end token.</param>
    /// <returns>Whether, and why, the stream is cut at the block's end.</returns>
    public CtcReset Add(double[][] probs_TV, int inputFrames, bool hypothesisEnded)
    {
        if (Reset != CtcReset.None)
            (BlankFrames, AccumulatedFrames) = (0, 0);
        Reset = CtcReset.None;
        AccumulatedFrames += inputFrames;
        if (AccumulatedFrames < _config.MinAccumulated)
            return Reset;
        foreach (var frame in probs_TV)
        {
            var top = LogMath.ArgMax(frame);
            BlankFrames = top == blank || frame[top] < _config.SpikeThreshold ? BlankFrames + 1 : 0;
            if (BlankFrames * _config.Subsampling >= _config.BlankThreshold)
                Reset = CtcReset.Blanks;
        }
        if (Reset == CtcReset.None && hypothesisEnded)
            Reset = CtcReset.End;
        return Reset;
    }
}
