using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Lfsc;

/// <summary>
/// Finite scalar quantization of groups of channels, as the published toolkit computes it: it shrinks the outermost levels by 1e-3 and
/// shifts by a tangent where Mentzer et al. 2023 stretch them and shift by the inverse hyperbolic one, so codes near a boundary differ
/// from <see cref="Quantizers.FiniteScalarQuantizer"/>. Keys: fsqs.N.num_levels, fsqs.N.dim_base_index.
/// </summary>
public sealed class GroupScalarQuantizer : nn.Module
{
    private const double Epsilon = 1e-3;

    private readonly ModuleList<Scalars> fsqs;
    private readonly int _scalars;
    private readonly float[] _half, _scale, _offset, _shift;
    private readonly long[] _basis, _levels;

    public GroupScalarQuantizer(int groups, IReadOnlyList<int> levels) : base(nameof(GroupScalarQuantizer))
    {
        _scalars = levels.Count;
        _levels = [.. levels.Select(l => (long)l)];
        _half = [.. levels.Select(l => (float)(l / 2))];
        _scale = [.. levels.Select(l => (float)((l - 1) / 2.0 * (1 - Epsilon)))];
        _offset = [.. levels.Select(l => l % 2 == 0 ? 0.5f : 0f)];
        _shift = [.. _offset.Zip(_scale, (o, s) => MathF.Tan(o / s))];
        _basis = new long[_scalars];
        for (var i = 0; i < _scalars; i++)
            _basis[i] = i == 0 ? 1 : _basis[i - 1] * _levels[i - 1];
        fsqs = new ModuleList<Scalars>([.. Enumerable.Range(0, groups).Select(_ => new Scalars(_levels, _basis))]);
        RegisterComponents();
    }

    /// <param name="latent_BDT">[B, groups x scalars, T].</param>
    /// <returns>int64 [B, groups, T]; the first scalar of a group counts fastest.</returns>
    public Tensor Encode(Tensor latent_BDT)
    {
        using var scope = NewDisposeScope();
        var z_BGTL = latent_BDT.unflatten(1, [-1, _scalars]).transpose(2, 3);
        Tensor Row(float[] values) => tensor(values, device: latent_BDT.device);
        var digits = (Row(_scale) * (z_BGTL + Row(_shift)).tanh() - Row(_offset)).round() + Row(_half);
        return (digits.to(ScalarType.Int64) * tensor(_basis, device: latent_BDT.device)).sum(-1).MoveToOuterDisposeScope();
    }

    /// <param name="codes_BGT">int64; groups that are left out decode to zero, a level of every scalar.</param>
    /// <returns>[B, groups x scalars, T] in [-1, 1].</returns>
    public Tensor Decode(Tensor codes_BGT)
    {
        using var scope = NewDisposeScope();
        var half = tensor(_half, device: codes_BGT.device);
        var digits_BGTL = codes_BGT.unsqueeze(-1).div(tensor(_basis, device: codes_BGT.device), RoundingMode.floor).remainder(tensor(_levels, device: codes_BGT.device));
        var values_BDT = ((digits_BGTL.to(float32) - half) / half).transpose(2, 3).flatten(1, 2);
        var missing = fsqs.Count * _scalars - values_BDT.shape[1];
        return nn.functional.pad(values_BDT, [0, 0, 0, missing]).MoveToOuterDisposeScope();
    }

    /// <summary>The numbers that the published checkpoints store for every group.</summary>
    private sealed class Scalars : nn.Module
    {
        private readonly Tensor num_levels, dim_base_index;

        public Scalars(long[] levels, long[] basis) : base(nameof(Scalars))
        {
            using var scope = NewDisposeScope();
            num_levels = tensor(levels).to(int32).view(1, -1, 1).DetachFromDisposeScope();
            dim_base_index = tensor(basis).to(int32).view(1, -1, 1).DetachFromDisposeScope();
            RegisterComponents();
        }
    }
}
