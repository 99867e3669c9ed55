using Codec.Audio;
using Codec.Core;
using Codec.Core.Codecs.Native;
using Codec.Core.Concealment;
using Codec.Speech.Repair;

namespace Codec.Evaluation.Repair;

/// <summary>One way to deal with lost frames.</summary>
public enum LossTreatment
{
    /// <summary>Lost frames are muted; the decoder's memory is fed with the last frame received.</summary>
    Silence,

    /// <summary>The last frame received, again and again.</summary>
    RepeatLast,

    /// <summary>What the decoder does without a model: <see cref="Core.Concealment.RepeatAndFade"/>.</summary>
    RepeatAndFade,

    /// <summary>The masked model in a stream that cannot wait.</summary>
    MaskedNoLookAhead,

    /// <summary>The masked model in a stream that waits 100 ms.</summary>
    MaskedShortLookAhead,

    /// <summary>The masked model with the whole file before it.</summary>
    Masked,
}

/// <summary>Restores codes from which frames were lost in each of several ways.</summary>
/// <param name="codec">The one that made the codes.</param>
/// <param name="masked">Model for its codes; null leaves the ways out that need it.</param>
public sealed class LossStudy(NativeCodec codec, RepairModel? masked)
{
    private const double ShortLookAheadSeconds = 0.1;

    private readonly LatentRepair? _repair = masked is null ? null : new LatentRepair(codec, masked);

    /// <summary>The ways there are.</summary>
    public IReadOnlyList<LossTreatment> Treatments { get; } = [.. Enum.GetValues<LossTreatment>().Where(t => masked is not null || t <= LossTreatment.RepeatAndFade)];

    /// <summary>Decodes codes of which some frames were lost.</summary>
    /// <param name="codes">Complete, one batch item.</param>
    /// <param name="lost">By frame.</param>
    /// <param name="treatment">One of <see cref="Treatments"/>.</param>
    /// <param name="samples">Wanted length.</param>
    public float[] Decode(Codes codes, bool[] lost, LossTreatment treatment, int samples)
    {
        var (filled, gains) = Fill(codes, lost, treatment);
        using var audio_BCS = codec.Decode(filled, samples);
        var audio = audio_BCS.cpu().data<float>().ToArray();
        Apply(gains, audio);
        return audio;
    }

    private (Codes Codes, float[]? Gains) Fill(Codes codes, bool[] lost, LossTreatment treatment) => treatment switch
    {
        LossTreatment.Masked => (_repair!.Restore(codes, lost), null),
        LossTreatment.MaskedNoLookAhead => (Stream(codes, lost, 0), null),
        LossTreatment.MaskedShortLookAhead => (Stream(codes, lost, (int)Math.Round(ShortLookAheadSeconds * codec.Info.FrameRate)), null),
        LossTreatment.RepeatAndFade => FillGaps(codes, lost, new RepeatAndFade(codec.Info.FrameRate)),
        LossTreatment.RepeatLast => FillGaps(codes, lost, new RepeatLast(1)),
        _ => FillGaps(codes, lost, new RepeatLast(0)),
    };

    private Codes Stream(Codes codes, bool[] lost, int lookAhead)
    {
        var stream = new StreamingRepair(_repair!, codes.Specs, lookAhead);
        var pieces = new List<Codes?>();
        for (var t = 0; t < lost.Length; t++)
            pieces.Add(lost[t] ? stream.PushLost(1) : stream.Push(codes.Slice(t, 1)));
        pieces.Add(stream.Finish());
        return Codes.Concat([.. pieces.OfType<Codes>()]);
    }

    private static (Codes Codes, float[] Gains) FillGaps(Codes codes, bool[] lost, ILostFrameRepair repair)
    {
        var gains = new float[lost.Length];
        Array.Fill(gains, 1);
        var pieces = new List<Codes>();
        for (int start = 0, end; start < lost.Length; start = end)
        {
            for (end = start + 1; end < lost.Length && lost[end] == lost[start];)
                end++;
            if (!lost[start])
            {
                pieces.Add(codes.Slice(start, end - start));
                continue;
            }
            // Made-up frames before a gap count as received, as they do for a decoder that fills as it goes.
            var before = pieces.Count == 0 ? null : Codes.Concat(pieces);
            if (before?.Frames > repair.ContextFrames)
                before = before.Slice(before.Frames - repair.ContextFrames, repair.ContextFrames);
            var after = Math.Min(repair.ContextFrames, Enumerable.Range(end, lost.Length - end).TakeWhile(t => !lost[t]).Count());
            var filled = repair.Fill(new LostFrames(codes.Specs, codes.Batch, end - start, before, after == 0 ? null : codes.Slice(end, after)));
            pieces.Add(filled.Codes);
            filled.Gains.ToArray().CopyTo(gains, start);
        }
        return (Codes.Concat(pieces), gains);
    }

    /// <summary>Frame t sounds from its place minus the delay that <see cref="ICodec.Decode"/> takes away; gains run in straight lines.</summary>
    private void Apply(float[]? gains, float[] audio)
    {
        if (gains is null)
            return;
        var hop = codec.Info.HopLength;
        for (var i = 0; i < audio.Length; i++)
        {
            var place = i + codec.Info.DelaySamples;
            var t = Math.Min(place / hop, gains.Length - 1);
            var from = t == 0 ? 1 : gains[t - 1];
            audio[i] *= from + (gains[t] - from) * (place % hop + 1) / hop;
        }
    }

    private sealed class RepeatLast(float gain) : ILostFrameRepair
    {
        public int ContextFrames => 1;

        public int LongestGap => int.MaxValue;

        public FilledFrames Fill(LostFrames gap)
        {
            var codes = gap.NewCodes();
            if ((gap.Before ?? gap.After) is { } source)
                for (var book = 0; book < codes.Books; book++)
                    for (var item = 0; item < codes.Batch; item++)
                        codes[book, item].Fill(gap.Before is null ? source[book, item][0] : source[book, item][^1]);
            return new FilledFrames(codes, [.. Enumerable.Repeat(gain, gap.Frames)]);
        }
    }
}
