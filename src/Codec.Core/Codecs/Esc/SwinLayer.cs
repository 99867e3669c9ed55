using Codec.Core.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Codecs.Esc;

/// <summary>What a layer does to the rows.</summary>
public enum RowScale
{
    None,

    /// <summary>Pairs of rows become one of twice the channels, then those of the next scale.</summary>
    Down,

    /// <summary>The reverse.</summary>
    Up,
}

/// <summary>Attention blocks, then a change of scale. Keys: swint_blocks.N, subsample.</summary>
public sealed class SwinLayer : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<SwinBlock> swint_blocks;
    private readonly nn.Module<Tensor, Tensor>? subsample;

    /// <param name="config">Window, depth, width.</param>
    /// <param name="input">Channels of the blocks.</param>
    /// <param name="output">Channels behind the change of scale.</param>
    /// <param name="heads">Of the blocks.</param>
    /// <param name="scale">What happens to the rows.</param>
    public SwinLayer(EscConfig config, int input, int output, int heads, RowScale scale) : base(nameof(SwinLayer))
    {
        swint_blocks = new ModuleList<SwinBlock>([.. Enumerable.Range(0, config.Depth)
            .Select(i => new SwinBlock(input, heads, config.Window, shifted: i % 2 == 1, config.MlpRatio))]);
        subsample = scale switch
        {
            RowScale.Down => new RowMerge(input, output),
            RowScale.Up => new RowSplit(input, output),
            _ => null,
        };
        RegisterComponents();
    }

    /// <param name="x_BHWC">Features.</param>
    /// <returns>[B, H', W, output]: H' = H, (H + 1) / 2 or 2 H.</returns>
    public override Tensor forward(Tensor x_BHWC)
        => Chain.Run(x_BHWC, [.. swint_blocks.Select(block => (Func<Tensor, Tensor>)block.Run), x => subsample?.forward(x) ?? x.alias()]);

    /// <summary>Keys: norm, down.</summary>
    private sealed class RowMerge : nn.Module<Tensor, Tensor>
    {
        private readonly LayerNorm norm;
        private readonly Linear down;

        public RowMerge(int input, int output) : base(nameof(RowMerge))
        {
            norm = nn.LayerNorm(2 * input);
            down = nn.Linear(2 * input, output, hasBias: false);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x_BHWC)
        {
            using var scope = NewDisposeScope();
            var x = F.pad(x_BHWC, [0, 0, 0, 0, 0, x_BHWC.shape[1] % 2]);
            var pairs = x.view(x.shape[0], x.shape[1] / 2, 2, x.shape[2], x.shape[3]).permute(0, 1, 3, 2, 4).reshape(x.shape[0], x.shape[1] / 2, x.shape[2], 2 * x.shape[3]);
            return down.forward(norm.forward(pairs)).MoveToOuterDisposeScope();
        }
    }

    /// <summary>Keys: norm, up.</summary>
    private sealed class RowSplit : nn.Module<Tensor, Tensor>
    {
        private readonly LayerNorm norm;
        private readonly Linear up;

        public RowSplit(int input, int output) : base(nameof(RowSplit))
        {
            norm = nn.LayerNorm(input);
            up = nn.Linear(input, 2 * output, hasBias: false);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x_BHWC)
        {
            using var scope = NewDisposeScope();
            return PatchEmbedding.Shuffle(up.forward(norm.forward(x_BHWC)), 2, 1).MoveToOuterDisposeScope();
        }
    }
}
