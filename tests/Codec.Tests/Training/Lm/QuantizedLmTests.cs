using Codec.Core;
using Codec.Core.Checkpoints;
using Codec.Speech.Lm;
using Codec.Speech.Patterns;
using Codec.Tests.Speech.Lm;
using Codec.Training.Lm;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Training.Lm;

public sealed class QuantizedLmTests
{
    private static TransformerConfig Wide(TransformerConfig config) => config with { Dim = 64, Hidden = 96 };

    [Fact]
    public void The_loss_of_rounding_is_measured_and_small()
    {
        using var reference = TinyLm.Build(21, change: Wide);
        var batch = new LmLoss(new PatternSpec.Delay(), [new CodebookSpec(12), new CodebookSpec(12)]).Build(
            [Enumerable.Range(0, 2).Select(k => Enumerable.Range(0, 40).Select(t => (7 * t + 3 * k * t) % 12).ToArray()).ToArray()], [40], CPU);
        using (batch.Tokens_BKS)
        using (batch.Targets_BKS)
        {
            var same = LmComparison.Compare(reference, reference, [batch]);
            Assert.Equal(0, same.Divergence, 1e-12);
            Assert.Equal((1.0, 80L), (same.SameArgMax, same.Codes));
            Assert.Equal(same.ReferenceNats, same.ChangedNats);
            var divergences = new[] { 8, 4 }.Select(bits =>
            {
                using var rounded = TinyLm.Build(21, change: Wide);
                rounded.Quantize(bits);
                return LmComparison.Compare(reference, rounded, [batch]).Divergence;
            }).ToArray();
            Assert.InRange(divergences[0], 1e-9, 0.01);
            Assert.InRange(divergences[1], 2 * divergences[0], 0.4);
        }
    }

    [Theory]
    [InlineData(8)]
    [InlineData(4)]
    public void Rounded_models_come_back_from_smaller_files_unchanged(int bits)
    {
        var folder = Directory.CreateTempSubdirectory("quantized").FullName;
        try
        {
            using var model = TinyLm.Build(22, change: Wide);
            var info = new SpeechLmInfo(model.Config, new PatternSpec.Flat(), "codec");
            var (full, small) = (Path.Combine(folder, "full.safetensors"), Path.Combine(folder, "small.safetensors"));
            SpeechLmFile.Save(full, model, info);
            model.Quantize(bits);
            SpeechLmFile.Save(small, model, info);
            Assert.True(new FileInfo(small).Length < new FileInfo(full).Length * (bits == 8 ? 0.4 : 0.3));
            var (again, read) = SpeechLmFile.Load(small);
            using (again)
            using (NewDisposeScope())
            using (inference_mode())
            {
                Assert.Equal(info.Pattern, read.Pattern);
                foreach (var steps in new[] { 1, 9 })
                {
                    var tokens = TinyLm.Tokens(model, 1, steps, 1);
                    Assert.Equal(model.Hidden(tokens).data<float>().ToArray(), again.Hidden(tokens).data<float>().ToArray());
                }
            }
            File.WriteAllBytes(small, File.ReadAllBytes(small)[..^8]);
            Assert.Throws<CheckpointException>(() => SpeechLmFile.Load(small));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
