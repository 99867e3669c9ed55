using Codec.Core.Quantizers;

namespace Codec.Core.Codecs.Native.Inference;

/// <summary>Keys and shapes of the weights that a config asks for, without building its module.</summary>
internal static class NativeShapes
{
    /// <summary>Whether <see cref="QuantizerRows"/> knows the quantizer; others run on libtorch.</summary>
    public static bool Covers(NativeConfig config) => config.Quantizer.Kind == QuantizerKind.Rvq;

    /// <summary>All stored tensors of a config that <see cref="Covers"/> holds for.</summary>
    public static Dictionary<string, IReadOnlyList<long>> Of(NativeConfig config)
    {
        var shapes = new Dictionary<string, IReadOnlyList<long>>();
        Linear("encoder.embed", config.SpectraPerFrame * config.Bins, config.EncoderWidth);
        Norm("encoder.embed_norm", config.EncoderWidth);
        Stack("encoder.stack", config.EncoderWidth, config.EncoderBlocks);
        Norm("encoder.norm", config.EncoderWidth);
        Linear("encoder.project", config.EncoderWidth, config.LatentDim);
        for (var book = 0; book < config.Quantizer.Books; book++)
            shapes[$"quantizer.layers.{book}.codebook"] = [config.Quantizer.Size, config.LatentDim];
        Linear("decoder.embed", config.LatentDim, config.DecoderWidth);
        Stack("decoder.stack", config.DecoderWidth, config.DecoderBlocks);
        Linear("decoder.upsample", config.DecoderWidth, config.SpectraPerFrame * config.HeadWidth);
        Stack("decoder.head_stack", config.HeadWidth, config.HeadBlocks);
        Norm("decoder.norm", config.HeadWidth);
        Linear("decoder.head", config.HeadWidth, 2 * config.Bins);
        if (config.Excitation is { } excitation)
            Linear("decoder.pitch", config.HeadWidth, excitation.Classes + 1);
        if (config.Lowband is { } lowband)
        {
            shapes["decoder.lowband.embed.weight"] = [config.HeadWidth, lowband.Bins];
            Linear("decoder.lowband.trust", config.HeadWidth, 2 * lowband.Bins);
            Linear("decoder.lowband.level", config.LatentDim, lowband.Coefficients);
        }
        return shapes;

        void Linear(string name, int inputs, int outputs)
            => (shapes[name + ".weight"], shapes[name + ".bias"]) = ([outputs, inputs], [outputs]);

        void Norm(string name, int width)
            => (shapes[name + ".weight"], shapes[name + ".bias"]) = ([width], [width]);

        void Stack(string name, int width, int blocks)
        {
            for (var i = 0; i < blocks; i++)
            {
                var block = $"{name}.blocks.{i}.";
                (shapes[block + "dwconv.weight"], shapes[block + "dwconv.bias"]) = ([width, 1, 1, config.Kernel], [width]);
                shapes[block + "gamma"] = [width];
                Norm(block + "norm", width);
                Linear(block + "pwconv1", width, width * config.Expansion);
                Linear(block + "pwconv2", width * config.Expansion, width);
            }
        }
    }
}
