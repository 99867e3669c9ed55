using Codec.Speech.Drafting;
using Codec.Speech.Lm;
using Codec.Speech.Sampling;
using Codec.Tests.Speech.Lm;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Speech.Drafting;

public sealed class LmDraftersTests
{
    private const int Count = 40;
    private static readonly int[] Prompt = [1, 5, 2, 7];

    [Theory]
    [InlineData(1, "ngram")]
    [InlineData(3, "ngram")]
    [InlineData(1, "jacobi")]
    [InlineData(3, "jacobi")]
    [InlineData(1, "blockwise")]
    [InlineData(3, "blockwise")]
    [InlineData(1, "layers")]
    [InlineData(3, "layers")]
    public void Every_drafter_leaves_the_models_own_tokens(int books, string drafter)
    {
        using var model = Model(books);
        var (alone, _) = Run(model, "none", SamplerConfig.Greedy);
        var (tokens, report) = Run(model, drafter, SamplerConfig.Greedy);
        Assert.Equal(alone, tokens);
        Assert.Equal(Count, report.Tokens);
        // Whatever is accepted saves a pass.
        Assert.Equal(Count, report.Passes + report.Accepted);
    }

    [Fact]
    public void Drafts_of_the_whole_model_are_all_accepted()
    {
        // A second layer that adds nothing: the first one drafts what the whole model says.
        using var model = Model(2);
        using (no_grad())
            foreach (var (name, parameter) in model.named_parameters())
                if (name.StartsWith("transformer.layers.1.", StringComparison.Ordinal) && (name.Contains("out_projs") || name.Contains("linear_out")))
                    parameter.zero_();
        var (_, report) = Run(model, "layers", SamplerConfig.Greedy);
        Assert.Equal(report.Drafted, report.Accepted);
        Assert.True(report.Passes <= Count / 4 + 1);
    }

    [Fact]
    public void Drafting_that_does_not_pay_turns_itself_off()
    {
        using var model = Model(2);
        using var target = new LmVerifier(model, 300);
        var config = new DraftConfig { Window = 8, Pause = 64, ExtraTokenCost = 0.5 };
        var (_, report) = new DraftVerifyLoop(target, new JacobiDrafter(), config, new SamplerConfig(), 3).Run(Prompt, 200);
        Assert.True(report.TimesOff > 0 && report.AcceptRate < 0.5, $"{report}");
        Assert.True(report.Gain(config) < 1.0);
    }

    private static (int[] Tokens, DraftReport Report) Run(SpeechLm model, string kind, SamplerConfig sampler)
    {
        using var target = new LmVerifier(model, 100);
        using var layers = new LayerSkipDrafter(model, 1, 100);
        IDrafter drafter = kind switch
        {
            "none" => new Nothing(), "ngram" => new NGramDrafter(3, 1), "jacobi" => new JacobiDrafter(), "blockwise" => new BlockwiseDrafter(target), _ => layers,
        };
        return new DraftVerifyLoop(target, drafter, new DraftConfig { Window = 1000 }, sampler, 1).Run(Prompt, Count);
    }

    private static SpeechLm Model(int books)
    {
        random.manual_seed(17);
        var model = new SpeechLm(new SpeechLmConfig
        {
            Transformer = new TransformerConfig { Dim = 16, Layers = 2, Heads = 2, Hidden = 24 }, Vocabulary = Enumerable.Repeat(12, books).ToArray(), DirectHeads = books, DraftHeads = 3,
        });
        using (no_grad())
            foreach (var parameter in model.parameters())
                if (parameter.dim() > 1)
                    nn.init.normal_(parameter, 0, 0.4);
        model.eval();
        return model;
    }

    private sealed class Nothing : IDrafter
    {
        public int[] Propose(IReadOnlyList<int> history, int most) => [];

        public void Learn(int accepted, int[] argmax) { }
    }
}
