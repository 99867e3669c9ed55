using Codec.Audio;
using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Prediction;
using Codec.Training.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Entropy;

/// <summary>From a codec with a low band and recordings to the tables of the low band.</summary>
public static class LowbandPriorRun
{
    /// <summary>Codes and coefficients of all recordings; those shorter than a frame are left out.</summary>
    /// <param name="codec">Has a low band; stays the caller's.</param>
    /// <param name="source">Manifest or folder.</param>
    /// <param name="cacheFolder">Where decoded audio is kept.</param>
    /// <param name="config">Says how many books are kept.</param>
    /// <param name="every">Takes every n-th recording.</param>
    /// <param name="progress">Gets the share done.</param>
    /// <exception cref="ConfigException">The codec has no low band, or too few books.</exception>
    public static IReadOnlyList<LowbandRecording> Encode(ICodec codec, string source, string cacheFolder, LowbandPriorConfig config, int every = 1, Action<double>? progress = null)
    {
        var lowband = Lowband(codec);
        Require.That(codec.Info.Books.Count >= config.MostBooks, "codec", $"at least {config.MostBooks} books", codec.Info.Books.Count);
        using var corpus = AudioCorpus.Open(source, cacheFolder, codec.Info.SampleRate);
        var recordings = new List<LowbandRecording>();
        for (var i = 0; i < corpus.Utterances.Count; i += every)
        {
            var utterance = corpus.Utterances[i];
            progress?.Invoke((i + 1.0) / corpus.Utterances.Count);
            var frames = (utterance.Length + codec.Info.HopLength - 1) / codec.Info.HopLength;
            if (utterance.Length < codec.Info.HopLength)
                continue;
            var samples = new float[frames * codec.Info.HopLength];
            corpus.Read(utterance, 0, samples.AsSpan(0, (int)utterance.Length));
            using var mode = inference_mode();
            using var scope = NewDisposeScope();
            var codes = codec.Encode(tensor(samples).reshape(1, 1, -1));
            Array.Resize(ref samples, codes.Frames * codec.Info.HopLength); // the delay is flushed out with silence
            recordings.Add(new LowbandRecording(codes, config.FewestBooks,
                [.. Enumerable.Range(config.FewestBooks, config.MostBooks - config.FewestBooks + 1).Select(books => lowband.LowbandShares(samples, codes.Take(books)))]));
        }
        return recordings;
    }

    /// <summary>The tables of the books before the low band.</summary>
    /// <param name="codec">Makes the codes.</param>
    /// <param name="given">Tables to take; null: those that are at hand.</param>
    /// <exception cref="ConfigException">There are none for these codes, or the codec has no low band.</exception>
    public static NeuralPrior Neural(ICodec codec, NeuralPrior? given)
    {
        _ = Lowband(codec);
        var hash = CodecFileHeader.HashPrefix(codec.Info.TokenHash);
        var neural = given ?? EntropyPriors.For(hash) as NeuralPrior;
        Require.That(neural is not null && neural.TokenHash == hash, "--from", $"tables of the codes of this model ({hash:x8})", neural is null ? "none" : $"{neural.TokenHash:x8}");
        return neural!;
    }

    private static ILowbandCodec Lowband(ICodec codec)
        => codec is ILowbandCodec { LowbandCoefficients: > 0 } lowband ? lowband : throw new ConfigException($"codec: expected a model with a low band, found {codec.Info.Name}");
}
