using System.Globalization;
using System.Text.RegularExpressions;

namespace Codec.Core.Layers.Seanet;

/// <summary>Brings Hugging Face's keys of SEANet networks to the original ones.</summary>
public static partial class SeanetKeys
{
    /// <summary>A function from keys of either scheme (weight norm folded) to original keys; other keys stay.</summary>
    /// <param name="keys">All keys of the checkpoint: transposed convolutions are told from others by their place.</param>
    public static Func<string, string> Renaming(IEnumerable<string> keys)
    {
        var last = keys.Select(k => HubConv().Match(k)).Where(m => m.Success && m.Groups[1].Value == "decoder")
            .Select(m => int.Parse(m.Groups[2].Value, CultureInfo.InvariantCulture)).DefaultIfEmpty(-1).Max();
        return key => Rename(key, last);
    }

    private static string Rename(string key, int lastDecoderLayer)
    {
        if (HubInner().Match(key) is { Success: true } inner)
            return $"{inner.Groups[1].Value}.model.{inner.Groups[2].Value}.conv.{inner.Groups[3].Value}";
        if (HubLstm().Match(key) is { Success: true } lstm)
            return $"{lstm.Groups[1].Value}.model.{lstm.Groups[2].Value}";
        if (HubConv().Match(key) is not { Success: true } conv)
            return key;
        var (side, layer, rest) = (conv.Groups[1].Value, conv.Groups[2].Value, conv.Groups[3].Value);
        if (side == "encoder" || layer == "0" || layer == lastDecoderLayer.ToString(CultureInfo.InvariantCulture))
            return $"{side}.model.{layer}.conv.{rest}";
        return $"{side}.model.{layer}.convtr.{(rest.StartsWith("conv.", StringComparison.Ordinal) ? "convtr" + rest[4..] : rest)}";
    }

    /// <summary>encoder.layers.1.block.1.conv.weight, encoder.layers.1.shortcut.norm.bias.</summary>
    [GeneratedRegex(@"^(encoder|decoder)\.layers\.(\d{1,6}\.(?:block\.\d+|shortcut))\.((?:conv|norm)\.\w+)$")]
    private static partial Regex HubInner();

    [GeneratedRegex(@"^(encoder|decoder)\.layers\.(\d{1,6}\.lstm\.\w+)$")]
    private static partial Regex HubLstm();

    [GeneratedRegex(@"^(encoder|decoder)\.layers\.(\d{1,6})\.((?:conv|norm)\.\w+)$")]
    private static partial Regex HubConv();
}
