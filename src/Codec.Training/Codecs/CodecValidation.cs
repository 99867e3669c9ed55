using Codec.Audio;
using Codec.Audio.Pictures;
using Codec.Core.Codecs.Native;
using Codec.Evaluation;
using Codec.Evaluation.Metrics;
using Codec.Training.Data;
using Codec.Training.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Codecs;

/// <summary>
/// Held-out measures: mel distance per number of books, ESTOI and SI-SDR with all, code usage; and of the first files
/// the decoded audio and a spectrogram.
/// </summary>
public sealed class CodecValidation(CodecTrainConfig config, AudioCorpus corpus) : IDisposable
{
    private const int Examples = 2;

    private readonly MelLoss _mel = new(config.Model.SampleRate, config.Loss.MelWindows, config.Loss.MelBands, CPU);

    /// <summary>Running sums over files.</summary>
    private sealed class Sums(int books, int size)
    {
        public double[] Mel { get; } = new double[books + 1];
        public long[][] Counts { get; } = [.. Enumerable.Range(0, books).Select(_ => new long[size])];
        public double Estoi { get; set; }
        public double LowbandMel { get; set; }
        public double LowbandEstoi { get; set; }
        public double LowbandSnr { get; set; }
        public int EstoiFiles { get; set; }
        public double SiSdr { get; set; }
    }

    /// <summary>Measures a model as it stands.</summary>
    /// <returns>Values by name: "mel_0" without quantizer, "mel_k" with k books, "perplexity_k" of book k, "usage", "estoi", "si_sdr".</returns>
    public IReadOnlyDictionary<string, double> Measure(NativeModel model, Device device)
    {
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        model.eval();
        var books = model.Quantizer.Books;
        var sums = new Sums(books.Count, books.Max(b => b.Size));
        var files = Files();
        for (var i = 0; i < files.Count; i++)
            MeasureFile(model, device, files[i], sums, example: i < Examples);
        model.train();

        var values = new Dictionary<string, double>
        {
            ["si_sdr"] = sums.SiSdr / files.Count,
            ["usage"] = sums.Counts.Zip(books, (c, b) => c.Count(n => n > 0) / (double)b.Size).Average(),
        };
        if (sums.EstoiFiles > 0)
            values["estoi"] = sums.Estoi / sums.EstoiFiles;
        if (model.Decoder.Lowband is not null)
        {
            (values["mel_lowband"], values["snr_lowband"]) = (sums.LowbandMel / files.Count, sums.LowbandSnr / files.Count);
            if (sums.EstoiFiles > 0)
                values["estoi_lowband"] = sums.LowbandEstoi / sums.EstoiFiles;
        }
        for (var k = 0; k <= books.Count; k++)
            values[$"mel_{k}"] = sums.Mel[k] / files.Count;
        for (var k = 0; k < books.Count; k++)
            values[$"perplexity_{k + 1}"] = Perplexity(sums.Counts[k]);
        return values;
    }

    private List<Utterance> Files()
    {
        var files = corpus.Utterances.Where(u => config.ValidationSource == "" || u.Source == config.ValidationSource)
            .OrderBy(u => u.Path, StringComparer.Ordinal)
            .Take(config.ValidationFiles).ToList();
        return files.Count > 0 ? files : throw new ConfigException($"{config.Validation}: expected files of source {config.ValidationSource}, found none");
    }

    private void MeasureFile(NativeModel model, Device device, Utterance file, Sums sums, bool example)
    {
        using var scope = NewDisposeScope();
        var hop = config.Model.HopLength;
        var frames = (file.Length + config.Model.DelaySamples + hop - 1) / hop;
        var samples = new float[frames * hop];
        corpus.Read(file, 0, samples.AsSpan(0, file.Length));
        var audio_BS = tensor(samples, [1, samples.Length]).to(device);
        var target_BS = audio_BS.narrow(1, 0, file.Length).cpu();
        Tensor Decode(Tensor latent_BTD) => model.Decoder.forward(latent_BTD, null).narrow(1, config.Model.DelaySamples, file.Length).cpu();

        var latent_BTD = model.Encoder.forward(audio_BS, null);
        sums.Mel[0] += _mel.Compute(Decode(latent_BTD), target_BS).item<float>();
        var codes_BKT = model.Quantizer.Encode(latent_BTD);
        var decoded_BS = target_BS;
        for (var k = 1; k < sums.Mel.Length; k++)
        {
            decoded_BS = Decode(model.Quantizer.Decode(codes_BKT.narrow(1, 0, k)));
            sums.Mel[k] += _mel.Compute(decoded_BS, target_BS).item<float>();
            foreach (var code in codes_BKT.select(1, k - 1).cpu().contiguous().data<long>())
                sums.Counts[k - 1][code]++;
        }
        var (original, decoded) = (samples[..file.Length], decoded_BS.contiguous().data<float>().ToArray());
        var lowband = model.Decoder.Lowband is { } layer ? DecodeLowband(layer) : null;
        try
        {
            if (lowband is not null)
                sums.LowbandEstoi += Stoi.Extended(original, lowband, config.Model.SampleRate);
            sums.Estoi += Stoi.Extended(original, decoded, config.Model.SampleRate);
            sums.EstoiFiles++;
        }
        catch (MetricException)
        {
            // Less than 384 ms of speech has no intelligibility score; the file still counts for the other measures.
        }
        sums.SiSdr += WaveformMetrics.SiSdr(original, decoded);
        if (example)
            WriteExample(Path.GetFileNameWithoutExtension(file.Path), original, lowband ?? decoded);

        float[] DecodeLowband(Lowband layer)
        {
            var low_BTD = model.Quantizer.Decode(codes_BKT.narrow(1, 0, Math.Min(sums.Mel.Length - 1, config.Lowband.MostBooks - 1)));
            var coefficients_BTK = layer.Analyze(audio_BS);
            var quantized_BTK = layer.Quantize(coefficients_BTK, layer.Level(low_BTD), ones(1, 1, 1, device: device));
            sums.LowbandSnr += 10 * Math.Log10(coefficients_BTK.square().sum().item<float>() / Math.Max(1e-9, (coefficients_BTK - quantized_BTK).square().sum().item<float>()));
            var with_BS = model.Decoder.Decode(low_BTD, null, quantized_BTK).Audio_BS.narrow(1, config.Model.DelaySamples, file.Length).cpu();
            sums.LowbandMel += _mel.Compute(with_BS, target_BS).item<float>();
            return with_BS.contiguous().data<float>().ToArray();
        }
    }

    private void WriteExample(string name, float[] original, float[] decoded)
    {
        var folder = Directory.CreateDirectory(Path.Combine(config.Run, "validation")).FullName;
        AudioFile.Write(Path.Combine(folder, name + ".wav"), new AudioBuffer(decoded, config.Model.SampleRate));
        SpectrogramImage.Write(Path.Combine(folder, name + ".png"),
            new SpectrogramPanel("original", original, config.Model.SampleRate),
            new SpectrogramPanel("decoded, all books", decoded, config.Model.SampleRate));
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
