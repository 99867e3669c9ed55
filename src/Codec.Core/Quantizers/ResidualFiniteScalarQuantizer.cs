using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Quantizers;

/// <summary>
/// Residual finite scalar quantization: stage q quantizes the residual on a grid L^q times finer. One projection
/// in and out around all stages; symmetric levels, so that a prefix of the stages decodes.
/// </summary>
public sealed class ResidualFiniteScalarQuantizer : nn.Module, IQuantizer
{
    private readonly Linear? project_in, project_out;
    private readonly FiniteScalarQuantizer[] _stages; // all alike, without parameters
    private readonly float[] _levels;
    private readonly bool _hardClamp;

    /// <param name="levels">Levels of each scalar.</param>
    /// <param name="stages">Q.</param>
    /// <param name="dimension">D of the latent; null: as many as levels.</param>
    /// <param name="hardClamp">Soft-clamp the input once and clamp in the stages; else tanh in every stage.</param>
    public ResidualFiniteScalarQuantizer(IReadOnlyList<int> levels, int stages, int? dimension = null, bool hardClamp = true)
        : base(nameof(ResidualFiniteScalarQuantizer))
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(stages);
        var config = new FiniteScalarConfig { Levels = levels, PreserveSymmetry = true, HardClamp = hardClamp };
        _stages = [.. Enumerable.Range(0, stages).Select(_ => new FiniteScalarQuantizer(config))];
        _levels = [.. levels.Select(l => (float)l)];
        _hardClamp = hardClamp;
        if (dimension is { } d && d != levels.Count)
        {
            project_in = nn.Linear(d, levels.Count);
            project_out = nn.Linear(levels.Count, d);
        }
        Books = [.. _stages.SelectMany(s => s.Books)];
        RegisterComponents();
    }

    public IReadOnlyList<CodebookSpec> Books { get; }

    public Tensor Encode(Tensor latent_BTD, int? books = null)
    {
        using var scope = NewDisposeScope();
        return Run(latent_BTD, books ?? _stages.Length, null).Codes.MoveToOuterDisposeScope();
    }

    public Tensor Decode(Tensor codes_BKT)
    {
        using var scope = NewDisposeScope();
        var sum_BTL = zeros(codes_BKT.shape[0], codes_BKT.shape[2], _levels.Length, device: codes_BKT.device);
        for (var q = 0; q < codes_BKT.shape[1]; q++)
            sum_BTL = sum_BTL + _stages[q].Decode(codes_BKT.narrow(1, q, 1)) * Scale(q, codes_BKT.device);
        return Out(sum_BTL).MoveToOuterDisposeScope();
    }

    public QuantizedLatent Quantize(Tensor latent_BTD, int[]? booksPerItem = null)
    {
        using var scope = NewDisposeScope();
        var (sum_BTL, codes) = Run(latent_BTD, _stages.Length, booksPerItem);
        return new QuantizedLatent(Out(sum_BTL).MoveToOuterDisposeScope(), codes.MoveToOuterDisposeScope(),
            zeros([], device: latent_BTD.device).MoveToOuterDisposeScope());
    }

    private (Tensor Sum, Tensor Codes) Run(Tensor latent_BTD, int stages, int[]? booksPerItem)
    {
        var x_BTL = project_in is null ? latent_BTD : project_in.forward(latent_BTD);
        if (_hardClamp)
        {
            var limit = 1 + 1 / (tensor(_levels, device: x_BTL.device) - 1);
            x_BTL = (x_BTL / limit).tanh() * limit;
        }
        var residual = x_BTL;
        Tensor sum = zeros_like(x_BTL);
        var codes = new List<Tensor>();
        for (var q = 0; q < stages; q++)
        {
            var scale = Scale(q, x_BTL.device);
            var part = _stages[q].QuantizeItems(residual / scale);
            var value = part.Quantized * scale;
            residual = residual - value.detach();
            sum += booksPerItem is null ? value : value * Keep(booksPerItem, q, value.device);
            codes.Add(part.Codes);
        }
        return (sum, cat(codes, 1));
    }

    private Tensor Scale(int stage, Device device)
        => tensor([.. _levels.Select(l => MathF.Pow(l, -stage))], device: device);

    private static Tensor Keep(int[] booksPerItem, int stage, Device device)
        => tensor([.. booksPerItem.Select(n => n > stage ? 1f : 0f)], device: device).view(-1, 1, 1);

    private Tensor Out(Tensor sum_BTL) => project_out is null ? sum_BTL.alias() : project_out.forward(sum_BTL);
}
