using Codec.Core.Kernels;
using Codec.Core.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Dac;

/// <summary>Waveform to latent. Keys: block.N.</summary>
public sealed class DacEncoder : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<nn.Module<Tensor, Tensor>> block;

    public DacEncoder(DacConfig config) : base(nameof(DacEncoder))
    {
        block = new ModuleList<nn.Module<Tensor, Tensor>>(new PackedConv1d(1, config.EncoderDim, 7, padding: 3));
        var channels = config.EncoderDim;
        foreach (var stride in config.EncoderRates)
            block.Add(new DacEncoderBlock(channels *= 2, stride));
        block.Add(new Snake(channels));
        block.Add(new PackedConv1d(channels, config.Latent, 3, padding: 1));
        RegisterComponents();
    }

    /// <summary>The convolutions in order.</summary>
    public IEnumerable<ConvGeometry> Geometry => GeometryOf(block);

    private static IEnumerable<ConvGeometry> GeometryOf(IEnumerable<nn.Module<Tensor, Tensor>> layers) => layers.SelectMany(m => m switch
    {
        PackedConv1d conv => [conv.Geometry],
        DacEncoderBlock part => part.Geometry,
        _ => Enumerable.Empty<ConvGeometry>(),
    });

    /// <param name="audio_B1S">[B, 1, S]; S a multiple of the hop.</param>
    /// <returns>[B, D, T].</returns>
    public override Tensor forward(Tensor audio_B1S) => Run(audio_B1S, padded: true);

    /// <param name="audio_B1S">[B, 1, S].</param>
    /// <param name="padded">False: all zero padding off.</param>
    public Tensor Run(Tensor audio_B1S, bool padded)
    {
        const int first = 3; // the input and the two blocks at the highest rates
        var down = block.Take(first).OfType<DacEncoderBlock>().Aggregate(1, (product, part) => product * part.EvenStride);
        if (!padded || down <= 1 || audio_B1S.shape[2] % down != 0 || !ChannelsLast.Applies(audio_B1S))
            return Chain.Run(audio_B1S, block.Select(m => Step(m, padded)));
        using var x_BCT = TimeWindows.Run(audio_B1S, window => Chain.Run(window, block.Take(first).Select(m => Step(m, padded))), GeometryOf(block.Take(first)), TimeWindows.Samples / down * down, 1, down);
        return Chain.Run(x_BCT, block.Skip(first).Select(m => Step(m, padded)));
    }

    private static Func<Tensor, Tensor> Step(nn.Module<Tensor, Tensor> module, bool padded) => module switch
    {
        Snake snake => snake.ForwardInPlace, // its input belongs to the chain
        PackedConv1d conv when !padded => conv.Unpadded,
        DacEncoderBlock part => x => part.Run(x, padded),
        _ => module.forward,
    };
}

/// <summary>Three residual units and a strided convolution that doubles the channels. Keys: block.0 to block.4.</summary>
public sealed class DacEncoderBlock : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<nn.Module<Tensor, Tensor>> block;

    /// <param name="channels">Channels of the result.</param>
    /// <param name="stride">Of the last convolution.</param>
    public DacEncoderBlock(int channels, int stride) : base(nameof(DacEncoderBlock))
    {
        block = new ModuleList<nn.Module<Tensor, Tensor>>(
            new SnakeUnit(channels / 2, 1),
            new SnakeUnit(channels / 2, 3),
            new SnakeUnit(channels / 2, 9),
            new Snake(channels / 2),
            new PackedConv1d(channels / 2, channels, 2 * stride, stride, (stride + 1) / 2));
        RegisterComponents();
    }

    /// <summary>Downsampling factor; 0 where it is odd.</summary>
    internal int EvenStride => ((PackedConv1d)block[4]).Geometry.Stride is var stride && stride % 2 == 0 ? stride : 0;

    /// <summary>The convolutions in order.</summary>
    public IEnumerable<ConvGeometry> Geometry
        => [.. block.OfType<SnakeUnit>().SelectMany(u => u.Geometry), ((PackedConv1d)block[4]).Geometry];

    public override Tensor forward(Tensor x_BCT) => Run(x_BCT, padded: true);

    /// <param name="x_BCT">Features; overwritten in inference.</param>
    /// <param name="padded">False: all zero padding off.</param>
    public Tensor Run(Tensor x_BCT, bool padded)
    {
        var down = (PackedConv1d)block[4];
        return Chain.Run(x_BCT, [
            .. block.OfType<SnakeUnit>().Select(u => padded ? u.ForwardInPlace : (Func<Tensor, Tensor>)(x => u.Run(x, padded: false))),
            ((Snake)block[3]).ForwardInPlace,
            padded ? down.forward : down.Unpadded]);
    }
}
