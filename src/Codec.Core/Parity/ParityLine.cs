namespace Codec.Core.Parity;

/// <summary>One comparison of a case.</summary>
/// <param name="Name">Recorded tensor, or what was compared ("main.decoded streamed").</param>
/// <param name="MaxError">Largest absolute difference; for codes the number of codes that differ.</param>
/// <param name="Tolerance">Largest difference that passes; 0 for codes.</param>
/// <param name="Codes">How many codes were compared; 0 where real numbers were.</param>
/// <param name="Problem">What is wrong beyond the numbers, e.g. another shape; empty for nothing.</param>
public sealed record ParityLine(string Name, double MaxError, double Tolerance, long Codes = 0, string Problem = "")
{
    public bool Passed => Problem.Length == 0 && MaxError <= Tolerance; // NaN fails
}
