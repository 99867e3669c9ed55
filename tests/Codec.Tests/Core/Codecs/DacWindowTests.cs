using Codec.Core.Codecs.Dac;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Codecs;

public sealed class DacWindowTests : IDisposable
{
    private readonly DacModel _model;

    public DacWindowTests()
    {
        using var generator = manual_seed(1);
        _model = new DacModel(new DacConfig { SampleRate = 16_000, EncoderDim = 8, EncoderRates = [2, 4, 5], DecoderDim = 64, DecoderRates = [5, 4, 2] });
        _model.eval();
    }

    public void Dispose() => _model.Dispose();

    [Fact]
    public void Layers_at_high_rates_run_in_windows_without_a_trace()
    {
        using var scope = NewDisposeScope();
        using var generator = manual_seed(2);
        var audio = randn(1, 1, 90_000) * 0.1; // three windows
        var latent = _model.encoder.forward(audio).detach();
        var decoded = _model.decoder.forward(latent).detach();
        using var inference = inference_mode();
        Near(latent, _model.encoder.forward(audio));
        Near(decoded, _model.decoder.forward(latent));
    }

    private static void Near(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        Tensors.Close(expected / expected.abs().max(), actual / expected.abs().max(), 2e-5);
    }
}
