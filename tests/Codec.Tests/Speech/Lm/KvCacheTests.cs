using Codec.Speech.Lm;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Speech.Lm;

public sealed class KvCacheTests
{
    private const double Tolerance = 2e-5;

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(7)]
    public void A_ring_equals_the_windowed_offline_model_for_any_chunks(int chunk) => With(
        TinyLm.Build(1, change: c => c with { Context = 5 }), model =>
    {
        var tokens = TinyLm.Tokens(model, 2, 40, 3);
        var expected = model.Hidden(tokens);
        using var cache = new KvCache(model.Config.Transformer, 2, 1, maxChunk: 8);
        Assert.Equal(12, cache.Capacity);
        RecordedModel.Close(expected, InChunks(model, cache, tokens, [0, 1], chunk), Tolerance, "hidden");
    });

    [Fact]
    public void Rewinding_by_length_gives_what_was_there()
        => With(TinyLm.Build(2), model => CheckRewind(model, 64));

    [Fact]
    public void Rewinding_a_ring_gives_what_was_there()
        => With(TinyLm.Build(2, change: c => c with { Context = 6 }), model =>
        {
            CheckRewind(model, 64);
            using var cache = new KvCache(model.Config.Transformer, 1, 1, maxChunk: 4);
            InChunks(model, cache, TinyLm.Tokens(model, 1, 30, 1), [0], 4);
            Assert.Throws<ArgumentOutOfRangeException>(() => cache.Rewind(0, 20));
        });

    [Fact]
    public void Rows_of_different_lengths_and_scattered_slots_equal_single_rows() => With(TinyLm.Build(3), model =>
    {
        using var cache = new KvCache(model.Config.Transformer, 4, 32);
        int[] slots = [3, 0, 2], lengths = [3, 9, 6];
        var histories = lengths.Select((n, i) => TinyLm.Tokens(model, 1, n + 4, 10 + i)).ToArray();
        for (var i = 0; i < 3; i++)
            model.Hidden(histories[i].narrow(2, 0, lengths[i]), cache, [slots[i]]);
        var joint = model.Hidden(cat(histories.Select((h, i) => h.narrow(2, lengths[i], 4)).ToArray(), 0), cache, slots);
        for (var i = 0; i < 3; i++)
            RecordedModel.Close(model.Hidden(histories[i]).narrow(1, lengths[i], 4), joint.narrow(0, i, 1), Tolerance, $"row {i}");
    });

    [Theory]
    [InlineData(null)]
    [InlineData(7)]
    public void A_shared_prefix_merges_exactly(int? context) => With(TinyLm.Build(4, change: c => c with { Context = context }), model =>
    {
        var prefix = TinyLm.Tokens(model, 1, 5, 1);
        using var first = new KvCache(model.Config.Transformer, 1, 8);
        model.Hidden(prefix, first, [0]);
        using var shared = first.Share(0);
        using var cache = new KvCache(model.Config.Transformer, 3, 16, maxChunk: 16);
        for (var slot = 0; slot < 3; slot++)
            cache.Reset(slot, shared);
        var own = TinyLm.Tokens(model, 3, 9, 2);
        var ours = InChunks(model, cache, own, [0, 1, 2], 4);
        var expected = model.Hidden(cat([prefix.expand(3, -1, -1), own], 2)).narrow(1, 5, 9);
        RecordedModel.Close(expected, ours, Tolerance, "hidden");
    });

    [Fact]
    public void A_full_session_is_refused() => With(TinyLm.Build(5), model =>
    {
        using var cache = new KvCache(model.Config.Transformer, 1, 4);
        InChunks(model, cache, TinyLm.Tokens(model, 1, 4, 1), [0], 4);
        Assert.Throws<InvalidOperationException>(() => model.Hidden(TinyLm.Tokens(model, 1, 1, 1), cache, [0]));
    });

    [Fact]
    public void A_tree_of_drafts_sees_ancestors_only() => With(TinyLm.Build(6), model =>
    {
        // Positions 0 -> 1 and 0 -> 2: two continuations of one token.
        using var cache = new KvCache(model.Config.Transformer, 1, 8);
        var tokens = TinyLm.Tokens(model, 1, 3, 1);
        using var step = cache.Begin([0], 3, new[,] { { true, false, false }, { true, true, false }, { true, false, true } }, [0, 1, 1]);
        using var x = randn(1, 3, 16);
        var transformer = new Transformer(model.Config.Transformer);
        using (transformer)
        {
            var tree = transformer.Forward(x, step);
            RecordedModel.Close(transformer.Forward(x.narrow(1, 0, 2)), tree.narrow(1, 0, 2), Tolerance, "first branch");
            RecordedModel.Close(transformer.Forward(x.index_select(1, tensor(new long[] { 0, 2 }))).narrow(1, 1, 1), tree.narrow(1, 2, 1), Tolerance, "second branch");
        }
        Assert.Equal(3, cache.Length(0));
    });

    [Fact]
    public void Live_tensors_stay_flat_over_many_steps() => With(TinyLm.Build(7, change: c => c with { Context = 8 }), model =>
    {
        using var cache = new KvCache(model.Config.Transformer, 2, 1, maxChunk: 1);
        var tokens = TinyLm.Tokens(model, 2, 1, 1);
        void Run(int steps)
        {
            for (var i = 0; i < steps; i++)
                using (NewDisposeScope())
                    model.Hidden(tokens, cache, [0, 1]);
        }
        Run(10);
        var before = Tensor.TotalCount;
        Run(500);
        Assert.True(Tensor.TotalCount <= before, $"{Tensor.TotalCount - before} tensors more");
        Assert.Equal(510, cache.Length(0));
    });

    private static void CheckRewind(SpeechLm model, int capacity)
    {
        using var cache = new KvCache(model.Config.Transformer, 1, capacity, maxChunk: 16);
        var tokens = TinyLm.Tokens(model, 1, 30, 5);
        var whole = InChunks(model, cache, tokens, [0], 5);
        cache.Rewind(0, 24);
        InChunks(model, cache, TinyLm.Tokens(model, 1, 4, 9), [0], 2);
        cache.Rewind(0, 24);
        Assert.Equal(24, cache.Length(0));
        RecordedModel.Close(whole.narrow(1, 24, 6), InChunks(model, cache, tokens.narrow(2, 24, 6), [0], 3), Tolerance, "after rewinding");
    }

    private static Tensor InChunks(SpeechLm model, KvCache cache, Tensor tokens, int[] slots, int chunk)
    {
        List<Tensor> parts = [];
        for (long at = 0; at < tokens.shape[2]; at += chunk)
            parts.Add(model.Hidden(tokens.narrow(2, at, Math.Min(chunk, tokens.shape[2] - at)), cache, slots));
        return cat(parts, 1);
    }

    private static void With(SpeechLm model, Action<SpeechLm> check)
    {
        using var inference = inference_mode();
        using (model)
        using (NewDisposeScope())
            check(model);
    }

    [Fact]
    public void Eight_bit_entries_take_a_quarter_and_stay_close()
    {
        using var model = TinyLm.Build(11, change: c => c with { Dim = 64, Hidden = 64 });
        using var exact = new KvCache(model.Config.Transformer, 2, 20);
        using var small = new KvCache(model.Config.Transformer, 2, 20, int8: true);
        Assert.True(small.Bytes < 0.32 * exact.Bytes);
        using var scope = NewDisposeScope();
        using var mode = inference_mode();
        var tokens = TinyLm.Tokens(model, 2, 20, 4);
        Tensor Run(KvCache cache) => cat(Enumerable.Range(0, 5).Select(i => model.Hidden(tokens.narrow(2, 4 * i, 4), cache, [0, 1])).ToArray(), 1);
        var (a, b) = (Run(exact), Run(small));
        var error = ((a - b).square().mean() / a.square().mean()).sqrt().item<float>();
        Assert.InRange(error, 1e-6, 0.03);
    }
}
