using Codec.Core.Kernels;
using Codec.Core.Quantizers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Mimi;

/// <summary>
/// Split residual quantization: a semantic and an acoustic residual quantizer code the same latent side by side, each in a
/// projection of its own; their results are added. Keys: rvq_first.*, rvq_rest.* with input_proj, output_proj and rvq.
/// </summary>
public sealed class SplitQuantizer : nn.Module
{
    private readonly ProjectedQuantizer rvq_first, rvq_rest;

    public SplitQuantizer(MimiConfig config) : base(nameof(SplitQuantizer))
    {
        rvq_first = new ProjectedQuantizer(config, config.SemanticBooks);
        rvq_rest = new ProjectedQuantizer(config, config.Books - config.SemanticBooks);
        RegisterComponents();
    }

    /// <param name="latent_BTD">Frames without gaps.</param>
    /// <param name="books">How many books.</param>
    /// <returns>int64 [B, K, T].</returns>
    public Tensor Encode(Tensor latent_BTD, int books)
    {
        using var scope = NewDisposeScope();
        var first = rvq_first.Encode(latent_BTD, Math.Min(books, rvq_first.Books));
        return (books <= rvq_first.Books ? first : cat([first, rvq_rest.Encode(latent_BTD, books - rvq_first.Books)], 1)).MoveToOuterDisposeScope();
    }

    /// <param name="codes_BKT">int64 [B, K, T].</param>
    /// <returns>[B, T, D].</returns>
    public Tensor Decode(Tensor codes_BKT)
    {
        using var scope = NewDisposeScope();
        var books = codes_BKT.shape[1];
        var first = Math.Min(books, rvq_first.Books);
        var sum_BTD = rvq_first.Decode(codes_BKT.narrow(1, 0, first));
        if (books > first)
            sum_BTD.add_(rvq_rest.Decode(codes_BKT.narrow(1, first, books - first)));
        return sum_BTD.MoveToOuterDisposeScope();
    }

    private sealed class ProjectedQuantizer : nn.Module
    {
        private readonly Conv1d input_proj, output_proj;
        private readonly ResidualQuantizer rvq;
        private readonly Lazy<(FrameConv In, FrameConv Out)> _packed;

        public ProjectedQuantizer(MimiConfig config, int books) : base(nameof(ProjectedQuantizer))
        {
            input_proj = nn.Conv1d(config.Seanet.Dimension, config.CodebookDimension, 1, bias: false);
            output_proj = nn.Conv1d(config.CodebookDimension, config.Seanet.Dimension, 1, bias: false);
            rvq = ResidualQuantizer.OfVectors(Enumerable.Repeat(
                new VectorQuantizerConfig { Dimension = config.CodebookDimension, CodebookSize = config.CodebookSize }, books));
            _packed = new Lazy<(FrameConv, FrameConv)>(() => (FrameConv.Of(input_proj.weight!, null), FrameConv.Of(output_proj.weight!, null)));
            RegisterComponents();
        }

        public int Books => rvq.Books.Count;

        public Tensor Encode(Tensor latent_BTD, int books)
        {
            using var scope = NewDisposeScope();
            return rvq.Encode(_packed.Value.In.Run(latent_BTD), books).MoveToOuterDisposeScope();
        }

        public Tensor Decode(Tensor codes_BKT)
        {
            using var scope = NewDisposeScope();
            return _packed.Value.Out.Run(rvq.Decode(codes_BKT).contiguous()).MoveToOuterDisposeScope();
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing && _packed.IsValueCreated)
            {
                _packed.Value.In.Dispose();
                _packed.Value.Out.Dispose();
            }
            base.Dispose(disposing);
        }
    }
}
