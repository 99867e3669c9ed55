namespace Codec.Core.Concealment;

/// <summary>
/// Makes up codes for frames that were lost, from what was received on both sides. Used where files are damaged and where packets
/// are lost. Implementations are not asked for gaps longer than <see cref="LongestGap"/>.
/// </summary>
public interface ILostFrameRepair
{
    /// <summary>Base frames on either side of a gap that are looked at; more are not handed over.</summary>
    int ContextFrames { get; }

    /// <summary>Base frames of the longest gap that is worth filling. Longer ones are asked for twice, with one side known each:
    /// their beginning and their end; what lies between is silent.</summary>
    int LongestGap { get; }

    /// <summary>Fills a gap.</summary>
    /// <exception cref="ArgumentException">The gap has other books than this repair knows.</exception>
    FilledFrames Fill(LostFrames gap);
}
