using Codec.Audio;
using Codec.Evaluation.Pesq;
using Codec.Tests.EndToEnd;
using Codec.Training.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Training;

[NoTensorLeaks]
public sealed class LoudnessLossTests
{
    private static Tensor Speech()
    {
        using var reader = AudioFile.OpenRead(Workplace.Fixture("speech.wav"));
        var samples = new float[32000];
        var read = reader.Read(samples);
        return tensor(samples.AsSpan(0, read).ToArray(), [1, read]);
    }

    [Fact]
    public void It_orders_distortions_as_the_score_that_it_models()
    {
        using var generator = new Generator(3);
        using var loss = new LoudnessLoss(16000, CPU);
        using var scope = NewDisposeScope();
        var target = Speech();
        var noise = randn([1, target.shape[1]], generator: generator);
        Tensor[] degraded = [target, target + noise * 1e-4f, target + noise * 1e-3f, target + noise * 1e-2f, target + noise * 1e-1f];
        var losses = degraded.Select(d => loss.Compute(d, target).item<float>()).ToArray();
        var scores = degraded.Select(d => PesqScore.WideBand(target.data<float>().ToArray(), d.data<float>().ToArray(), 16000)).ToArray();
        for (var i = 1; i < degraded.Length; i++)
        {
            Assert.True(losses[i] > losses[i - 1], $"{losses[i - 1]} -> {losses[i]}");
            Assert.True(scores[i] < scores[i - 1], $"{scores[i - 1]} -> {scores[i]}");
        }
        Assert.InRange(losses[0], 0, 0.01);
    }

    [Fact]
    public void Its_gradient_is_the_slope_of_its_value_where_the_asymmetry_is_still()
    {
        using var generator = new Generator(2);
        using var loss = new LoudnessLoss(16000, CPU);
        using var scope = NewDisposeScope();
        // Quieter than the target everywhere: nothing was added, the factor that carries no gradient stays 0.
        var target = randn([2, 8000], generator: generator).mul_(0.1);
        var output = (target * 0.5).requires_grad_(true);
        loss.Compute(output, target).backward();
        using (no_grad())
        {
            var direction = target + randn([2, 8000], generator: generator).mul_(0.01);
            var up = loss.Compute(output.detach() + direction * 1e-3f, target).item<float>();
            var down = loss.Compute(output.detach() - direction * 1e-3f, target).item<float>();
            var slope = (output.grad! * direction).sum().item<float>();
            Assert.True(Math.Abs(slope) > 0.1);
            Assert.Equal((up - down) / 2e-3, slope, Math.Abs(slope) * 0.03);
        }
        output.grad!.Dispose();
    }

    [Fact]
    public void Another_rate_is_refused()
        => Assert.Throws<ConfigException>(() => new LoudnessLoss(24000, CPU).Dispose());
}
