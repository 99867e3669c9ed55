namespace Codec.Core;

/// <summary>An independently coded stretch of a signal.</summary>
/// <param name="Frames">Base frames.</param>
/// <param name="Scales">By what each item of the batch was divided before coding.</param>
public sealed record CodeSegment(int Frames, IReadOnlyList<float> Scales);
