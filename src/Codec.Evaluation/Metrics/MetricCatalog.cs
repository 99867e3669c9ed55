using Codec.Evaluation.Conditions;
using Codec.Evaluation.Dnsmos;
using Codec.Evaluation.Nisqa;
using Codec.Evaluation.Pesq;
using Codec.Evaluation.Speakers;
using Codec.Evaluation.Visqol;

namespace Codec.Evaluation.Metrics;

/// <summary>Files that some metrics need and that do not come with the product.</summary>
public sealed record MetricModels
{
    /// <summary>ViSQOL's audio regression (libsvm text).</summary>
    public string? VisqolRegression { get; init; }

    /// <summary>Folder with sig_bak_ovr.onnx and model_v8.onnx.</summary>
    public string? Dnsmos { get; init; }

    /// <summary>NISQA checkpoint.</summary>
    public string? Nisqa { get; init; }

    /// <summary>What was said; null where that is not known.</summary>
    public Transcripts? Transcripts { get; init; }

    /// <summary>Where programs are looked for, as in PATH.</summary>
    public string? SearchPath { get; init; }
}

/// <summary>All metrics by name.</summary>
public static class MetricCatalog
{
    private const int SpeechRate = 16000, AudioRate = 48000;

    /// <summary>What `codec eval` computes unless told otherwise.</summary>
    public static IReadOnlyList<string> Default { get; } =
        ["pesq_wb", "estoi", "visqol_speech", "mel_dac_default", "lsd_db", "si_sdr_db", "stoi", "pesq_nb", "f0_corr", "speaker_sim", "loudness"];

    /// <summary>Metrics by name, in the order asked for; "all" for every one whose models are given.</summary>
    /// <exception cref="Codec.Audio.ConfigException">An unknown name.</exception>
    public static IReadOnlyList<Metric> Select(IEnumerable<string> names, MetricModels models)
    {
        var all = Create(models);
        var wanted = names.ToArray();
        if (wanted is ["all"])
            return all;
        return [.. wanted.Select(name => all.FirstOrDefault(m => m.Columns.Any(c => c.Name == name))
            ?? throw new Codec.Audio.ConfigException($"unknown metric '{name}'; known: {string.Join(", ", all.Select(m => m.Name))}")).Distinct()];
    }

    /// <summary>Every metric.</summary>
    public static IReadOnlyList<Metric> Create(MetricModels models) =>
    [
        Metric.Of(new("pesq_wb", "PESQ-WB", true, 4.644), "P.862.2-style wide-band score at 16 kHz (not a conformance-tested PESQ)",
            p => On(p.At(SpeechRate), PesqScore.WideBand)),
        Metric.Of(new("estoi", "ESTOI", true, 1, 4), "extended short-time objective intelligibility, after alignment",
            p => On(p.AlignedAt(SpeechRate), Stoi.Extended)),
        Metric.Of(new("visqol_speech", "ViSQOL speech", true, 5), "ViSQOL v3, speech mode at 16 kHz, exponential mapping",
            p => On(p.At(SpeechRate), (r, d) => VisqolScore.Measure(r, d, VisqolMode.Speech).ExponentialMos)),
        VisqolAudio(models.VisqolRegression),
        Metric.Of(new("pesq_nb", "PESQ-NB", true, 4.549), "P.862.1-style narrow-band score at 16 kHz (not a conformance-tested PESQ)",
            p => On(p.At(SpeechRate), PesqScore.NarrowBand)),
        Metric.Of(new("stoi", "STOI", true, 1, 4), "short-time objective intelligibility, after alignment",
            p => On(p.AlignedAt(SpeechRate), Stoi.Score)),
        Native(new("mel_dac_default", "Mel distance", false, 0), "mel distance with the DAC defaults, at the reference's rate, after alignment",
            SpectralDistances.MelDacDefault),
        Native(new("mel_dac_base", "Mel distance (7 scales)", false, 0), "mel distance of DAC's training, at the reference's rate, after alignment",
            SpectralDistances.MelDacBase),
        Native(new("ms_stft_dac", "STFT distance", false, 0), "multi-scale STFT distance of DAC, at the reference's rate, after alignment",
            SpectralDistances.MultiScaleStft),
        Native(new("lsd_db", "LSD (dB)", false, 0, 2), "log-spectral distance, at the reference's rate, after alignment",
            SpectralDistances.LogSpectral),
        Native(new("si_sdr_db", "SI-SDR (dB)", true, 100, 2), "scale-invariant signal-to-distortion ratio, after alignment, at most 100 dB",
            (r, d) => WaveformMetrics.SiSdr(WaveformMetrics.Sounding(r), d)),
        Native(new("snr_db", "SNR (dB)", true, 100, 2), "signal-to-noise ratio, after alignment, at most 100 dB",
            (r, d) => WaveformMetrics.Snr(WaveformMetrics.Sounding(r), d)),
        new([new("f0_corr", "F0 correlation", true, 1), new("f0_rmse_cents", "F0 error (cents)", false, 0, 1), new("voicing_error", "Voicing error", false, 0)],
            "pitch by YIN every 10 ms after alignment: correlation and RMS error of log F0 where both are voiced, share of frames voiced in one only",
            p => PitchMetrics.Compare(p.AlignedAt(SpeechRate).Reference, p.AlignedAt(SpeechRate).Degraded)),
        new([new("loudness", "Loudness change (LU)", false, 0, 2)], "absolute change of integrated loudness, ITU-R BS.1770-4 with gating",
            p => [On(p.At(p.SampleRate), (r, d) => Math.Abs(Loudness.Integrated(d) - Loudness.Integrated(r)))]),
        .. Dnsmos(models.Dnsmos),
        Nisqa(models.Nisqa),
        Recognizer(models),
        Metric.Of(new("speaker_sim", "Speaker similarity", true, 1) { IsTask = true }, "cosine of our speaker embedding of reference and degraded, 16 kHz",
            p => On(p.At(SpeechRate), SpeakerModel.Default.Similarity)),
    ];

    private static Metric Nisqa(string? path)
    {
        var model = path is null ? null : new Lazy<NisqaScore>(() => new NisqaScore(path));
        return Metric.Of(new("nisqa_mos", "NISQA MOS", true, null), "NISQA v2 overall quality of the degraded signal alone, at the reference's sample rate",
            p => (model?.Value ?? throw new MetricException("no weights were given (nisqa.tar of gabrielmittag/NISQA; not for commercial use)"))
                .Score(p.At(p.SampleRate).Degraded, p.SampleRate)[0]) with { Fingerprint = FileStamp.Of(path) };
    }

    private static Metric[] Dnsmos(string? folder)
    {
        var model = folder is null ? null : new Lazy<DnsmosScore>(() => new DnsmosScore(folder));
        var stamp = folder is null ? "" : $"{FileStamp.Of(Path.Combine(folder, DnsmosScore.P835File))} {FileStamp.Of(Path.Combine(folder, DnsmosScore.P808File))}";
        DnsmosScore Model() => model?.Value ?? throw new MetricException("no model folder was given (sig_bak_ovr.onnx, model_v8.onnx of microsoft/DNS-Challenge)");
        return
        [
            new([new("dnsmos_ovrl", "DNSMOS OVRL", true, null), new("dnsmos_sig", "DNSMOS SIG", true, null), new("dnsmos_bak", "DNSMOS BAK", true, null)],
                "DNSMOS P.835 of the degraded signal alone, 16 kHz", p => Model().P835(p.At(SpeechRate).Degraded) is var v ? [v[2], v[0], v[1]] : []) { Fingerprint = stamp },
            Metric.Of(new("dnsmos_p808", "DNSMOS P.808", true, null), "DNSMOS P.808 of the degraded signal alone, 16 kHz, newer mel front end",
                p => Model().P808(p.At(SpeechRate).Degraded)) with { Fingerprint = stamp },
        ];
    }

    private static Metric Recognizer(MetricModels models)
    {
        var recognizer = new RecognizerMetrics(models.SearchPath, models.Transcripts);
        return new([new("wer_sphinx", "WER against the original", false, 0) { IsTask = true }, .. models.Transcripts is null
                ? Array.Empty<MetricColumn>() : [new("wer_text", "WER against the transcript", false, null) { IsTask = true }]],
            "word error rate of pocketsphinx (Debian's US English models, first pass) on the degraded audio, against what it understands of the original, and against the transcript",
            pair => recognizer.WordErrorRates(pair)[..(models.Transcripts is null ? 1 : 2)]) { Fingerprint = recognizer.Fingerprint };
    }

    private static Metric Native(MetricColumn column, string definition, Measure measure)
        => Metric.Of(column, definition, p => On(p.AlignedAt(p.SampleRate), measure));

    private static double On((AnalysedSignal Reference, AnalysedSignal Degraded) pair, Measure measure) => measure(pair.Reference, pair.Degraded);

    private static Metric VisqolAudio(string? path)
    {
        var model = path is null ? null : SupportVectorRegression.Load(path);
        return Metric.Of(new("visqol_audio", "ViSQOL audio", true, 4.732), "ViSQOL v3, audio mode at 48 kHz, support vector regression",
            p => model is null
                ? throw new MetricException("no regression model was given (libsvm_nu_svr_model.txt of google/visqol)")
                : On(p.At(AudioRate), (r, d) => VisqolScore.Measure(r, d, VisqolMode.Audio).RegressionMos(model))) with { Fingerprint = FileStamp.Of(path) };
    }

    private delegate double Measure(AnalysedSignal reference, AnalysedSignal degraded);
}
