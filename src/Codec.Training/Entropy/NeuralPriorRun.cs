using Codec.Audio;
using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Prediction;
using Codec.Core.Codecs;
using Codec.Core.Codecs.Native;
using Codec.Core.Quantizers;
using Codec.Training.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Entropy;

/// <summary>From a codec and recordings to the tables of its entropy coder, and to a comparison of predictors.</summary>
public static class NeuralPriorRun
{
    /// <summary>The codes of all recordings, one entry each; recordings shorter than a frame are left out.</summary>
    /// <param name="codec">Stays the caller's.</param>
    /// <param name="source">Manifest or folder.</param>
    /// <param name="cacheFolder">Where decoded audio is kept.</param>
    /// <param name="every">Takes every n-th recording.</param>
    /// <param name="progress">Gets the share done.</param>
    public static IReadOnlyList<Codes> Encode(ICodec codec, string source, string cacheFolder, int every = 1, Action<double>? progress = null)
    {
        using var corpus = AudioCorpus.Open(source, cacheFolder, codec.Info.SampleRate);
        var files = new List<Codes>();
        for (var i = 0; i < corpus.Utterances.Count; i += every)
        {
            var utterance = corpus.Utterances[i];
            progress?.Invoke((i + 1.0) / corpus.Utterances.Count);
            if (utterance.Length < codec.Info.HopLength)
                continue;
            var samples = new float[utterance.Length];
            corpus.Read(utterance, 0, samples);
            using var mode = inference_mode();
            using var scope = NewDisposeScope();
            files.Add(codec.Encode(tensor(samples).reshape(1, 1, -1)));
        }
        return files;
    }

    /// <summary>Codes of crops at other speeds, pitches and levels: as of more speakers than there are.</summary>
    /// <param name="codec">Stays the caller's.</param>
    /// <param name="source">Manifest or folder.</param>
    /// <param name="cacheFolder">Where decoded audio is kept.</param>
    /// <param name="hours">Of crops.</param>
    /// <param name="progress">Gets the share done.</param>
    public static IReadOnlyList<Codes> EncodeVaried(ICodec codec, string source, string cacheFolder, double hours, Action<double>? progress = null)
    {
        const int seconds = 10;
        using var corpus = AudioCorpus.Open(source, cacheFolder, codec.Info.SampleRate);
        var sampler = new CropSampler(corpus, new AugmentationConfig { Speed = 0.18 }, new Dictionary<string, double>(), seed: 1);
        var files = new Codes[(int)Math.Ceiling(hours * 3600 / seconds)];
        for (var i = 0; i < files.Length; i++)
        {
            using var mode = inference_mode();
            using var scope = NewDisposeScope();
            files[i] = codec.Encode(tensor(sampler.Batch(i, 1, seconds * codec.Info.SampleRate)).reshape(1, 1, -1));
            progress?.Invoke((i + 1.0) / files.Length);
        }
        return files;
    }

    /// <summary>Trains tables for a codec; its codebooks are the start where it shows them, and get nested ones.</summary>
    /// <exception cref="ConfigException">The codec was not loaded from a file, or codes several channels together.</exception>
    public static NeuralPrior Train(ICodec codec, IReadOnlyList<Codes> files, NeuralPriorConfig config,
        NeuralPrior? start = null, Action<int, double[]>? report = null)
    {
        Require.That(codec.Info.WeightHash.Length > 0, "codec", "weights from a file, whose hash names the tables", "none");
        return WithNestedBooks(NeuralPriorTrainer.Train(files, CodecFileHeader.HashPrefix(codec.Info.TokenHash), config, Codebooks(codec), start, report), codec, files);
    }

    /// <summary>Counts of a codec's codes.</summary>
    /// <exception cref="ConfigException">Books at different rates, or a codec that was not loaded from a file.</exception>
    public static TreeTables Count(ICodec codec, IReadOnlyList<Codes> files)
    {
        Require.That(codec.Info.WeightHash.Length > 0, "codec", "weights from a file, whose hash names the tables", "none");
        Require.That(codec.Info.Books.All(book => book.Stride == 1), "codec", "all books at the base frame rate", codec.Info.Name);
        return TreeTables.Train(files, CodecFileHeader.HashPrefix(codec.Info.TokenHash));
    }

    /// <summary>Tables with the nested books of a codec, made anew; as they are where the codec shows no codebooks.</summary>
    /// <param name="prior">For the codes of the codec.</param>
    /// <param name="codec">Stays the caller's.</param>
    /// <param name="files">Codes, to weigh the entries.</param>
    public static NeuralPrior WithNestedBooks(NeuralPrior prior, ICodec codec, IReadOnlyList<Codes> files)
        => Codebooks(codec) is { } codebooks ? prior.WithNestedBooks(NestedClusters.Of(codebooks, files)) : prior;

    /// <summary>Bits a code of each book under the predictors of the library, on files that they have not seen.</summary>
    /// <param name="prior">The trained tables; null: no network is compared.</param>
    /// <param name="train">What the tree counts.</param>
    /// <param name="test">What is measured.</param>
    /// <param name="blockFrames">Frames from one reset to the next.</param>
    public static IReadOnlyList<(string Predictor, double[] BitsPerCode)> Compare(NeuralPrior? prior, IReadOnlyList<Codes> train,
        IReadOnlyList<Codes> test, int blockFrames)
    {
        var books = test[0].Specs;
        var tree = TreeTables.Train(train);
        var whole = test.Max(file => file.Frames);
        List<(string, double[])> table =
        [
            ("raw packing", [.. books.Select(book => Math.Ceiling(book.BitsPerCode))]),
            ("order 0, a file at a time", CodeLength.Measure(test, () => new AdaptiveModel(books), whole)),
            ("contexts mixed, a file at a time", CodeLength.Measure(test, () => new MixingModel(books, null), whole)),
            ("tree, trained", CodeLength.Measure(test, () => new TreeModel(tree), blockFrames)),
        ];
        if (prior is null)
            return table;
        table.Add(("neural", CodeLength.Measure(test, () => new NeuralModel(prior), blockFrames)));
        table.Add(("neural mixed, groups of 10", CodeLength.Measure(test, () => new MixingModel(books, prior), blockFrames, 10)));
        return table;
    }

    private static IReadOnlyList<float[,]>? Codebooks(ICodec codec)
    {
        if (codec is not NativeCodec { Model.Quantizer: ResidualVectorQuantizer quantizer })
            return null;
        using var scope = NewDisposeScope();
        return [.. quantizer.Codebooks.Select(book => PriorBook.Matrix(book.Entries.to(float32)))];
    }
}
