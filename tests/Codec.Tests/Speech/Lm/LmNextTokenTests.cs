using Codec.Speech;
using Codec.Speech.Ctc;
using Codec.Speech.Lm;
using Codec.Speech.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Speech.Lm;

/// <summary>Searches with a real model and its cache give what they give with the model run anew on every prefix.</summary>
public sealed class LmNextTokenTests
{
    private const int Vocabulary = 12, End = 3, Length = 6;
    private static readonly int[] Prompt = [5, 1, 7, 2];

    public static TheoryData<BeamConfig> Searches => new()
    {
        new BeamConfig { Width = 4, MaxLength = Length },
        new BeamConfig { Width = 3, MaxLength = Length, Ending = new Ending.Patience(2), LengthPenalty = new LengthPenalty.Power(0.7) },
        new BeamConfig { Width = 2, MaxLength = Length, BestFirst = true },
        new BeamConfig { Width = 2, MaxLength = Length, Groups = 3, DiversityStrength = 0.5 },
        new BeamConfig { Width = 6, MaxLength = Length, RequiredPhrases = [[8, 9], [4]] },
    };

    [Theory]
    [MemberData(nameof(Searches))]
    public void Cached_equals_uncached(BeamConfig config)
    {
        using var model = TinyLm.Build(31, books: 1);
        using var cached = new LmNextToken(model, Prompt, End, Length);
        var expected = new BeamSearch(config, Uncached(model)).Run();
        var found = new BeamSearch(config, cached).Run();
        Assert.Equal(expected.Sequences.Select(s => s.Tokens), found.Sequences.Select(s => s.Tokens));
        Assert.Equal(expected.Best.Score, found.Best.Score, 1e-4);
        Assert.Equal(expected.ModelCalls, found.ModelCalls);
        // The prompt is read once, not for every hypothesis.
        Assert.True(cached.PositionsRead < found.ModelCalls * 3, $"{cached.PositionsRead} positions in {found.ModelCalls} calls");
    }

    [Fact]
    public void Ctc_scores_join_in()
    {
        using var model = TinyLm.Build(32, books: 1);
        var random = new Random(5);
        var frames = Enumerable.Range(0, 9).Select(_ => LogMath.LogSoftmax(Enumerable.Range(0, Vocabulary).Select(_ => (float)(4 * random.NextDouble())).ToArray())).ToArray();
        BeamResult Run(INextTokenModel decoder, double ctc) => new BeamSearch(new BeamConfig { Width = 4, MaxLength = Length, PreBeam = 6 },
            [(decoder, 1 - ctc)], [(new CtcPrefixScorer(frames, End), ctc)]).Run();
        using var cached = new LmNextToken(model, Prompt, End, Length);
        Assert.Equal(Run(Uncached(model), 0.4).Best.Tokens, Run(cached, 0.4).Best.Tokens);
        Assert.NotEqual(Run(cached, 0.9).Best.RawScore, Run(cached, 0.1).Best.RawScore);
    }

    [Fact]
    public void Codes_of_a_given_length_need_no_end_token()
    {
        using var model = TinyLm.Build(33, books: 3);
        int[] prompt = [1, 2, 3, 4];
        using var cached = new LmNextToken(model, prompt, null, 5);
        var best = new BeamSearch(new BeamConfig { Width = 1, MaxLength = 6 }, cached).Run().Best.Tokens;
        Assert.Equal(cached.End, best[^1]);
        // One hypothesis is greedy decoding.
        List<int> greedy = [.. prompt];
        using var mode = inference_mode();
        for (var i = 0; i < 5; i++)
            greedy.Add(Array.IndexOf(Offline(model, [.. greedy]), Offline(model, [.. greedy]).Max()));
        Assert.Equal(greedy[4..], best[..^1]);
    }

    private static FunctionModel Uncached(SpeechLm model)
        => new(Vocabulary, End, tokens => LogMath.LogSoftmax(Offline(model, [.. Prompt, .. tokens])));

    // Logits after a flat sequence, without a cache.
    internal static float[] Offline(SpeechLm model, int[] tokens)
    {
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        var ids = full([1, model.Streams, tokens.Length + 1], (long)Vocabulary, ScalarType.Int64);
        for (var i = 0; i < tokens.Length; i++)
            ids[0, i % model.Streams, i + 1] = tokens[i];
        return model.Head(model.Hidden(ids).narrow(1, tokens.Length, 1), tokens.Length % model.Streams).data<float>().ToArray();
    }
}
