using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Quantizers;

/// <summary>
/// Grouped (product) quantization (Yang et al. 2023, HiFi-Codec): the channels are split into equal groups, each with
/// its own quantizer. Books are ordered stage by stage, group by group within a stage, so that a prefix is coarse.
/// </summary>
public sealed class GroupedQuantizer : nn.Module, IQuantizer
{
    private readonly ModuleList<nn.Module> groups;
    private readonly IQuantizer[] _groups;

    /// <param name="groups">One per group, with equal book counts; each a module, owned from now on.</param>
    public GroupedQuantizer(IEnumerable<IQuantizer> groups) : base(nameof(GroupedQuantizer))
    {
        _groups = [.. groups];
        this.groups = new ModuleList<nn.Module>([.. _groups.Cast<nn.Module>()]);
        var stages = _groups[0].Books.Count;
        foreach (var group in _groups)
            ArgumentOutOfRangeException.ThrowIfNotEqual(group.Books.Count, stages, nameof(groups));
        Books = [.. Enumerable.Range(0, stages).SelectMany(s => _groups.Select(g => g.Books[s]))];
        RegisterComponents();
    }

    public IReadOnlyList<CodebookSpec> Books { get; }

    public Tensor Encode(Tensor latent_BTD, int? books = null)
    {
        using var scope = NewDisposeScope();
        var wanted = books ?? Books.Count;
        var parts = latent_BTD.chunk(_groups.Length, -1);
        var codes = _groups.Select((q, g) => InGroup(wanted, g) is > 0 and var n ? q.Encode(parts[g].contiguous(), n) : null).ToArray();
        return Interleave(codes, wanted).MoveToOuterDisposeScope();
    }

    /// <remarks>Groups that a prefix leaves without books decode to zero.</remarks>
    public Tensor Decode(Tensor codes_BKT)
    {
        using var scope = NewDisposeScope();
        var books = (int)codes_BKT.shape[1];
        var parts = new Tensor[_groups.Length];
        for (var g = 0; g < parts.Length; g++)
        {
            var mine = Enumerable.Range(0, InGroup(books, g)).Select(s => codes_BKT.narrow(1, s * parts.Length + g, 1)).ToList();
            parts[g] = mine.Count > 0 ? _groups[g].Decode(cat(mine, 1)) : zeros_like(parts[0]);
        }
        return cat(parts, -1).MoveToOuterDisposeScope();
    }

    public QuantizedLatent Quantize(Tensor latent_BTD, int[]? booksPerItem = null)
    {
        using var scope = NewDisposeScope();
        var parts = latent_BTD.chunk(_groups.Length, -1);
        var results = _groups
            .Select((q, g) => q.Quantize(parts[g].contiguous(), booksPerItem?.Select(n => InGroup(n, g)).ToArray())).ToArray();
        return new QuantizedLatent(
            cat(results.Select(r => r.Quantized).ToList(), -1).MoveToOuterDisposeScope(),
            Interleave([.. results.Select(r => r.Codes)], Books.Count).MoveToOuterDisposeScope(),
            stack(results.Select(r => r.Loss)).mean().MoveToOuterDisposeScope());
    }

    /// <summary>How many of the first <paramref name="books"/> books belong to group <paramref name="group"/>.</summary>
    private int InGroup(int books, int group) => (books + _groups.Length - 1 - group) / _groups.Length;

    private Tensor Interleave(IReadOnlyList<Tensor?> codes, int books)
        => cat(Enumerable.Range(0, books)
            .Select(k => codes[k % _groups.Length]!.narrow(1, k / _groups.Length, 1)).ToList(), 1);
}
