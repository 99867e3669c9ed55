using Codec.Speech.Lm;
using Codec.Speech.Patterns;
using Codec.Speech.Sampling;
using Codec.Audio;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Speech.Lm;

public sealed class ConditionTests
{
    private static readonly LmCondition[] Rows = [new("two words", 1, [[1, 2, 3], [4, 5, 6]]), LmCondition.None, new("ü", null, [[7], [8]])];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Conditioned_rows_of_different_length_are_those_alone(bool cross)
    {
        using var model = Model(cross);
        var pattern = new PatternSpec.Delay().Build(2, 9);
        var together = Generate(model, pattern, Rows);
        for (var i = 0; i < Rows.Length; i++)
            Assert.Equal(Generate(model, pattern, [Rows[i]])[0], together[i]);
        Assert.NotEqual(together[0], together[1]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Offline_and_cached_see_the_same_conditions(bool cross)
    {
        using var model = Model(cross);
        using var scope = NewDisposeScope();
        using var mode = inference_mode();
        var conditions = model.Encode(Rows);
        var tokens = TinyLm.Tokens(model, 3, 7, 2);
        using var cache = new KvCache(model.Config.Transformer, 3, 60);
        var offline = model.Hidden(tokens, conditions: conditions);
        var cached = cat([model.Hidden(tokens.narrow(2, 0, 4), cache, [0, 1, 2], conditions), model.Hidden(tokens.narrow(2, 4, 3), cache, [0, 1, 2], conditions)], 1);
        Assert.True(offline.allclose(cached, 1e-4, 1e-5), $"{(offline - cached).abs().max().item<float>()}");
        conditions.Cross?.Dispose();
    }

    [Fact]
    public void What_a_model_cannot_take_is_refused()
    {
        using var model = Model(false);
        using var plain = TinyLm.Build(1);
        Assert.Throws<ConfigException>(() => model.Encode([new LmCondition(Speaker: 3)]));
        Assert.Throws<ConfigException>(() => plain.Encode([new LmCondition("text")]));
    }

    private static int[][][] Generate(SpeechLm model, Pattern pattern, LmCondition[] rows)
    {
        using var scope = NewDisposeScope();
        using var mode = inference_mode();
        var guided = SamplerConfig.Greedy with { GuidanceScale = 2, PartialGuidance = 1.5 };
        // Full, without text, nothing.
        var conditions = model.Encode([.. rows, .. rows.Select(r => r with { Text = null }), .. rows.Select(_ => LmCondition.None)]);
        var codes = new PatternGenerator(model, guided).Generate(pattern, new int[][]?[rows.Length], (_, _, _) => 0.5, conditions);
        conditions.Cross?.Dispose();
        return codes;
    }

    private static SpeechLm Model(bool cross)
    {
        random.manual_seed(9);
        var model = new SpeechLm(new SpeechLmConfig
        {
            Transformer = new TransformerConfig { Dim = 16, Layers = 2, Heads = 2, Hidden = 24, CrossAttention = cross }, Vocabulary = [12, 12], DirectHeads = 2,
            Conditions = new ConditionConfig { Text = true, Speakers = 3, ReferenceFrames = 2 },
        });
        using (no_grad())
            foreach (var parameter in model.parameters())
                if (parameter.dim() > 1)
                    nn.init.normal_(parameter, 0, 0.4);
        model.eval();
        return model;
    }
}
