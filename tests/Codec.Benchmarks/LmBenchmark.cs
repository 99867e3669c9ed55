using System.Diagnostics;
using Codec.Core.Kernels;
using Codec.Core.Runtime;
using Codec.Speech.Lm;
using Codec.Speech.Tokens;
using Codec.Training.Lm;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Benchmarks;

/// <summary>
/// <c>lm [threads] [dim layers] [bits,... batches,...]</c>: decoding steps per second beside the memory bandwidth read in the same run and beside the same model in
/// plain libtorch, in turn. <c>lm endless [steps]</c>: what 10^5 steps leave behind. <c>lm ngrams TRAIN,... HELDOUT</c>: nats per code of n-grams.
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
            return PatternTable.Run(tokens, unseen, codec, args.Length > 4 ? int.Parse(args[4]) : 160, args.Length > 5 ? int.Parse(args[5]) : 3, args.Length > 6 ? args[6..] : []);
        switch (args)
        {
            case ["report", var file, var unseenTokens, ..]:
                return LmReport.Run(file, unseenTokens, args.Length > 3 ? int.Parse(args[3]) : 250);
            case ["drafts", var sentences, var codes]:
                return LmReport.Drafts(sentences, codes);
            case ["pack", var packed, var output, var bits, var tokenizer]:
                return LmReport.Pack(packed, output, int.Parse(bits), tokenizer);
        }
        if (args is ["endless", ..])
            return Endless(args.Length > 1 ? int.Parse(args[1]) : 100_000);
        TorchRuntime.Initialize(new TorchRuntimeOptions { Threads = args.Length > 0 ? int.Parse(args[0]) : 1 });
        var (dim, layers) = args.Length > 2 ? (int.Parse(args[1]), int.Parse(args[2])) : (512, 8);
        using var model = Build(dim, layers);
        Console.WriteLine($"dim {dim}, {layers} layers, {model.parameters().Sum(p => p.numel()) / 1e6:F1} M parameters, {get_num_threads()} threads, {History} steps before; CPU time, medians of alternating runs");
        Console.WriteLine("| weights | batch | bandwidth, GB/s | ours, steps/s | share of bandwidth | libtorch fp32, steps/s | ratio |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        foreach (var bits in args.Length > 3 ? [.. args[3].Split(',').Select(int.Parse)] : new[] { 32, 8, 4 })
        {
            if (bits < 32)
                model.Quantize(bits);
            foreach (var batch in args.Length > 4 ? [.. args[4].Split(',').Select(int.Parse)] : new[] { 1, 4, 16 })
                Row(model, bits, batch);
        }
        if (args.Length <= 3)
            Products(dim, 4 * dim);
        return 0;
    }

    private static SpeechLm Build(int dim, int layers)
    {
        var model = new SpeechLm(new SpeechLmConfig
        {
            Transformer = new TransformerConfig { Dim = dim, Layers = layers, Heads = Math.Max(1, dim / 64), Hidden = dim * 8 / 3 / 32 * 32 },
            Vocabulary = [1024, 1024, 1024, 1024], DirectHeads = Books,
        });
        model.eval();
        return model;
    }

    private static void Row(SpeechLm model, int bits, int batch)
    {
        var (own, plain, memory, share) = Measure(model, batch);
        Console.WriteLine(string.Create(System.Globalization.CultureInfo.InvariantCulture,
            $"| {bits} bits | {batch} | {memory / 1e9:F1} | {own:F1} | {share:P0} | {plain:F1} | {own / plain:F2} |"));
    }

    /// <summary>Batch 1 of the standard model with each kind of weights, for the table of everything.</summary>
    public static IEnumerable<TableRow> Rows()
    {
        using var model = Build(512, 8);
        var millions = model.parameters().Sum(p => p.numel()) / 1e6;
        foreach (var bits in new[] { 32, 8, 4 })
        {
            if (bits < 32)
                model.Quantize(bits);
            var (own, plain, memory, share) = Measure(model, batch: 1);
            yield return new TableRow(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"language model, {millions:F0} M parameters, {bits}-bit weights: a step"), own, "steps/s", plain, "lm step",
                string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{share:P0} of {memory / 1e9:F1} GB/s; the others have 32 bits"));
        }
    }

    /// <summary>Steps per second of CPU time of both, in turn; bytes per second that the machine reads, and the share of it that ours takes.</summary>
    private static (double Ours, double Plain, double Memory, double Share) Measure(SpeechLm model, int batch)
    {
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        using var ours = new LmDecoder(model, batch, History + 400);
        using var plain = new PlainLm(model, batch, History + 400, History);
        using var filled = new KvCache(model.Config.Transformer, batch, History + 1);
        model.Hidden(zeros([batch, Books, History], ScalarType.Int64), filled, Enumerable.Range(0, batch).ToArray()).Dispose();
        for (var row = 0; row < batch; row++)
            ours.Import(filled, row, row);
        var (tokens, logits, ids) = (new int[batch * Books], new float[batch * Books * 1024], zeros([batch, Books], ScalarType.Int64));
        List<double> a = [], b = [], memory = [];
        for (var round = 0; round < 5; round++)
        {
            a.Add(Rate(() => ours.Step(tokens, logits), 0.25));
            b.Add(Rate(() => plain.Step(ids).Dispose(), 0.25));
            memory.Add(Bandwidth());
        }
        double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
        return (Median(a), Median(b), memory.Max(), Median(a) * ours.BytesPerStep / memory.Max());
    }

    // Calls per second of CPU time: other jobs take the machine away, not the time of this process. At most 60 calls, the cache is finite.
    private static double Rate(Action call, double seconds)
    {
        call();
        var process = Process.GetCurrentProcess();
        var start = process.TotalProcessorTime;
        var count = 0;
        for (; count < 60 && ((process = Refreshed(process)).TotalProcessorTime - start).TotalSeconds < seconds; count++)
            call();
        return count / (Refreshed(process).TotalProcessorTime - start).TotalSeconds;
    }

    private static Process Refreshed(Process process)
    {
        process.Refresh();
        return process;
    }

    /// <summary>Steps of a small model with a bounded context: nothing may grow.</summary>
    private static int Endless(int steps)
    {
        TorchRuntime.Initialize(new TorchRuntimeOptions { Threads = 1 });
        using var model = new SpeechLm(new SpeechLmConfig
        {
            Transformer = new TransformerConfig { Dim = 32, Layers = 2, Heads = 2, Hidden = 64, Context = 64 }, Vocabulary = [64, 64], DirectHeads = 2,
        });
        model.eval();
        using var mode = inference_mode();
        using var decoder = new LmDecoder(model, 1, 128);
        using var cache = new KvCache(model.Config.Transformer, 1, 128, 1);
        var (tokens, logits, sampler, uniforms) = (new int[2], new float[128], new Codec.Speech.Sampling.Sampler(new() { TopP = 0.9 }), new Codec.Speech.Sampling.SeededUniforms(1));
        Console.WriteLine("| steps | step kernels: allocated, bytes | live tensors | libtorch path: live tensors | resident, MB |\n|---|---|---|---|---|");
        long allocated = 0;
        for (var step = 1; step <= steps; step++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            decoder.Step(tokens, logits);
            allocated += GC.GetAllocatedBytesForCurrentThread() - before;
            for (var k = 0; k < 2; k++)
                tokens[k] = sampler.Sample(logits.AsSpan(64 * k, 64), uniforms[2L * step + k]);
            var kernels = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
            using (NewDisposeScope())
                model.Logits(model.Hidden(tensor(tokens.Select(t => (long)t).ToArray()).view(1, 2, 1), cache, [0]));
            if (step % (steps / 10) == 0)
                Console.WriteLine($"| {step} | {allocated} | {kernels} | {DisposeScopeManager.Statistics.ThreadTotalLiveCount} | {Refreshed(Process.GetCurrentProcess()).WorkingSet64 >> 20} |");
        }
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

    private static double Bandwidth()
    {
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        var (weights, x) = (ones(4096, 8192), ones(1, 8192));
        return 4096.0 * 8192 * 4 * Rate(() => MatVec.Run(x, weights, null).Dispose(), 0.1);
    }

    private static int NGrams(string trainPath, string heldOutPath)
    {
        using var train = new TokenCorpus(trainPath.Split(','), 1 << 20, Books);
        using var heldOut = new TokenCorpus([heldOutPath], 1 << 20, Books);
        for (var k = 0; k < Books; k++)
        {
            int[][] Read(TokenCorpus corpus) => Enumerable.Range(0, corpus.Count).Select(i => corpus.Read(i)[k]).ToArray();
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
