using System.Diagnostics;
using Codec.Core.Kernels;
using Codec.Core.Runtime;
using Codec.Speech.Lm;
using Codec.Speech.Tokens;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Benchmarks;

/// <summary>
/// <c>lm [threads] [dim layers]</c>: decoding steps per second beside the memory bandwidth read in the same run, and our
/// matrix-vector products against libtorch's in turn. <c>lm ngrams TRAIN.tokens HELDOUT.tokens</c>: nats per code of n-grams.
/// </summary>
internal static class LmBenchmark
{
    private const int Books = 4;
    private const int History = 256;

    public static int Run(string[] args)
    {
        if (args is ["ngrams", var train, var heldOut])
            return NGrams(train, heldOut);
        if (args is ["patterns", var tokens, var unseen, var codec, ..])
            return PatternTable.Run(tokens, unseen, codec, args.Length > 4 ? int.Parse(args[4]) : 160, args.Length > 5 ? int.Parse(args[5]) : 3);
        TorchRuntime.Initialize(new TorchRuntimeOptions { Threads = args.Length > 0 ? int.Parse(args[0]) : 1 });
        var (dim, layers) = args.Length > 2 ? (int.Parse(args[1]), int.Parse(args[2])) : (512, 8);
        using var model = new SpeechLm(new SpeechLmConfig
        {
            Transformer = new TransformerConfig { Dim = dim, Layers = layers, Heads = dim / 64, Hidden = dim * 8 / 3 / 32 * 32 },
            Vocabulary = [1024, 1024, 1024, 1024], DirectHeads = Books,
        });
        model.eval();
        var read = model.parameters().Sum(p => p.numel()) - Books * 1025L * dim; // embeddings: one row a step
        Console.WriteLine($"dim {dim}, {layers} layers, {model.parameters().Sum(p => p.numel()) / 1e6:F1} M parameters, {get_num_threads()} threads, cache of {History} steps");
        var bandwidth = Bandwidth();
        Console.WriteLine($"memory: {bandwidth / 1e9:F1} GB/s read");
        foreach (var batch in new[] { 1, 4, 16 })
        {
            var steps = Steps(model, batch);
            Console.WriteLine($"batch {batch,2}  fp32: {steps:F1} steps/s ({steps * read * 4 / bandwidth:P0} of the bandwidth)");
        }
        foreach (var bits in new[] { 8, 4 })
        {
            model.Quantize(bits);
            Console.WriteLine($"batch  1  {bits} bits: {Steps(model, 1):F1} steps/s");
        }
        Products(dim, 4 * dim);
        return 0;
    }

    // One vector through [outputs, inputs]: ours against libtorch's, in turn.
    private static void Products(int inputs, int outputs)
    {
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        var (x, w) = (randn(1, inputs), randn(outputs, inputs));
        double Rate(Func<Tensor> product)
        {
            var clock = Stopwatch.StartNew();
            var count = 0;
            for (; clock.Elapsed.TotalSeconds < 0.1; count++)
                product().Dispose();
            return count / clock.Elapsed.TotalSeconds;
        }
        var blocks = new[] { 8, 4 }.Select(bits => BlockMatrix.Quantize(w.data<float>().ToArray(), inputs, bits)).ToArray();
        foreach (var (name, ours) in new (string, Func<Tensor>)[]
        {
            ("fp32", () => MatVec.Run(x, w, null)), ("8 bits", () => blocks[0].Multiply(x, null)), ("4 bits", () => blocks[1].Multiply(x, null)),
        })
        {
            var (own, torchs) = Alternate(() => Rate(ours), () => Rate(() => nn.functional.linear(x, w, null)));
            Console.WriteLine($"product {outputs} x {inputs}, {name}: ours / libtorch fp32 = {own / torchs:F2}");
        }
    }

    // Medians of alternating runs: other jobs disturb both alike.
    private static (double A, double B) Alternate(Func<double> a, Func<double> b)
    {
        var (first, second) = (new List<double>(), new List<double>());
        for (var round = 0; round < 5; round++)
        {
            first.Add(a());
            second.Add(b());
        }
        double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
        return (Median(first), Median(second));
    }

    private static double Steps(SpeechLm model, int batch)
    {
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        using var cache = new KvCache(model.Config.Transformer, batch, History + 40);
        var slots = Enumerable.Range(0, batch).ToArray();
        model.Hidden(zeros([batch, Books, History], ScalarType.Int64), cache, slots).Dispose();
        var token = zeros([batch, Books, 1], ScalarType.Int64);
        var clock = Stopwatch.StartNew();
        var count = 0;
        for (; clock.Elapsed.TotalSeconds < 4 && count < 40; count++)
            using (NewDisposeScope())
                model.Logits(model.Hidden(token, cache, slots));
        return count / clock.Elapsed.TotalSeconds;
    }

    private static double Bandwidth()
    {
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        var (weights, x) = (ones(8192, 8192), ones(1, 8192));
        var best = 0.0;
        for (var i = 0; i < 6; i++)
        {
            var clock = Stopwatch.StartNew();
            MatVec.Run(x, weights, null).Dispose();
            best = Math.Max(best, 8192.0 * 8192 * 4 / clock.Elapsed.TotalSeconds);
        }
        return best;
    }

    private static int NGrams(string trainPath, string heldOutPath)
    {
        using var train = TokenShard.Open(trainPath);
        using var heldOut = TokenShard.Open(heldOutPath);
        for (var k = 0; k < train.Books.Count; k++)
        {
            int[][] Read(TokenShard shard) => Enumerable.Range(0, shard.Items.Count).Select(i => shard.Read(i, 0, int.MaxValue)[k]).ToArray();
            var (seen, unseen) = (Read(train), Read(heldOut));
            var nats = new[] { 1, 2, 3 }.Select(order =>
            {
                var counts = new TokenStatistics(order, train.Books[k].Size);
                foreach (var tokens in seen)
                    counts.Add(tokens);
                return unseen.Sum(tokens => counts.Nats(tokens) * tokens.Length) / unseen.Sum(tokens => tokens.Length);
            });
            Console.WriteLine($"book {k}: nats per code of order 0, bigram, trigram: {string.Join(", ", nats.Select(n => n.ToString("F3")))}");
        }
        return 0;
    }
}
