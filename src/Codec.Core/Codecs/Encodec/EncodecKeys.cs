using System.Text.RegularExpressions;
using Codec.Core.Checkpoints;
using Codec.Core.Layers.Seanet;

namespace Codec.Core.Codecs.Encodec;

/// <summary>Brings the key schemes of EnCodec (the original one and that of Hugging Face) to the keys of our modules.</summary>
public static partial class EncodecKeys
{
    /// <summary>The checkpoint with folded weights under our keys, without what only training uses.</summary>
    public static Checkpoint Canonical(Checkpoint checkpoint)
    {
        var rename = SeanetKeys.Renaming(checkpoint.Tensors.Keys.Select(k => k.Replace(".parametrizations.weight.original1", ".weight", StringComparison.Ordinal)));
        return checkpoint.WithTensors(WeightNorm.Fold(checkpoint.Tensors.Values)
            .Select(tensor => (tensor, book: Codebook().Match(tensor.Name)))
            .Where(pair => !pair.book.Success || pair.book.Groups[2].Value == "embed")
            .Select(pair => pair.tensor.Named(pair.book.Success ? $"quantizer.quantizers.{pair.book.Groups[1].Value}.codebook.weight" : rename(pair.tensor.Name))));
    }

    [GeneratedRegex(@"^quantizer\.(?:vq\.)?layers\.(\d+)\.(?:_codebook|codebook)\.(\w+)$")]
    private static partial Regex Codebook();
}
