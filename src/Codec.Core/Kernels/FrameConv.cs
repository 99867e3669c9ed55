using static TorchSharp.torch;

namespace Codec.Core.Kernels;

/// <summary>Sizes of a convolution on channels-last rows.</summary>
/// <param name="Inputs">Channels of a row that goes in.</param>
/// <param name="Taps">Input rows that one output row sees (every <paramref name="Dilation"/>-th of its reach).</param>
/// <param name="Columns">Numbers that a step makes: output channels, times the stride where it is transposed.</param>
/// <param name="Stride">Input rows from one step to the next.</param>
/// <param name="Dilation">Input rows from one tap to the next.</param>
/// <param name="StepsPerRow">Output rows that a step makes: more than one where it is transposed.</param>
internal readonly record struct ConvShape(int Inputs, int Taps, int Columns, int Stride = 1, int Dilation = 1, int StepsPerRow = 1)
{
    /// <summary>Channels of a row that comes out.</summary>
    public int Outputs => Columns / StepsPerRow;

    /// <summary>Input rows from the first tap to the last.</summary>
    public int Reach => (Taps - 1) * Dilation + 1;

    /// <summary>Steps of so many input rows.</summary>
    public long Steps(long rows) => rows < Reach ? 0 : (rows - Reach) / Stride + 1;
}

/// <summary>
/// Convolution, transposed convolution or linear map on channels-last float32 rows [T, C] by own kernels. Its factories choose among them by the sizes:
/// <see cref="DenseConv"/>, <see cref="SizedConv"/> (long signals by <see cref="WinogradConv"/>) or <see cref="DotConv"/>. All but the last pack their weights
/// once: a snapshot, to be made again when weights change.
/// </summary>
public abstract unsafe class FrameConv : IDisposable
{
    private protected FrameConv(ConvShape shape) => Shape = shape;

    /// <summary>
    /// Steps whose bits belong together: runs that begin at multiples of it give the same bits, whatever else they contain.
    /// </summary>
    internal virtual int Granule => 1;

    private protected ConvShape Shape { get; }

    /// <summary>Whether it can take over from libtorch: float32 on the CPU.</summary>
    public static bool Applies(Tensor x, Tensor weight)
        => x.dtype == ScalarType.Float32 && weight.dtype == ScalarType.Float32 && x.device_type == TorchSharp.DeviceType.CPU;

    /// <summary>A convolution of a module, which may put other parameters in the place of these until they are packed.</summary>
    /// <param name="shape">Sizes.</param>
    /// <param name="weight_OIK">[O, I, K]; where <see cref="DotConv.Pays"/> says so, over memory [O, K, I].</param>
    /// <param name="bias_O">[O] or null.</param>
    /// <param name="reduced">Products of 16-bit numbers where they can be had, see <see cref="PairConv"/>.</param>
    internal static FrameConv Of(ConvShape shape, Func<Tensor> weight_OIK, Func<Tensor?> bias_O, bool reduced = false) => DotConv.Pays(shape) && !reduced
        ? new DotConv(shape, weight_OIK, bias_O)
        : Of(shape, () => (weight_OIK().detach().permute(2, 1, 0), bias_O()?.detach()), reduced: reduced);

    /// <param name="weight_OIK">[O, I, K]; it and the bias must live as long as the result, which packs them when it knows how.</param>
    /// <param name="bias_O">[O] or null.</param>
    /// <param name="stride">Input rows from one output row to the next.</param>
    /// <param name="dilation">Input rows from one tap to the next.</param>
    /// <param name="reduced">Products of 16-bit numbers where they can be had.</param>
    public static FrameConv Of(Tensor weight_OIK, Tensor? bias_O, int stride = 1, int dilation = 1, bool reduced = false)
    {
        var (outputs, inputs, kernel) = ((int)weight_OIK.size(0), (int)weight_OIK.size(1), (int)weight_OIK.size(2));
        return Of(new ConvShape(inputs, kernel, outputs, stride, dilation), () => (weight_OIK.detach().permute(2, 1, 0), bias_O?.detach()), reduced: reduced);
    }

    /// <summary>A linear map: a convolution of one tap.</summary>
    /// <param name="weight_OI">[O, I].</param>
    /// <param name="bias_O">[O] or null.</param>
    /// <param name="reduced">Products of 16-bit numbers where they can be had.</param>
    public static FrameConv OfLinear(Tensor weight_OI, Tensor? bias_O = null, bool reduced = false)
    {
        using var scope = NewDisposeScope();
        var weight_KIO = weight_OI.detach().t().unsqueeze(0);
        return DenseConv.Of(new ConvShape((int)weight_OI.size(1), 1, (int)weight_OI.size(0)), weight_KIO, bias_O?.detach(), reduced);
    }

    /// <summary>
    /// A transposed convolution of stride S as an ordinary one of M = ceil(K / S) taps whose step makes S rows of O channels:
    /// with M - 1 rows of zeros before and behind, T rows give all (T - 1) S + K outputs (and zeros behind up to (T + M - 1) S).
    /// </summary>
    /// <param name="weight_IOK">[I, O, K]; it and the bias must live as long as the result, which packs them when it knows how.</param>
    /// <param name="bias_O">[O] or null.</param>
    /// <param name="stride">S.</param>
    /// <param name="atOnce">Packs now, because the weight does not live on.</param>
    /// <param name="reduced">Products of 16-bit numbers where they can be had.</param>
    public static FrameConv OfTransposed(Tensor weight_IOK, Tensor? bias_O, int stride, bool atOnce = false, bool reduced = false)
    {
        var (inputs, outputs, kernel) = ((int)weight_IOK.size(0), (int)weight_IOK.size(1), (int)weight_IOK.size(2));
        var taps = (kernel + stride - 1) / stride;
        return Of(new ConvShape(inputs, taps, outputs * stride, StepsPerRow: stride), Taps, atOnce, reduced);

        (Tensor, Tensor?) Taps()
        {
            var whole_IOK = nn.functional.pad(weight_IOK.detach(), [0, taps * stride - kernel]);
            var taps_MISO = whole_IOK.reshape(inputs, outputs, taps, stride).permute(2, 0, 3, 1).flip(0);
            return (taps_MISO.reshape(taps, inputs, stride * outputs), bias_O?.detach().repeat(stride));
        }
    }

    /// <summary>Runs over all rows; nothing is padded.</summary>
    /// <param name="x_BTC">float32 [B, T, Inputs] without gaps.</param>
    /// <param name="add_BTC">Added to the result; null for nothing.</param>
    /// <param name="elu">Applies ELU to the result.</param>
    /// <returns>[B, Steps(T) (times the stride where transposed), Outputs], a new tensor.</returns>
    public Tensor Run(Tensor x_BTC, Tensor? add_BTC = null, bool elu = false)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(x_BTC.size(2), Shape.Inputs, nameof(x_BTC));
        var (source, steps) = (new FrameMemory(x_BTC), Shape.Steps(x_BTC.size(1)));
        var y_BTC = empty(source.Batch, steps * Shape.StepsPerRow, Shape.Outputs);
        if (add_BTC is not null && !add_BTC.shape.SequenceEqual(y_BTC.shape))
            throw new ArgumentException($"shape of the addition: expected [{string.Join(", ", y_BTC.shape)}], found [{string.Join(", ", add_BTC.shape)}]", nameof(add_BTC));
        if (steps == 0)
            return y_BTC;
        using var dense = add_BTC?.contiguous();
        var (result, add) = (new FrameMemory(y_BTC), dense is null ? default : new FrameMemory(dense));
        for (var item = 0L; item < source.Batch; item++)
            Run(source.At(item, 0), result.At(item, 0), dense is null ? null : add.At(item, 0), steps, elu);
        return y_BTC;
    }

    /// <summary>Runs over all rows with rows of zeros on both sides, of which only those near the ends are ever made.</summary>
    /// <param name="x_BTC">float32 [B, T, Inputs] without gaps.</param>
    /// <param name="padding">Rows of zeros on either side.</param>
    public Tensor RunPadded(Tensor x_BTC, int padding)
    {
        if (padding == 0)
            return Run(x_BTC);
        var (source, steps) = (new FrameMemory(x_BTC), Shape.Steps(x_BTC.size(1) + 2 * padding));
        var y_BTC = empty(x_BTC.size(0), steps * Shape.StepsPerRow, Shape.Outputs);
        if (steps == 0 || source.Batch == 0)
            return y_BTC;
        // Steps [first, last) see no padding.
        var first = Math.Min((padding + Shape.Stride - 1) / Shape.Stride, steps);
        var last = source.Rows + padding < Shape.Reach ? first : Math.Clamp((source.Rows + padding - Shape.Reach) / Shape.Stride + 1, first, steps);
        var (result, kernel) = (new FrameMemory(y_BTC), For(steps));
        for (var item = 0L; item < source.Batch; item++)
        {
            kernel.Ends(source, result, item, 0, first, padding);
            if (last > first)
                kernel.Run(source.At(item, first * Shape.Stride - padding), result.At(item, first * Shape.StepsPerRow), null, last - first, elu: false);
            kernel.Ends(source, result, item, last, steps, padding);
        }
        return y_BTC;
    }

    /// <summary>The same on memory: steps output steps from (steps - 1) stride + reach input rows.</summary>
    public abstract void Run(float* x, float* y, float* add, long steps, bool elu);

    public abstract void Dispose();

    /// <summary>The same on the calling thread alone.</summary>
    internal abstract void RunAlone(float* x, float* y, float* add, long steps, bool elu);

    /// <summary>What runs a signal of so many steps.</summary>
    internal virtual FrameConv For(long steps) => this;

    /// <param name="shape">Sizes.</param>
    /// <param name="weights">Weights [taps, inputs, columns], any strides, and bias [columns] or null.</param>
    /// <param name="atOnce">Packs now.</param>
    /// <param name="reduced">Products of 16-bit numbers where they can be had.</param>
    private static FrameConv Of(ConvShape shape, Func<(Tensor Weight_KIO, Tensor? Bias_O)> weights, bool atOnce = false, bool reduced = false)
    {
        if (!atOnce && WinogradConv.Pays(shape, reduced))
            return new SizedConv(shape, weights, reduced);
        using var scope = NewDisposeScope();
        var (weight_KIO, bias_O) = weights();
        return DenseConv.Of(shape, weight_KIO, bias_O, reduced);
    }

    /// <summary>Steps [first, last) from rows that are copied with the zeros around them.</summary>
    private void Ends(FrameMemory source, FrameMemory result, long item, long first, long last, int padding)
    {
        if (first == last)
            return;
        var (from, rows) = (first * Shape.Stride - padding, (last - first - 1) * Shape.Stride + Shape.Reach);
        using var window = new AlignedFloats(rows * Shape.Inputs);
        var (start, end) = (Math.Clamp(from, 0, source.Rows), Math.Clamp(from + rows, 0, source.Rows));
        if (end > start)
            new ReadOnlySpan<float>(source.At(item, start), (int)((end - start) * Shape.Inputs)).CopyTo(new Span<float>(window.Pointer + (start - from) * Shape.Inputs, (int)((end - start) * Shape.Inputs)));
        Run(window.Pointer, result.At(item, first * Shape.StepsPerRow), null, last - first, elu: false);
    }
}
