using Codec.Core.Kernels;
using Codec.Speech.Lm;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Speech.Lm;

/// <summary>Our own step kernels give what libtorch gives, alone or in a batch, and allocate nothing.</summary>
public sealed class LmDecoderTests
{
    public static TheoryData<TransformerConfig> Shapes
    {
        get
        {
            var basic = new TransformerConfig { Dim = 48, Layers = 2, Heads = 3, Hidden = 40 };
            return new()
            {
                basic, basic with { KeyValueHeads = 1 }, basic with { Context = 6 }, basic with { Activation = Activation.Gelu, Norm = Norm.Layer, FeedForwardBias = true, AttentionBias = true },
                basic with { Activation = Activation.Relu, Positions = PositionKind.None }, basic with { Dim = 64, Heads = 4, Hidden = 64 }, basic with { Dim = 64, Heads = 1, Hidden = 64 },
            };
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Steps_equal_libtorch(TransformerConfig config)
    {
        Assert.SkipUnless(VectorMath.HasFused, "no vectors of fused multiply-adds here");
        using var model = TinyLm.Build(41, books: 2, change: _ => config);
        Compare(model);
        if (config.Dim % 32 == 0)
        {
            model.Quantize(8);
            Compare(model);
        }
    }

    [Fact]
    public void A_step_allocates_nothing_and_batched_is_single()
    {
        Assert.SkipUnless(VectorMath.HasFused, "no vectors of fused multiply-adds here");
        using var model = TinyLm.Build(42, books: 2, change: c => c with { Context = 8 });
        var threads = get_num_threads();
        set_num_threads(1);
        try
        {
            using var _ = inference_mode();
            using var five = new LmDecoder(model, 5, 64);
            using var one = new LmDecoder(model, 1, 64);
            var (tokens, logits, alone) = (new int[10], new float[5 * 2 * 12], new float[2 * 12]);
            void Steps(int count, bool compare)
            {
                for (var i = 0; i < count; i++)
                {
                    for (var t = 0; t < tokens.Length; t++)
                        tokens[t] = (i * 7 + t * 5 + t / 2) % 12;
                    five.Step(tokens, logits);
                    one.Step(tokens.AsSpan(6, 2), alone);
                    if (compare)
                        Assert.Equal(alone, logits[72..96]);
                }
            }
            Steps(40, compare: true);
            Steps(40, compare: false);
            var before = GC.GetAllocatedBytesForCurrentThread();
            Steps(200, compare: false);
            Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    private static void Compare(SpeechLm model)
    {
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        const int steps = 90; // several blocks of keys
        var tokens = TinyLm.Tokens(model, 3, steps, 8);
        tokens[0, 1, 2] = -1;
        using var cache = new KvCache(model.Config.Transformer, 3, steps);
        using var decoder = new LmDecoder(model, 3, steps);
        model.Hidden(tokens.narrow(2, 0, 5), cache, [0, 1, 2]);
        for (var row = 0; row < 3; row++)
            decoder.Import(cache, row, row);
        var logits = new float[3 * 2 * 12];
        for (var step = 5; step < steps; step++)
        {
            var now = tokens.narrow(2, step, 1);
            var expected = model.Logits(model.Hidden(now, cache, [0, 1, 2])).flatten().data<float>().ToArray();
            decoder.Step(now.flatten().data<long>().Select(t => (int)t).ToArray(), logits);
            for (var i = 0; i < logits.Length; i++)
                Assert.Equal(expected[i], logits[i], 3e-4 * Math.Max(1, Math.Abs(expected[i])));
        }
    }
}
