using static TorchSharp.torch;

namespace Codec.Core.Kernels;

/// <summary>
/// A convolution that runs long signals by minimal filtering, where that pays, and short ones, which are bound by reading the weights, directly. Either form is
/// packed when it is first needed.
/// </summary>
internal sealed unsafe class SizedConv : FrameConv
{
    private readonly Lazy<DenseConv> _short;
    private readonly Lazy<WinogradConv> _long;
    private readonly long _leastSteps;
    private readonly int _granule;

    /// <param name="shape">Sizes.</param>
    /// <param name="weights">Weights [taps, inputs, columns] and bias [columns] or null, into the scope of the caller.</param>
    /// <param name="reduced">Products of 16-bit numbers, see <see cref="PairConv"/>.</param>
    public SizedConv(ConvShape shape, Func<(Tensor Weight_KIO, Tensor? Bias_O)> weights, bool reduced = false) : base(shape)
    {
        _short = new Lazy<DenseConv>(() => Pack((weight, bias) => DenseConv.Of(shape, weight, bias, reduced)));
        _long = new Lazy<WinogradConv>(() => Pack((weight, bias) => new WinogradConv(shape, weight, bias, reduced)));
        (_leastSteps, _granule) = WinogradConv.Pays(shape, reduced) ? (WinogradConv.LeastSteps(shape, reduced), WinogradConv.GranuleOf(shape, reduced)) : (long.MaxValue, 1);

        T Pack<T>(Func<Tensor, Tensor?, T> form)
        {
            using var scope = NewDisposeScope();
            var (weight_KIO, bias_O) = weights();
            return form(weight_KIO, bias_O);
        }
    }

    internal override int Granule => _granule;

    public override void Run(float* x, float* y, float* add, long steps, bool elu) => For(steps).Run(x, y, add, steps, elu);

    internal override void RunAlone(float* x, float* y, float* add, long steps, bool elu) => For(steps).RunAlone(x, y, add, steps, elu);

    internal override FrameConv For(long steps) => steps < _leastSteps ? _short.Value : _long.Value;

    public override void Dispose()
    {
        if (_short.IsValueCreated)
            _short.Value.Dispose();
        if (_long.IsValueCreated)
            _long.Value.Dispose();
    }
}
