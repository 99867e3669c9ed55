using Codec.Audio;
using Codec.Core.Codecs.Native;
using Codec.Training.Data;
using Codec.Training.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Codecs;

/// <summary>Held-out measures: mel distance per number of books, code usage, and a few decoded files.</summary>
public sealed class CodecValidation(CodecTrainConfig config, AudioCorpus corpus) : IDisposable
{
    private readonly MelLoss _mel = new(config.Model.SampleRate, config.Loss.MelWindows, config.Loss.MelBands, CPU);

    /// <summary>Measures a model as it stands.</summary>
    /// <returns>Values by name: "mel" without quantizer, "mel_k" with k books, "perplexity_k" of book k, "usage".</returns>
    public IReadOnlyDictionary<string, double> Measure(NativeModel model, Device device)
    {
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        model.eval();
        var books = model.Quantizer.Books.Count;
        var sums = new double[books + 1];
        var counts = Enumerable.Range(0, books).Select(_ => new long[model.Quantizer.Books[0].Size]).ToArray();
        var files = Files();
        foreach (var file in files)
            MeasureFile(model, device, file, sums, counts);
        model.train();

        var values = new Dictionary<string, double> { ["mel"] = sums[0] / files.Count };
        for (var k = 1; k <= books; k++)
            values[$"mel_{k}"] = sums[k] / files.Count;
        for (var k = 0; k < books; k++)
            values[$"perplexity_{k + 1}"] = Perplexity(counts[k]);
        values["usage"] = counts.Average(c => c.Count(n => n > 0) / (double)c.Length);
        return values;
    }

    private List<Utterance> Files()
        => corpus.Utterances.Where(u => config.ValidationSource == "" || u.Source == config.ValidationSource)
            .OrderBy(u => u.Path, StringComparer.Ordinal)
            .Take(config.ValidationFiles).ToList();

    private void MeasureFile(NativeModel model, Device device, Utterance file, double[] sums, long[][] counts)
    {
        using var scope = NewDisposeScope();
        var hop = config.Model.HopLength;
        var frames = (file.Length + config.Model.DelaySamples + hop - 1) / hop;
        var samples = new float[frames * hop];
        corpus.Read(file, 0, samples.AsSpan(0, file.Length));
        var audio_BS = tensor(samples, [1, samples.Length]).to(device);
        var target_BS = audio_BS.narrow(1, 0, file.Length).cpu();
        Tensor Trim(Tensor decoded_BS) => decoded_BS.narrow(1, config.Model.DelaySamples, file.Length).cpu();

        var latent_BTD = model.Encoder.forward(audio_BS, null);
        sums[0] += _mel.Compute(Trim(model.Decoder.forward(latent_BTD, null)), target_BS).item<float>();
        var codes_BKT = model.Quantizer.Encode(latent_BTD);
        for (var k = 1; k <= counts.Length; k++)
        {
            var quantized_BTD = model.Quantizer.Decode(codes_BKT.narrow(1, 0, k));
            sums[k] += _mel.Compute(Trim(model.Decoder.forward(quantized_BTD, null)), target_BS).item<float>();
            foreach (var code in codes_BKT.select(1, k - 1).cpu().contiguous().data<long>())
                counts[k - 1][code]++;
        }
    }

    /// <summary>exp of the entropy of the counts: as many entries as evenly used ones would say the same.</summary>
    private static double Perplexity(long[] counts)
    {
        double total = counts.Sum(), entropy = 0;
        foreach (var count in counts)
            if (count > 0)
                entropy -= count / total * Math.Log(count / total);
        return Math.Exp(entropy);
    }

    public void Dispose() => _mel.Dispose();
}
