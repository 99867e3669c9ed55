using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Codec.Core.Kernels;

/// <summary>
/// A convolution or linear map with the weights where they lie: for layers whose weights are many and whose rows are few, so that a packed copy would
/// cost more memory than it saves time. Few rows go by scalar products, many by <see cref="TransposingConv"/>; either way the bits of a row depend on nothing else.
/// </summary>
internal sealed unsafe class DotConv : FrameConv
{
    private const int PanelOutputs = 128; // whose weights stay near while all rows go past
    private const int Many = 48; // rows from which turning the weights pays

    private readonly Func<Tensor> _weight;
    private readonly Func<Tensor?> _bias, _scale;
    private readonly nint _length;
    private readonly TransposingConv _many;

    /// <param name="shape">Sizes; <see cref="Applies"/> holds.</param>
    /// <param name="weight">The parameter [O, ...] over memory [O, taps, inputs] as it is when this runs: a module may put another in its place.</param>
    /// <param name="bias">[O] or null.</param>
    /// <param name="scale">Multiplies the result before anything is added: [O] or null.</param>
    public DotConv(ConvShape shape, Func<Tensor> weight, Func<Tensor?>? bias = null, Func<Tensor?>? scale = null) : base(shape)
    {
        (_weight, _bias, _scale) = (weight, bias ?? (() => null), scale ?? (() => null));
        _length = (nint)shape.Taps * shape.Inputs;
        _many = new TransposingConv(shape);
    }

    /// <summary>Whether the inputs of a step lie side by side.</summary>
    public static bool Applies(ConvShape shape) => shape is { Dilation: 1, StepsPerRow: 1 };

    /// <summary>Whether it is the better way for a convolution: too many weights for <see cref="WinogradConv"/>.</summary>
    public static bool Pays(ConvShape shape) => Applies(shape) && shape.Taps > 1 && WinogradConv.HasTooManyWeights(shape);

    /// <summary>A linear map.</summary>
    /// <param name="inputs">I.</param>
    /// <param name="outputs">O.</param>
    /// <param name="weight_OI">[O, I].</param>
    /// <param name="scale_O">[O]; null: ones.</param>
    public static DotConv OfLinear(int inputs, int outputs, Func<Tensor> weight_OI, Func<Tensor?>? scale_O = null)
        => new(new ConvShape(inputs, 1, outputs), weight_OI, scale: scale_O);

    /// <summary>The same by products of 16-bit numbers, from a copy of the weights in half their memory; packed now.</summary>
    public FrameConv Reduced()
    {
        using var scope = NewDisposeScope();
        var weight_OI = _weight().detach();
        return OfLinear(_scale() is { } scale_O ? weight_OI * scale_O.detach().unsqueeze(1) : weight_OI, _bias(), reduced: true);
    }

    public override void Run(float* x, float* y, float* add, long steps, bool elu)
    {
        using var scope = NewDisposeScope();
        var rows = new Rows(x, y, add, steps, elu);
        var weights = new Weights(this);
        if (steps >= Many)
        {
            _many.Use(weights.First, weights.Bias, weights.Scale);
            _many.Run(x, y, add, steps, elu);
            return;
        }
        // Every thread reads its own weights.
        RowBlocks.Run((Shape.Columns + DotTile.Outputs - 1) / DotTile.Outputs, steps * _length * DotTile.Outputs,
            (first, last) => Panels(rows, weights, (int)first * DotTile.Outputs, (int)Math.Min(Shape.Columns, last * DotTile.Outputs)));
    }

    public override void Dispose() => _many.Dispose();

    internal override void RunAlone(float* x, float* y, float* add, long steps, bool elu)
    {
        using var scope = NewDisposeScope();
        Panels(new Rows(x, y, add, steps, elu), new Weights(this), 0, Shape.Columns);
    }

    private void Panels(in Rows rows, in Weights weights, int first, int last)
    {
        float* x = stackalloc float[DotTile.Rows * DotTile.RowStep + DotTile.Lanes];
        x = (float*)(((nint)x + 63) & ~(nint)63); // vectors across two cache lines are read twice
        for (var column = first; column < last; column += PanelOutputs)
            for (nint tap = 0; tap < _length; tap += DotTile.MostTaps)
                for (var row = 0L; row < rows.Steps; row += DotTile.Rows)
                    Tiles(rows, weights, new Part(row, tap, column, Math.Min(column + PanelOutputs, last)), x);
    }

    /// <summary>Some rows and taps of a panel. Sums wait in the result for the next taps.</summary>
    private void Tiles(in Rows rows, in Weights weights, in Part part, float* x)
    {
        var (count, taps) = ((int)Math.Min(DotTile.Rows, rows.Steps - part.Row), Math.Min(DotTile.MostTaps, _length - part.Tap));
        for (var r = 0; r < count; r++)
            new ReadOnlySpan<float>(rows.X + (part.Row + r) * Shape.Stride * Shape.Inputs + part.Tap, (int)taps).CopyTo(new Span<float>(x + r * DotTile.RowStep, (int)taps));
        float* sums = stackalloc float[DotTile.Rows * DotTile.Outputs];
        for (var column = part.First; column < part.Last; column += DotTile.Outputs)
        {
            var outputs = Math.Min(DotTile.Outputs, part.Last - column);
            DotTile.Run(x, count, weights.First + column * _length + part.Tap, _length, outputs, taps, sums);
            Vector128<float> scale = weights.ScaleAt(column, outputs), bias = weights.BiasAt(column, outputs);
            for (var r = 0; r < count; r++)
            {
                var at = (part.Row + r) * Shape.Columns + column;
                var sum = Vector128.Load(sums + r * DotTile.Outputs);
                if (part.Tap > 0)
                    sum += Four(rows.Y + at, outputs);
                if (part.Tap + taps == _length)
                    sum = Finish(Vector128.FusedMultiplyAdd(scale, sum, bias), rows.Add == null ? null : rows.Add + at, outputs, rows.Elu);
                if (outputs == DotTile.Outputs)
                    Vector128.Store(sum, rows.Y + at);
                else
                    for (var c = 0; c < outputs; c++)
                        rows.Y[at + c] = sum[c];
            }
        }
    }

    private static Vector128<float> Finish(Vector128<float> sum, float* add, int outputs, bool elu)
    {
        if (add != null)
            sum += Four(add, outputs);
        return elu ? VectorMath.Elu(sum.ToVector256().ToVector512()).GetLower().GetLower() : sum;
    }

    /// <summary>The numbers of a tile, zeros behind them.</summary>
    private static Vector128<float> Four(float* from, int outputs) => outputs switch
    {
        1 => Vector128.CreateScalar(from[0]),
        2 => Vector128.Create(from[0], from[1], 0, 0),
        3 => Vector128.Create(from[0], from[1], from[2], 0),
        _ => Vector128.Load(from),
    };

    /// <summary>Rows from one on, taps from one on and outputs [First, Last).</summary>
    private readonly record struct Part(long Row, nint Tap, int First, int Last);

    private readonly struct Rows(float* x, float* y, float* add, long steps, bool elu)
    {
        public readonly float* X = x, Y = y, Add = add;
        public readonly long Steps = steps;
        public readonly bool Elu = elu;
    }

    /// <summary>Where the parameters lie now.</summary>
    private readonly struct Weights
    {
        public readonly float* First, Bias, Scale;

        public Weights(DotConv conv)
        {
            var weight = conv._weight();
            First = ChannelPattern.Pointer(weight.dim() == 3 ? weight.transpose(1, 2) : weight);
            Bias = Pointer(conv._bias());
            Scale = Pointer(conv._scale());
        }

        public Vector128<float> ScaleAt(int column, int outputs) => Scale == null ? Vector128<float>.One : Four(Scale + column, outputs);

        public Vector128<float> BiasAt(int column, int outputs) => Bias == null ? Vector128<float>.Zero : Four(Bias + column, outputs);

        private static float* Pointer(Tensor? values) => values is null ? null : ChannelPattern.Pointer(values);
    }
}
