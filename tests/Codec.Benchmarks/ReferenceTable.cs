using System.Globalization;
using System.Text.Json;
using Codec.Audio;
using Codec.Core.Runtime;
using Codec.Evaluation.Dnsmos;
using Codec.Evaluation.Metrics;
using Codec.Evaluation.Nisqa;
using Codec.Evaluation.Pesq;
using Codec.Evaluation.Visqol;

namespace Codec.Benchmarks;

/// <summary>
/// <c>reference FOLDER [WORD]</c>: every metric (or those with a word in their names) on every pair of FOLDER/values.json and visqol_conformance.json, our value beside the recorded one,
/// as Markdown. Signals go in as they are, without alignment, as the recorded values were made.
/// </summary>
internal static class ReferenceTable
{
    private static readonly string[] NisqaOutputs = ["MOS", "noisiness", "discontinuity", "coloration", "loudness"];

    private sealed record Column(string Label, Func<AudioBuffer, AudioBuffer, double> Ours, Func<JsonElement, double> Recorded);

    private sealed record Cell(string Pair, double Ours, double Recorded)
    {
        public double Deviation => Math.Abs(Ours - Recorded);
    }

    public static int Run(string folder, string word)
    {
        TorchRuntime.Initialize(new TorchRuntimeOptions { Threads = 1 });
        using var dnsmos = new DnsmosScore(Path.Combine(folder, "models", "dnsmos"));
        using var nisqa = new NisqaScore(Path.Combine(folder, "models", "nisqa", "nisqa.tar"));
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "values.json")));
        var pairs = document.RootElement.GetProperty("pairs").EnumerateArray().ToArray();
        var columns = Columns(dnsmos, nisqa).Where(c => c.Label.Contains(word, StringComparison.OrdinalIgnoreCase)).ToArray();
        var cells = columns.ToDictionary(c => c, _ => new List<Cell>());
        foreach (var pair in pairs)
        {
            AudioBuffer Read(string key) => AudioFile.Read(Path.Combine(folder, pair.GetProperty(key).GetString()!));
            var (reference, degraded) = (Read("ref"), Read("deg"));
            foreach (var column in columns)
                cells[column].Add(new Cell(pair.GetProperty("id").GetString()!, column.Ours(reference, degraded), column.Recorded(pair.GetProperty("values"))));
        }
        Summary(cells);
        Conformance(folder);
        Details(pairs.Length, cells);
        return 0;
    }

    private static Column[] Columns(DnsmosScore dnsmos, NisqaScore nisqa)
    {
        static Column Plain(string label, string key, Func<float[], float[], int, double> metric, double ceiling = double.MaxValue)
            => new(label, (r, d) => metric(r.Channel(0), d.Channel(0), r.SampleRate), v => Math.Min(ceiling, v.GetProperty(key).GetDouble()));
        Column P835(string label, string key, int index)
            => new(label, (_, d) => dnsmos.P835(d[0])[index], v => v.GetProperty("dnsmos_degraded").GetProperty(key).GetDouble());
        return
        [
            Plain("PESQ-WB", "pesq_wb", (r, d, rate) => PesqScore.WideBand(r, d, rate)),
            Plain("PESQ-NB", "pesq_nb", (r, d, rate) => PesqScore.NarrowBand(r, d, rate)),
            Plain("STOI", "stoi", (r, d, rate) => Stoi.Score(r, d, rate)),
            Plain("ESTOI", "estoi", (r, d, rate) => Stoi.Extended(r, d, rate)),
            Plain("SI-SDR (dB)", "si_sdr_db", (r, d, _) => WaveformMetrics.SiSdr(r, d), ceiling: 100),
            Plain("LSD (dB)", "lsd_db", (r, d, _) => SpectralDistances.LogSpectral(r, d)),
            Plain("mel, DAC defaults", "mel_dac_default", (r, d, rate) => SpectralDistances.MelDacDefault(r, d, rate)),
            Plain("mel, DAC training", "mel_dac_base", (r, d, rate) => SpectralDistances.MelDacBase(r, d, rate)),
            Plain("STFT, DAC", "ms_stft_dac", (r, d, _) => SpectralDistances.MultiScaleStft(r, d)),
            Plain("ViSQOL speech", "visqol_speech_exponential", (r, d, rate) => VisqolScore.Measure(r, d, rate, VisqolMode.Speech).ExponentialMos),
            P835("DNSMOS SIG", "dnsmos_sig", 0), P835("DNSMOS BAK", "dnsmos_bak", 1), P835("DNSMOS OVRL", "dnsmos_ovrl", 2),
            new("DNSMOS P.808", (_, d) => dnsmos.P808(d[0]), v => v.GetProperty("dnsmos_degraded").GetProperty("dnsmos_p808").GetDouble()),
            .. NisqaOutputs.Select((name, i) => new Column("NISQA " + name,
                (_, d) => nisqa.Score(d[0], d.SampleRate)[i], v => v.GetProperty("nisqa_v2_mos_noi_dis_col_loud_degraded")[i].GetDouble())),
        ];
    }

    private static void Summary(Dictionary<Column, List<Cell>> cells)
    {
        Console.WriteLine("| metric | pairs | largest deviation | on |\n| --- | --- | --- | --- |");
        foreach (var (column, values) in cells)
            if (values.MaxBy(c => c.Deviation) is { } worst)
                Console.WriteLine($"| {column.Label} | {values.Count} | {worst.Deviation.ToString("0.#e0", CultureInfo.InvariantCulture)} | {worst.Pair} |");
        Console.WriteLine();
    }

    /// <summary>The published scores of ViSQOL for its own recordings, as far as they are there; the lattice is not ours.</summary>
    private static void Conformance(string folder)
    {
        var regression = SupportVectorRegression.Load(Path.Combine(folder, "models", "visqol", "libsvm_nu_svr_model.txt"));
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "visqol_conformance.json")));
        Console.WriteLine("| ViSQOL's own pairs | mode | published | ours | deviation |\n| --- | --- | --- | --- | --- |");
        foreach (var pair in document.RootElement.GetProperty("pairs").EnumerateArray())
        {
            var (name, mode) = (pair.GetProperty("deg").GetString()!, pair.GetProperty("mode").GetString()!);
            if (!pair.GetProperty("included").GetBoolean() || mode.Contains("lattice"))
                continue;
            AudioBuffer Read(string key) => AudioFile.Read(Path.Combine(folder, "pairs48", Path.ChangeExtension(pair.GetProperty(key).GetString(), ".flac")!)).ToMono();
            var (r, d) = (Read("ref"), Read("deg"));
            var result = VisqolScore.Measure(r[0], d[0], r.SampleRate, mode == "audio" ? VisqolMode.Audio : VisqolMode.Speech);
            var ours = mode == "audio" ? result.RegressionMos(regression) : mode.Contains("unscaled") ? result.UnscaledExponentialMos : result.ExponentialMos;
            var published = pair.GetProperty("expected_mos_lqo").GetDouble();
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {name} | {mode} | {published:0.0000} | {ours:0.0000} | {Math.Abs(ours - published):0.0000} |"));
        }
        Console.WriteLine();
    }

    private static void Details(int pairs, Dictionary<Column, List<Cell>> cells)
    {
        Console.WriteLine("| pair | " + string.Join(" | ", cells.Keys.Select(c => c.Label)) + " |\n|" + string.Concat(Enumerable.Repeat(" --- |", cells.Count + 1)));
        for (var i = 0; i < pairs; i++)
            Console.WriteLine($"| {cells.Values.First()[i].Pair} | " + string.Join(" | ", cells.Values.Select(c => Text(c[i]))) + " |");
    }

    /// <summary>Our value; where it differs in the digits shown, the recorded one as well.</summary>
    private static string Text(Cell cell)
    {
        string Short(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);
        return Short(cell.Ours) == Short(cell.Recorded) ? Short(cell.Ours) : $"{Short(cell.Ours)} / {Short(cell.Recorded)}";
    }
}
