using Codec.Core.Quantizers;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.HifiCodec;

/// <summary>The three parts of HiFi-Codec; the codebooks are renamed when loaded.</summary>
public sealed class HifiCodecModel : nn.Module
{
    private const int Stages = 2;

    public readonly HifiCodecEncoder encoder;
    public readonly GroupedQuantizer quantizer;
    public readonly HifiCodecGenerator generator;

    public HifiCodecModel(HifiCodecConfig config) : base(nameof(HifiCodecModel))
    {
        encoder = new HifiCodecEncoder(config.Validate());
        var stage = new VectorQuantizerConfig { Dimension = config.Latent / config.Groups, CodebookSize = config.CodebookSize };
        quantizer = new GroupedQuantizer(Enumerable.Range(0, config.Groups).Select(_ => ResidualQuantizer.OfVectors(Enumerable.Repeat(stage, Stages))));
        generator = new HifiCodecGenerator(config);
        RegisterComponents();
    }

    /// <summary>A key of the published checkpoint in our words.</summary>
    internal static string Rename(string key)
    {
        const string first = "quantizer.quantizer_modules.", second = "quantizer.quantizer_modules2.", tail = ".embedding.weight";
        if (!key.EndsWith(tail, StringComparison.Ordinal))
            return key;
        foreach (var (prefix, index) in new[] { (first, 0), (second, 1) })
            if (key.StartsWith(prefix, StringComparison.Ordinal))
                return $"quantizer.groups.{key[prefix.Length..^tail.Length]}.quantizers.{index}.codebook.weight";
        return key;
    }
}
