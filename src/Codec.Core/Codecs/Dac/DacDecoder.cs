using Codec.Core.Kernels;
using Codec.Core.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Dac;

/// <summary>Latent to waveform. Keys: model.N.</summary>
public sealed class DacDecoder : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<nn.Module<Tensor, Tensor>> model;

    public DacDecoder(DacConfig config) : base(nameof(DacDecoder))
    {
        var channels = config.DecoderDim;
        model = new ModuleList<nn.Module<Tensor, Tensor>>(new PackedConv1d(config.Latent, channels, 7, padding: 3));
        foreach (var stride in config.DecoderRates)
        {
            model.Add(new DacDecoderBlock(channels, stride));
            channels /= 2;
        }
        model.Add(new Snake(channels));
        model.Add(new PackedConv1d(channels, 1, 7, padding: 3));
        model.Add(nn.Tanh());
        RegisterComponents();
    }

    /// <summary>The convolutions in order.</summary>
    public IEnumerable<ConvGeometry> Geometry => GeometryOf(model);

    private static IEnumerable<ConvGeometry> GeometryOf(IEnumerable<nn.Module<Tensor, Tensor>> layers) => layers.SelectMany(m => m switch
    {
        PackedConv1d conv => [conv.Geometry],
        DacDecoderBlock part => part.Geometry,
        _ => Enumerable.Empty<ConvGeometry>(),
    });

    /// <param name="latent_BDT">[B, D, T].</param>
    /// <returns>[B, 1, S] in [-1, 1]; odd strides lose a sample each at their own rate.</returns>
    public override Tensor forward(Tensor latent_BDT) => Run(latent_BDT, padded: true);

    /// <param name="latent_BDT">[B, D, T].</param>
    /// <param name="padded">False: all zero padding and trimming off.</param>
    public Tensor Run(Tensor latent_BDT, bool padded)
    {
        var whole = model.Count - 5; // behind them the two blocks at the highest rates and the output
        var up = whole < 1 ? 1 : model.Skip(whole).OfType<DacDecoderBlock>().Aggregate(1, (product, block) => product * block.EvenStride);
        if (!padded || up <= 1 || !ChannelsLast.Applies(latent_BDT))
            return Chain.Run(latent_BDT, model.Select(m => Step(m, padded)));
        using var x_BCT = Chain.Run(latent_BDT, model.Take(whole).Select(m => Step(m, padded)));
        return TimeWindows.Run(x_BCT, window => Chain.Run(window, model.Skip(whole).Select(m => Step(m, padded))), GeometryOf(model.Skip(whole)), TimeWindows.Samples / up, up, 1);
    }

    private static Func<Tensor, Tensor> Step(nn.Module<Tensor, Tensor> module, bool padded) => module switch
    {
        Snake snake => snake.ForwardInPlace,
        PackedConv1d conv when !padded => conv.Unpadded,
        DacDecoderBlock part => x => part.Run(x, padded),
        _ => module.forward,
    };
}

/// <summary>A strided transposed convolution that halves the channels, and three residual units. Keys: block.0 to block.4.</summary>
public sealed class DacDecoderBlock : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<nn.Module<Tensor, Tensor>> block;

    /// <param name="channels">Channels of the input.</param>
    /// <param name="stride">Upsampling factor.</param>
    public DacDecoderBlock(int channels, int stride) : base(nameof(DacDecoderBlock))
    {
        block = new ModuleList<nn.Module<Tensor, Tensor>>(
            new Snake(channels),
            new PackedConvTranspose1d(channels, channels / 2, 2 * stride, stride, (stride + 1) / 2),
            new SnakeUnit(channels / 2, 1),
            new SnakeUnit(channels / 2, 3),
            new SnakeUnit(channels / 2, 9));
        RegisterComponents();
    }

    /// <summary>Upsampling factor; 0 where it is odd, so that the block loses a frame.</summary>
    internal int EvenStride => ((PackedConvTranspose1d)block[1]).Geometry.Stride is var stride && stride % 2 == 0 ? stride : 0;

    /// <summary>The convolutions in order.</summary>
    public IEnumerable<ConvGeometry> Geometry
        => [((PackedConvTranspose1d)block[1]).Geometry, .. block.OfType<SnakeUnit>().SelectMany(u => u.Geometry)];

    public override Tensor forward(Tensor x_BCT) => Run(x_BCT, padded: true);

    /// <param name="x_BCT">Features; overwritten in inference.</param>
    /// <param name="padded">False: all zero padding and trimming off.</param>
    public Tensor Run(Tensor x_BCT, bool padded)
    {
        var up = (PackedConvTranspose1d)block[1];
        return Chain.Run(x_BCT, [
            ((Snake)block[0]).ForwardInPlace,
            padded ? up.forward : up.Unpadded,
            .. block.OfType<SnakeUnit>().Select(u => padded ? u.ForwardInPlace : (Func<Tensor, Tensor>)(x => u.Run(x, padded: false)))]);
    }
}
