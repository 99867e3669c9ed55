using System.Text.RegularExpressions;
using Codec.Core.Checkpoints;

namespace Codec.Core.Codecs.Encodec;

/// <summary>Brings the key schemes of SEANet codecs (the original one and that of Hugging Face) to the keys of our modules.</summary>
public static partial class EncodecKeys
{
    /// <summary>The checkpoint with folded weights under our keys, without what only training uses.</summary>
    public static Checkpoint Canonical(Checkpoint checkpoint)
    {
        var lastDecoderLayer = checkpoint.Tensors.Keys.Select(k => HubConv().Match(k)).Where(m => m.Success && m.Groups[1].Value == "decoder")
            .Select(m => int.Parse(m.Groups[2].Value, System.Globalization.CultureInfo.InvariantCulture)).DefaultIfEmpty(-1).Max();
        return checkpoint.WithTensors(WeightNorm.Fold(checkpoint.Tensors.Values)
            .Select(tensor => (tensor, key: Rename(tensor.Name, lastDecoderLayer)))
            .Where(pair => pair.key is not null)
            .Select(pair => pair.tensor.Named(pair.key!)));
    }

    private static string? Rename(string key, int lastDecoderLayer)
    {
        if (Codebook().Match(key) is { Success: true } codebook)
            return codebook.Groups[2].Value is "embed" ? $"quantizer.quantizers.{codebook.Groups[1].Value}.codebook.weight" : null;
        if (HubInner().Match(key) is { Success: true } inner)
            return $"{inner.Groups[1].Value}.model.{inner.Groups[2].Value}.conv.{inner.Groups[3].Value}";
        if (HubLstm().Match(key) is { Success: true } lstm)
            return $"{lstm.Groups[1].Value}.model.{lstm.Groups[2].Value}";
        if (HubConv().Match(key) is not { Success: true } conv)
            return key;
        var (side, layer, rest) = (conv.Groups[1].Value, conv.Groups[2].Value, conv.Groups[3].Value);
        var transposed = side == "decoder" && layer != "0" && layer != $"{lastDecoderLayer}";
        var wrapper = transposed ? "convtr" : "conv";
        return $"{side}.model.{layer}.{wrapper}.{(transposed && rest.StartsWith("conv.", StringComparison.Ordinal) ? "convtr" + rest[4..] : rest)}";
    }

    [GeneratedRegex(@"^quantizer\.(?:vq\.)?layers\.(\d+)\.(?:_codebook|codebook)\.(\w+)$")]
    private static partial Regex Codebook();

    /// <summary>encoder.layers.1.block.1.conv.weight, encoder.layers.1.shortcut.norm.bias.</summary>
    [GeneratedRegex(@"^(encoder|decoder)\.layers\.(\d+\.(?:block\.\d+|shortcut))\.((?:conv|norm)\.\w+)$")]
    private static partial Regex HubInner();

    [GeneratedRegex(@"^(encoder|decoder)\.layers\.(\d+\.lstm\.\w+)$")]
    private static partial Regex HubLstm();

    [GeneratedRegex(@"^(encoder|decoder)\.layers\.(\d+)\.((?:conv|norm)\..+)$")]
    private static partial Regex HubConv();
}
