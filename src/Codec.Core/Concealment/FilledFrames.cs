namespace Codec.Core.Concealment;

/// <summary>Codes in place of lost ones, and how loud they are to be played.</summary>
/// <param name="Codes">As many frames as were lost.</param>
/// <param name="Gains">Per base frame the amplitude factor that is reached at the frame's end, from the one before in a straight line; the
/// frames around a gap have 1, so the last one should be 1 where sound follows.</param>
public sealed record FilledFrames(Codes Codes, IReadOnlyList<float> Gains);
