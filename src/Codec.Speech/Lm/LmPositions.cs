using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>Where the positions of an offline call stand and what they see, where this is not 0, 1, 2, ... and everything before.</summary>
/// <param name="Query_BS">int64 [B or 1, S].</param>
/// <param name="Key_BS">Of the keys; null = as the queries.</param>
/// <param name="Mask_B1SS">[B or 1, 1, S, S], 0 or -infinity; null = causal.</param>
/// <param name="Book_BS">int64 [B or 1, S]: the book that each position predicts first, for models that are told it; else null.</param>
public sealed record LmPositions(Tensor? Query_BS = null, Tensor? Key_BS = null, Tensor? Mask_B1SS = null, Tensor? Book_BS = null);
