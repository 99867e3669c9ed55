using Codec.Core.Quantizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Quantizers;

public sealed class QuantizerPropertyTests
{
    [Theory]
    [InlineData(false, 8, 5, 5, 5)]
    [InlineData(false, 8, 7, 6, 6)]
    [InlineData(true, 8, 7, 6, 6)]
    [InlineData(true, 2, 3, 4)]
    [InlineData(false, 3)]
    public void Finite_scalar_index_to_code_to_index_is_the_identity_for_every_code(bool symmetric, params int[] levels)
    {
        using var fsq = new FiniteScalarQuantizer(new FiniteScalarConfig { Levels = levels, PreserveSymmetry = symmetric });
        using var scope = NewDisposeScope();
        var all = arange(fsq.Books[0].Size).view(1, 1, -1);
        var values = fsq.CodesOf(all);
        Tensors.Equal(all, fsq.IndicesOf(values));
        Assert.True(values.abs().max().item<float>() <= 1);
        Assert.Equal(all.numel(), fsq.Decode(all).squeeze(0).unique(dim: 0).output.shape[0]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_finite_scalar_code_can_be_reached_from_a_latent(bool symmetric)
    {
        int[] levels = [8, 7, 6];
        using var fsq = new FiniteScalarQuantizer(new FiniteScalarConfig { Levels = levels, PreserveSymmetry = symmetric });
        using var scope = NewDisposeScope();
        var grid = linspace(-4, 4, 161);
        var latent = cartesian_prod([grid, grid, grid]).view(1, -1, 3);
        Assert.Equal(8 * 7 * 6, fsq.Encode(latent).unique().output.numel());
    }

    [Fact]
    public void SimVq_with_its_map_frozen_to_identity_equals_vq()
    {
        manual_seed(6);
        using var sim = new SimVectorQuantizer(new SimVectorConfig { Dimension = 6, CodebookSize = 50, RotationTrick = false });
        using var vq = new VectorQuantizer(new VectorQuantizerConfig { Dimension = 6, CodebookSize = 50 });
        using var scope = NewDisposeScope();
        using (no_grad())
        {
            sim.get_parameter("code_transform.weight")!.copy_(eye(6));
            vq.Entries.copy_(sim.Codebook());
        }
        var a = randn(2, 40, 6).requires_grad_();
        var b = a.detach().clone().requires_grad_();
        var (fromSim, fromVq) = (sim.Quantize(a), vq.Quantize(b));
        Tensors.Equal(fromVq.Codes, fromSim.Codes);
        Tensors.Close(fromVq.Quantized, fromSim.Quantized, 0);
        Tensors.Close(fromVq.Loss, fromSim.Loss, 1e-7);
        (fromSim.Quantized.square().sum() + fromSim.Loss).backward();
        (fromVq.Quantized.square().sum() + fromVq.Loss).backward();
        Tensors.Close(b.grad!, a.grad!, 1e-7);
    }

    [Fact]
    public void Rotation_maps_onto_the_code_and_turns_the_gradient()
    {
        using var scope = NewDisposeScope();
        manual_seed(7);
        var x = randn(20, 5).requires_grad_();
        var q = randn(20, 5);
        var rotated = StraightThrough.Rotate(x, q);
        Tensors.Close(q, rotated, 1e-5);
        rotated.backward([q]); // along the code comes back along the latent, scaled by |q| / |x|
        var expected = x.detach() * (q.square().sum(-1, keepdim: true) / x.detach().square().sum(-1, keepdim: true));
        Tensors.Close(expected, x.grad!, 1e-4);
    }

    [Fact]
    public void Every_prefix_of_a_residual_chain_decodes_and_none_is_worse()
    {
        using var rvq = Residual(stages: 5, dimension: 8);
        rvq.eval();
        using var scope = NewDisposeScope();
        var latent = randn(2, 60, 8);
        var codes = rvq.Encode(latent);
        var errors = Enumerable.Range(1, 5).Select(k =>
        {
            Tensors.Equal(codes.narrow(1, 0, k), rvq.Encode(latent, k));
            return (rvq.Decode(codes.narrow(1, 0, k)) - latent).square().mean().item<float>();
        }).ToArray();
        Assert.Equal(errors.OrderDescending(), errors);
        Tensors.Close(rvq.Decode(codes), rvq.Quantize(latent).Quantized, 1e-5);
    }

    [Fact]
    public void Dropped_books_leave_the_prefix_and_carry_neither_loss_nor_gradient()
    {
        using var rvq = Residual(stages: 4, dimension: 8);
        using var scope = NewDisposeScope();
        var latent = randn(3, 10, 8);
        int[] books = [1, 3, 4];
        var result = rvq.QuantizeItems(latent, books);
        for (var i = 0; i < 3; i++)
            Tensors.Close(rvq.Decode(result.Codes.narrow(0, i, 1).narrow(1, 0, books[i])), result.Quantized.narrow(0, i, 1), 1e-5);
        result.Loss[0].backward();
        foreach (var (key, parameter) in rvq.named_parameters())
        {
            var gradient = parameter.grad is { } g ? g.abs().sum().item<float>() : 0;
            Assert.True(key.StartsWith("quantizers.0.", StringComparison.Ordinal) ? gradient > 0 : gradient == 0, $"{key}: {gradient}");
        }
    }

    [Fact]
    public void Groups_quantize_their_own_channels_and_frames_stay_aligned()
    {
        var groups = Enumerable.Range(0, 3).Select(_ => Residual(stages: 2, dimension: 4)).ToArray();
        using var grouped = new GroupedQuantizer(groups);
        grouped.eval();
        using var scope = NewDisposeScope();
        var latent = randn(2, 9, 12);
        var codes = grouped.Encode(latent);
        for (var g = 0; g < 3; g++)
        {
            var alone = groups[g].Encode(latent.narrow(2, 4 * g, 4));
            for (var s = 0; s < 2; s++)
                Tensors.Equal(alone.select(1, s), codes.select(1, 3 * s + g));
        }
        var shifted = grouped.Encode(latent.roll(1, 1));
        Tensors.Equal(codes.roll(1, 2), shifted);
        for (var k = 1; k <= 6; k++)
            Assert.Equal([2, 9, 12], grouped.Decode(grouped.Encode(latent, k)).shape);
        Tensors.Close(grouped.Decode(codes.narrow(1, 0, 4)).narrow(2, 4, 8), cat([groups[1].Decode(groups[1].Encode(latent.narrow(2, 4, 4), 1)), groups[2].Decode(groups[2].Encode(latent.narrow(2, 8, 4), 1))], 2), 1e-6);
    }

    [Fact]
    public void Batched_codes_equal_single_ones()
    {
        using var rvq = Residual(stages: 4, dimension: 16);
        rvq.eval();
        using var scope = NewDisposeScope();
        var latent = randn(5, 33, 16);
        var codes = rvq.Encode(latent);
        for (var i = 0; i < 5; i++)
            Tensors.Equal(codes.narrow(0, i, 1), rvq.Encode(latent.narrow(0, i, 1)));
    }

    [Fact]
    public void A_cached_codebook_notices_new_weights()
    {
        using var vq = new VectorQuantizer(new VectorQuantizerConfig { Dimension = 4, CodebookSize = 64 });
        vq.eval();
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var latent = randn(1, 50, 4);
        _ = vq.Encode(latent);
        vq.Entries.copy_(randn(64, 4));
        var distances = (latent.squeeze(0).unsqueeze(1) - vq.Entries).square().sum(-1);
        Tensors.Equal(distances.argmin(1), vq.Encode(latent).flatten());
    }

    [Fact]
    public void Quantizer_dropout_drops_the_asked_share()
    {
        var books = QuantizerDropout.Sample(10, 8, 0.5, new Random(1));
        Assert.All(books, n => Assert.InRange(n, 1, 8));
        Assert.All(books[5..], n => Assert.Equal(8, n));
        Assert.Contains(books[..5], n => n < 8);
    }

    private static ResidualQuantizer Residual(int stages, int dimension)
    {
        manual_seed(8);
        var rvq = ResidualQuantizer.OfVectors(Enumerable.Repeat(new VectorQuantizerConfig { Dimension = dimension, CodebookSize = 128 }, stages));
        using var none = no_grad();
        for (var k = 0; k < stages; k++) // ever finer entries, and zero among them: no stage can do harm
        {
            var entries = rvq.get_parameter($"quantizers.{k}.codebook.weight")!;
            entries.mul_(Math.Pow(0.5, k));
            entries[0] = 0f;
        }
        return rvq;
    }
}
