namespace Codec.Core.Parity;

/// <summary>
/// Replays the cases of one family. To add a family: write a runner beside its codec (Codecs/Name/NameParity.cs) that builds
/// the model from the case's config.json and nothing else, and add it to <see cref="ParityTool.Runners"/>. The tool, the
/// `codec parity` verb and the Reference tests then cover all its cases, those that will be added later included.
/// </summary>
public interface IParityRunner
{
    /// <summary>Whether the case is this runner's, by its config and tensor names (its folder name is only a hint).</summary>
    bool Handles(ParityCase parityCase);

    /// <summary>
    /// Builds, loads (<see cref="ParityCase.CheckpointFiles"/>: every file that the case holds), runs every input, and hands all that is
    /// recorded to the report: codes by <see cref="ParityReport.Codes(string, TorchSharp.torch.Tensor)"/>, the rest by
    /// <see cref="ParityReport.Values(string, TorchSharp.torch.Tensor, double)"/>; then what the recordings cannot show: streamed = offline,
    /// batched = single.
    /// </summary>
    void Run(ParityCase parityCase, ParityReport report);
}
