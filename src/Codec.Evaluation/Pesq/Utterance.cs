namespace Codec.Evaluation.Pesq;

/// <summary>A stretch of the reference that reaches the degraded signal with one delay.</summary>
/// <param name="SearchStart">First activity window used to find the delay.</param>
/// <param name="SearchEnd">One past the last.</param>
/// <param name="Start">First activity window that the delay applies to.</param>
/// <param name="End">One past the last.</param>
/// <param name="CrudeDelay">Samples, from the envelopes.</param>
/// <param name="Delay">Samples by which the degraded signal lags.</param>
/// <param name="Confidence">Share of the delay histogram that agrees, 0 to 1.</param>
internal sealed record Utterance(int SearchStart, int SearchEnd, int Start, int End, int CrudeDelay = 0, int Delay = 0, double Confidence = 0);
