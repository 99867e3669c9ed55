using System.Globalization;
using System.Text;
using Codec.Core;
using Codec.Core.Codecs;
using Codec.Core.Runtime;
using Codec.Speech.Drafting;
using Codec.Speech.Lm;
using Codec.Speech.Patterns;
using Codec.Speech.Sampling;
using Codec.Speech.Tokens;
using Codec.Training.Lm;
using Codec.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Benchmarks;

/// <summary>
/// <c>lm report MODEL HELDOUT [frames]</c>: perplexity per book, what 8- and 4-bit weights and an 8-bit cache cost.
/// <c>lm drafts SENTENCES TOKENS</c>: what each drafter brings on small models of text and of codes, greedy and sampled.
/// <c>lm pack MODEL OUT BITS CODEC</c>: a smaller file, for the codec whose tokens it was trained on.
/// </summary>
internal static class LmReport
{
    public static int Run(string modelPath, string heldOut, int frames)
    {
        TorchRuntime.Initialize(new TorchRuntimeOptions { Threads = 1 });
        var (reference, info) = SpeechLmFile.Load(modelPath);
        using var corpus = new TokenCorpus([heldOut], frames, reference.Streams);
        var loss = new LmLoss(info.Pattern, corpus.Books, reference.Config.BookPositions);
        using var mode = inference_mode();
        var batches = Enumerable.Range(0, corpus.Count).Chunk(8).Select(rows => loss.Build(rows.Select(corpus.Read).ToArray(), rows.Select(corpus.Frames).ToArray(), CPU)).ToArray();
        Console.WriteLine($"held out: {corpus.TotalFrames} frames");
        var perBook = Nats(reference, loss, batches);
        Console.WriteLine("nats per code by book: " + string.Join(" ", perBook.Select(F)) + "; perplexity: " + string.Join(" ", perBook.Select(n => F(Math.Exp(n)))));
        Console.WriteLine("| weights | nats per code by book | mean | change |\n|---|---|---|---|");
        foreach (var bits in new[] { 32, 8, 4 })
        {
            var (model, _) = SpeechLmFile.Load(modelPath);
            if (bits < 32)
                model.Quantize(bits);
            var nats = Nats(model, loss, batches);
            var divergence = model.Depth is null && bits < 32 ? LmComparison.Compare(reference, model, batches).Divergence : Divergence(reference, model, batches);
            Console.WriteLine($"| {bits} bits | {string.Join(" ", nats.Select(F))} | {F(nats.Average())} | {(nats.Average() - perBook.Average()).ToString("+0.0000;-0.0000", CultureInfo.InvariantCulture)}, Jensen-Shannon {divergence.ToString("0.000000", CultureInfo.InvariantCulture)} |");
            model.Dispose();
        }
        Cache(reference, batches[0]);
        return 0;
    }

    public static int Pack(string modelPath, string path, int bits, string codecPath)
    {
        TorchRuntime.Initialize(new TorchRuntimeOptions { Threads = 1 });
        var (model, info) = SpeechLmFile.Load(modelPath);
        if (bits < 16)
            model.Quantize(bits);
        using var codec = CodecCatalog.Load(codecPath);
        SpeechLmFile.Save(path, model, info with { Codec = TokenIdentity.Of(codec) }, half: true);
        Console.WriteLine($"{model.parameters().Sum(p => p.numel())} parameters, {new FileInfo(path).Length} bytes");
        return 0;
    }

    private static double[] Nats(SpeechLm model, LmLoss loss, LmBatch[] batches)
    {
        var (sums, codes) = (new double[model.Streams], new long[model.Streams]);
        foreach (var batch in batches)
        {
            using var scope = NewDisposeScope();
            var means = loss.Compute(model, batch).PerBook_K.data<float>().ToArray();
            for (var k = 0; k < sums.Length; k++)
                (sums[k], codes[k]) = (sums[k] + means[k] * batch.Codes[k], codes[k] + batch.Codes[k]);
        }
        return sums.Select((s, k) => s / codes[k]).ToArray();
    }

    // Of the first book's next-code distributions.
    private static double Divergence(SpeechLm a, SpeechLm b, LmBatch[] batches)
    {
        var (sum, count) = (0.0, 0L);
        foreach (var batch in batches)
        {
            using var scope = NewDisposeScope();
            var places = batch.Targets_BKS.select(1, 0).flatten().ge(0).nonzero().squeeze(1);
            Tensor LogProbs(SpeechLm model) => model.Head(model.HiddenAt(batch.Tokens_BKS, batch.Positions), 0).flatten(0, 1).index_select(0, places).to(ScalarType.Float64).log_softmax(-1);
            var (p, q) = (LogProbs(a), LogProbs(b));
            var middle = logaddexp(p, q) - Math.Log(2);
            sum += 0.5 * (p.exp() * (p - middle) + q.exp() * (q - middle)).sum().item<double>();
            count += places.shape[0];
        }
        return sum / count;
    }

    // Step by step through a float and an 8-bit cache: the first book's nats.
    private static void Cache(SpeechLm model, LmBatch batch)
    {
        double Run(bool int8)
        {
            using var scope = NewDisposeScope();
            var rows = (int)batch.Tokens_BKS.shape[0];
            var steps = (int)batch.Tokens_BKS.shape[2];
            using var cache = new KvCache(model.Config.Transformer, rows, steps, int8: int8);
            Console.Write($"{(int8 ? "8-bit" : "float32")} cache {cache.Bytes} bytes, ");
            var hidden = cat(Enumerable.Range(0, steps).Select(s => model.Hidden(batch.Tokens_BKS.narrow(2, s, 1), cache, Enumerable.Range(0, rows).ToArray())).ToArray(), 1);
            return nn.functional.cross_entropy(model.Head(hidden, 0).flatten(0, 1), batch.Targets_BKS.select(1, 0).flatten(), ignore_index: -100).item<float>();
        }
        Console.WriteLine($"nats of book 0: {Run(false):F5} float32, {Run(true):F5} 8 bits");
    }

    public static int Drafts(string sentences, string tokens)
    {
        TorchRuntime.Initialize(new TorchRuntimeOptions { Threads = 1 });
        var folder = Directory.CreateTempSubdirectory("drafts").FullName;
        try
        {
            var text = Path.Combine(folder, "text.tokens");
            TokenShard.Write(text, "utf-8", File.ReadLines(sentences).Where(l => l.Length > 0).Chunk(4).Select((lines, i) =>
            {
                var bytes = Encoding.UTF8.GetBytes(string.Join("\n", lines)).Select(b => (int)b).ToArray();
                return ($"{i}", "", (string?)null, new Codes([new CodebookSpec(256)], [[bytes]], bytes.Length));
            }).ToArray());
            Console.WriteLine("| model | sampling | drafter | acceptance | tokens per pass | gain by costs | turned off |\n|---|---|---|---|---|---|---|");
            Table("text", Train(text, 1, new PatternSpec.Parallel(), 500, Path.Combine(folder, "a")), Encoding.UTF8.GetBytes("The ").Select(b => (int)b).ToArray());
            using var shard = TokenShard.Open(tokens);
            Table("codes, flat", Train(tokens, 2, new PatternSpec.Flat(), 250, Path.Combine(folder, "b")), Enumerable.Range(0, 40).Select(i => shard.Read(0, 0, 20)[i % 2][i / 2]).ToArray());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
        return 0;
    }

    private static SpeechLm Train(string shard, int books, PatternSpec pattern, int steps, string run)
    {
        var config = new LmTrainConfig
        {
            Model = new TransformerConfig { Dim = 96, Layers = 4, Heads = 4, Hidden = 192 }, Pattern = pattern, Books = books, DraftHeads = 3,
            Train = [shard], Validation = [shard], Run = run, MaxFrames = 150, BatchFrames = 1200, Steps = steps, ValidationBatches = 5,
            Schedule = new Schedule { LearningRate = 4e-3, WarmupSteps = 20 }, Optimizer = new AdamWConfig { Beta1 = 0.9, Beta2 = 0.95, AverageDecay = 0.98 },
        }.Validate();
        using var trainer = new LmTrainer(config, CPU, resume: false);
        while (trainer.Step < steps)
            trainer.TrainStep(out _);
        var nats = trainer.Validate().Values["nats"];
        trainer.Checkpoint();
        var (model, _) = SpeechLmFile.Load(trainer.ModelPath);
        Console.Error.WriteLine($"{pattern.GetType().Name}: {nats:F3} nats");
        return model;
    }

    private static void Table(string name, SpeechLm model, int[] prompt)
    {
        foreach (var (sampling, sampler) in new[] { ("greedy", SamplerConfig.Greedy), ("temperature 1", new SamplerConfig()) })
            foreach (var kind in new[] { "recycled n-grams", "Jacobi", "blockwise heads", "first 2 of 4 layers" })
            {
                using var target = new LmVerifier(model, 400);
                using var layers = new LayerSkipDrafter(model, 2, 400);
                IDrafter drafter = kind switch { "recycled n-grams" => new NGramDrafter(), "Jacobi" => new JacobiDrafter(), "blockwise heads" => new BlockwiseDrafter(target), _ => layers };
                var config = new DraftConfig { DraftLength = 3, DraftTokenCost = drafter == layers ? layers.Cost : drafter is BlockwiseDrafter ? 0.1 : 0 };
                var (_, report) = new DraftVerifyLoop(target, drafter, config, sampler, 1).Run(prompt, 240);
                Console.WriteLine($"| {name} | {sampling} | {kind} | {report.AcceptRate:P0} of {report.Drafted} | {(double)report.Tokens / report.Passes:F2} | {report.Gain(config):F2} | {report.TimesOff} times |");
            }
        model.Dispose();
    }

    private static string F(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);
}
