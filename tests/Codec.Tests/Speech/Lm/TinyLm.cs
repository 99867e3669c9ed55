using Codec.Speech.Lm;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Speech.Lm;

/// <summary>Small random models for tests.</summary>
internal static class TinyLm
{
    public static SpeechLm Build(int seed, int books = 2, int vocabulary = 12, Func<TransformerConfig, TransformerConfig>? change = null)
    {
        var transformer = new TransformerConfig { Dim = 16, Layers = 2, Heads = 4, KeyValueHeads = 2, Hidden = 24 };
        random.manual_seed(seed);
        var model = new SpeechLm(new SpeechLmConfig
        {
            Transformer = change?.Invoke(transformer) ?? transformer, Vocabulary = Enumerable.Repeat(vocabulary, books).ToArray(), DirectHeads = books,
        });
        using (no_grad())
            foreach (var parameter in model.parameters())
                if (parameter.dim() > 1)
                    nn.init.normal_(parameter, 0, 0.4);
        model.eval();
        return model;
    }

    public static Tensor Tokens(SpeechLm model, int batch, int steps, int seed)
    {
        var random = new Random(seed);
        var count = batch * model.Streams * steps;
        return tensor(Enumerable.Range(0, count).Select(_ => (long)random.Next(model.Config.Vocabulary[0])).ToArray()).view(batch, model.Streams, steps);
    }
}
