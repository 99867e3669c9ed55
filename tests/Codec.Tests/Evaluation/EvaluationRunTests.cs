using Codec.Audio;
using Codec.Evaluation.Conditions;
using Codec.Evaluation.Metrics;
using Codec.Evaluation.Reports;
using Codec.Evaluation.Runs;

namespace Codec.Tests.Evaluation;

/// <summary>Whole runs over made-up recordings with cheap metrics.</summary>
public sealed class EvaluationRunTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("eval-test-").FullName;

    public EvaluationRunTests()
    {
        Directory.CreateDirectory(Path.Combine(_root, "ref"));
        for (var file = 0; file < 3; file++)
            AudioFile.Write(Path.Combine(_root, "ref", $"f{file}.wav"), Recording(file));
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Controls_pass_and_the_page_needs_nothing_else()
    {
        var (report, plan) = Measure(new Coarse("coarse@4", 5, 500), new Coarse("fine@8", 9, 1000));
        Assert.True(report.Valid, string.Join("; ", report.ControlFailures));
        Assert.Equal(3 * 7, report.Rows.Count);
        Assert.Equal(4.0, report.Conditions[0].Kbps!.Value, 9);
        ReportFolder.Write(Path.Combine(_root, "out"), report, plan, default);
        var page = File.ReadAllText(Path.Combine(_root, "out", "report.html"));
        Assert.DoesNotContain("http:", page);
        Assert.DoesNotContain("https:", page);
        Assert.DoesNotContain("INVALID", page);
        Assert.Contains("data:audio/wav;base64,", page);
        Assert.Contains("data:image/png;base64,", page);
        Assert.Contains("fine@8", File.ReadAllText(Path.Combine(_root, "out", "report.md")));
        Assert.Equal(1 + report.Rows.Count, File.ReadAllLines(Path.Combine(_root, "out", "rows.csv")).Length);
    }

    [Fact]
    public void Rows_do_not_depend_on_jobs_and_an_interrupted_run_goes_on()
    {
        var journal = Path.Combine(_root, "rows.jsonl");
        var first = new Coarse("coarse@4", 5, 500);
        var (one, _) = Measure(first);
        var plan = Plan(first) with { Jobs = 3, Journal = journal };
        var three = EvaluationReport.Of(plan, EvaluationRunner.Run(plan, null, default));
        Assert.Equal(one.Rows.Select(r => (r.Condition, r.File, r.Values["si_sdr_db"])), three.Rows.Select(r => (r.Condition, r.File, r.Values["si_sdr_db"])));
        var lines = File.ReadAllLines(journal);
        File.WriteAllText(journal, string.Join('\n', lines[..^2]) + "\n" + lines[^2][..10]); // one row is lost, one is cut
        var calls = first.Calls;
        var again = EvaluationRunner.Run(plan, null, default);
        Assert.Equal(three.Rows.Count, again.Count);
        Assert.InRange(first.Calls - calls, 0, 2);
        calls = first.Calls;
        EvaluationRunner.Run(plan, null, default); // the rows added behind the cut line are whole
        Assert.Equal(calls, first.Calls);
    }

    [Fact]
    public void Metrics_added_later_are_measured_alone_and_nothing_is_lost()
    {
        var computed = new List<string>();
        Metric Counting(string name, string fingerprint = "") => new([new MetricColumn(name, name, true, null)], "counts", p =>
        {
            lock (computed)
                computed.Add(name);
            return [p.SampleRate];
        }) { Fingerprint = fingerprint };
        var plan = Plan(new Coarse("coarse@4", 5, 500)) with { Journal = Path.Combine(_root, "rows.jsonl"), Metrics = [Counting("first")] };
        int Computed(EvaluationPlan plan, int columns)
        {
            computed.Clear();
            Assert.All(EvaluationRunner.Run(plan, null, default), row => Assert.Equal(columns, row.Values.Count));
            return computed.Count;
        }
        Assert.Equal(18, Computed(plan, 1));
        Assert.Equal(18, Computed(plan with { Metrics = [Counting("first"), Counting("second")] }, 2));
        Assert.DoesNotContain("first", computed);
        Assert.Equal(0, Computed(plan, 1)); // asked for one of the two: only that is reported
        Assert.Equal(18, Computed(plan with { Metrics = [Counting("first", "another model"), Counting("second")] }, 2));
        Assert.DoesNotContain("second", computed);
    }

    [Fact]
    public void A_larger_sample_adds_only_its_new_files()
    {
        var coarse = new Coarse("coarse@4", 5, 500);
        var plan = Plan(coarse) with { Journal = Path.Combine(_root, "rows.jsonl") };
        plan = plan with { Samples = SampleSizes.Parse("lsd_db=1", plan.Metrics) };
        int Rows(EvaluationPlan plan) => EvaluationRunner.Run(plan, null, default).Count(r => r.Values.ContainsKey("lsd_db"));
        Assert.Equal(6, Rows(plan));
        Assert.Equal(3, coarse.Calls);
        Assert.Equal(18, Rows(plan with { Samples = new Dictionary<string, int>() }));
        Assert.Equal(5, coarse.Calls);
        Assert.Equal(6, Rows(plan));
        Assert.Equal(5, coarse.Calls);
    }

    [Fact]
    public void A_planted_regression_fails_the_gate_and_an_equal_run_passes()
    {
        var (before, _) = Measure(new Coarse("codec@4", 9, 500));
        var (same, _) = Measure(new Coarse("codec@4", 9, 500));
        var (worse, _) = Measure(new Coarse("codec@4", 6, 510));
        var saved = Path.Combine(_root, "old.json");
        using (var stream = File.Create(saved))
            JsonReport.Write(before, stream);
        var gate = new RegressionGate("si_sdr_db<-0.5,kbps>+1%");
        Assert.Empty(gate.Failures(EvaluationReport.Load(saved), same));
        var failures = gate.Failures(EvaluationReport.Load(saved), worse);
        Assert.Equal(2, failures.Count);
        Assert.Contains("si_sdr_db", failures[0]);
        Assert.Contains("+2 %", failures[1]);
    }

    [Fact]
    public void Broken_controls_make_a_report_invalid()
    {
        var upsideDown = Metric.Of(new MetricColumn("wrong", "Wrong", true, 1), "grows with the distance", p => SpectralDistances.LogSpectral(p.At(16000).Reference, p.At(16000).Degraded));
        var plan = Plan(new Coarse("codec@4", 9, 500)) with { Metrics = [upsideDown] };
        var report = EvaluationReport.Of(plan, EvaluationRunner.Run(plan, null, default));
        Assert.False(report.Valid);
        Assert.NotEmpty(new RegressionGate("wrong<-1").Failures(report, report));
    }

    [Fact]
    public void A_folder_of_another_system_is_compared_and_a_missing_file_is_named()
    {
        var folder = Directory.CreateDirectory(Path.Combine(_root, "system")).FullName;
        AudioFile.Write(Path.Combine(folder, "f0.wav"), Recording(0));
        var (report, _) = Measure(new DegradedFolder(folder));
        var rows = report.Rows.Where(r => r.Condition == "system").ToArray();
        Assert.Equal(100, rows[0].Values["si_sdr_db"], 6);
        Assert.Contains("no such file", rows[1].Problems["*"]);
        using var markdown = new StringWriter();
        MarkdownReport.Write(report, markdown);
        Assert.Matches(@"whole rows: .*no such file.*\(system; f1\.wav\)", markdown.ToString());
    }

    [Fact]
    public void What_others_measured_on_the_same_files_is_compared_file_by_file()
    {
        var path = Path.Combine(_root, "peers.json");
        File.WriteAllText(path, """
            {"what": "prose", "mean": {"lyra_3200": [2, 0.8]},
             "files": [{"path": "a/f0.wav", "seconds": 1, "lyra_3200": [2, 0.8], "opus_6": [1.5, 0.7, 7.2]},
                       {"path": "a/f2.wav", "seconds": 1, "lyra_3200": [3, 0.9], "opus_6": [1.7, 0.8, 7.6]},
                       {"path": "a/absent.wav", "seconds": 1, "lyra_3200": [1, 0.1], "opus_6": [1, 0.1, 5]}]}
            """);
        var plan = Plan(new Coarse("codec@4", 9, 500)) with { Metrics = MetricCatalog.Select(["pesq_wb"], new MetricModels()) };
        var (full, rows) = RecordedPeers.Load(path)!.AddTo(plan, EvaluationRunner.Run(plan, null, default));
        var report = EvaluationReport.Of(full, rows);
        var lyra = report.Conditions.Single(c => c.Name == "lyra@3.2*");
        Assert.Equal((2.5, 2, 3.2), (lyra.Metrics["pesq_wb"].Mean, lyra.Metrics["pesq_wb"].Count, Math.Round(lyra.Kbps!.Value, 9)));
        Assert.Equal(7.4, report.Conditions.Single(c => c.Name == "opus@6*").Kbps!.Value, 9);
        ReportFolder.Write(Path.Combine(_root, "out"), report, full, default);
        Assert.Contains("others measured on the same files", File.ReadAllText(Path.Combine(_root, "out", "report.html")));
    }

    [Theory]
    [InlineData("{\"files\": [{\"path\": \"a.wav\", \"lyra_3200\": [1]}]}")]
    [InlineData("{\"files\": [{\"lyra_3200\": [1, 2]}]}")]
    [InlineData("{\"files\": 3}")]
    [InlineData("[]")]
    [InlineData("no JSON")]
    public void Recorded_peers_of_another_shape_are_refused(string text)
    {
        var path = Path.Combine(_root, "peers.json");
        File.WriteAllText(path, text);
        Assert.Throws<ConfigException>(() => RecordedPeers.Load(path));
    }

    [Fact]
    public void A_row_is_measured_anew_when_what_it_was_made_from_changed()
    {
        var folder = Directory.CreateDirectory(Path.Combine(_root, "system")).FullName;
        for (var file = 0; file < 3; file++)
            AudioFile.Write(Path.Combine(folder, $"f{file}.wav"), Recording(file));
        var plan = Plan(new DegradedFolder(folder)) with { Journal = Path.Combine(_root, "rows.jsonl") };
        double[] Scores() => [.. EvaluationRunner.Run(plan, null, default).Where(r => r.Condition == "system").Select(r => r.Values["si_sdr_db"])];
        Assert.All(Scores(), score => Assert.Equal(100, score, 6));
        AudioFile.Write(Path.Combine(folder, "f1.wav"), Recording(2));
        File.SetLastWriteTimeUtc(Path.Combine(folder, "f1.wav"), DateTime.UnixEpoch);
        Assert.Equal([false, true, false], Scores().Select(score => score < 50));
    }

    [Fact]
    public void A_reference_that_cannot_be_read_is_named_and_the_others_are_measured()
    {
        File.WriteAllText(Path.Combine(_root, "ref", "a.wav"), "no audio");
        var (report, _) = Measure(new Coarse("coarse@4", 5, 500));
        var row = report.Rows.First(r => r.File == "a.wav");
        Assert.Contains("a.wav", row.Problems["*"]);
        Assert.Equal(3, report.Conditions[0].Metrics["si_sdr_db"].Count);
        Assert.True(report.Valid);
    }

    [Fact]
    public void A_limit_takes_its_files_from_all_over_the_audio()
    {
        var folder = Directory.CreateDirectory(Path.Combine(_root, "many")).FullName;
        for (var i = 0; i < 8; i++) // four short files of one speaker, four long ones of another
            AudioFile.Write(Path.Combine(folder, $"{(i < 4 ? "a" : "b")}{i}.wav"), Recording(i).Slice(0, i < 4 ? 1000 : 16000));
        var files = EvaluationPlan.FindFiles(folder);
        Assert.Equal(["b4.wav", "b5.wav", "b6.wav", "b7.wav"], EvaluationPlan.Spread(folder, files, 4));
        Assert.Equal(files, EvaluationPlan.Spread(folder, files, 8));
        Assert.Single(EvaluationPlan.Spread(folder, files, 1));
    }

    [Fact]
    public void A_slow_metric_is_measured_on_the_same_sample_for_every_condition()
    {
        var all = Plan(new Coarse("coarse@4", 5, 500));
        var plan = all with { Samples = SampleSizes.Parse("lsd_db=1", all.Metrics) };
        var report = EvaluationReport.Of(plan, EvaluationRunner.Run(plan, null, default));
        Assert.All(report.Conditions, c => Assert.Equal(1, c.Metrics["lsd_db"].Count));
        Assert.Equal(3, report.Conditions[0].Metrics["si_sdr_db"].Count);
        Assert.Single(report.Rows.Where(r => r.Values.ContainsKey("lsd_db")).Select(r => r.File).Distinct());
        Assert.Throws<ConfigException>(() => SampleSizes.Parse("lsd_db=0", all.Metrics));
        Assert.Throws<ConfigException>(() => SampleSizes.Parse("pesq_wb=3", all.Metrics));
    }

    [Fact]
    public void Tasks_stand_beside_the_metrics_that_foretell_them()
    {
        var task = new Metric([new MetricColumn("task", "Made-up task", true, null) { IsTask = true }], "follows the noise", p => [WaveformMetrics.SiSdr(p.At(16000).Degraded, p.At(16000).Reference)]);
        var plan = Plan([.. Enumerable.Range(0, 5).Select(i => new Coarse($"c@{i}", 3 + i, 100 + i))]);
        plan = plan with { Metrics = [.. plan.Metrics, task] };
        var report = EvaluationReport.Of(plan, EvaluationRunner.Run(plan, null, default));
        Assert.Equal(1, report.RankCorrelations.Single(r => (r.First, r.Second) == ("si_sdr_db", "task")).Rho, 9);
        ReportFolder.Write(Path.Combine(_root, "out"), report, plan, default);
        Assert.Contains("Machine perception", File.ReadAllText(Path.Combine(_root, "out", "report.html")));
        Assert.Contains("| Made-up task | SI-SDR (dB) | 1.00 | 5 |", File.ReadAllText(Path.Combine(_root, "out", "report.md")));
    }

    [Fact]
    public void Transcripts_are_found_by_path_or_name_and_lose_their_punctuation()
    {
        var path = Path.Combine(_root, "texts.jsonl");
        File.WriteAllLines(path, ["""{"path":"dev/a.flac","text":"It's 'LATE', Mr. Jones-Smith!"}""", """{"path":"dev/b.flac","text":null}"""]);
        var transcripts = Transcripts.Load(path);
        Assert.Equal(["it's", "late", "mr", "jones", "smith"], transcripts.Words("a.flac"));
        Assert.Empty(transcripts.Words("b.flac"));
        File.WriteAllText(path, "[1]\n");
        Assert.Throws<ConfigException>(() => Transcripts.Load(path));
        Assert.Throws<ConfigException>(() => Transcripts.Load(path + ".absent"));
    }

    [Theory]
    [InlineData("pesq_wb")]
    [InlineData("pesq_wb<x")]
    [InlineData("<1")]
    [InlineData("")]
    public void Bad_rules_are_refused(string rules) => Assert.Throws<ConfigException>(() => new RegressionGate(rules));

    [Fact]
    public void Low_bands_of_other_steps_in_every_file_are_summed_up()
    {
        using var parser = new ConditionParser("");
        var (report, _) = Measure(parser.Parse("native@3.5")[0], parser.Parse("native@4+60")[0]);
        Assert.Equal(["native", "native, 4+band"], report.Conditions.Take(2).Select(condition => condition.Family));
        Assert.All(report.Conditions.Take(2), condition => Assert.Equal((4, 1024), (condition.Books.Count, condition.Books[^1].Size)));
        // Rows of journals that counted low bands, too.
        EvaluationRow Row(params int[] sizes) => report.Rows[0] with { BookSizes = [.. sizes], CodeCounts = [.. sizes.Select(size => new[] { size - 1, 2 })] };
        Assert.Equal([4, 7], BookUsage.Of([Row(4, 7), Row(4, 9, 9)]).Select(usage => usage.Size));
    }

    [Theory]
    [InlineData("flac@6")]
    [InlineData("opus@fast")]
    [InlineData("opus@6,opus@6")]
    public void Bad_codecs_are_refused(string list)
    {
        using var parser = new ConditionParser("");
        Assert.Throws<ConfigException>(() => parser.Parse(list));
    }

    [Fact]
    public void An_absent_program_is_named_with_its_package()
    {
        using var parser = new ConditionParser("/nowhere");
        Assert.Contains("opus-tools", parser.Parse("opus@6")[0].Problem);
        var (report, _) = Measure(parser.Parse("opus@6")[0]);
        Assert.Contains("opusenc", report.Absent["opus@6"]);
    }

    private (EvaluationReport, EvaluationPlan) Measure(params ICondition[] conditions)
    {
        var plan = Plan(conditions);
        return (EvaluationReport.Of(plan, EvaluationRunner.Run(plan, null, default)), plan);
    }

    private EvaluationPlan Plan(params IReadOnlyList<ICondition> conditions) => new()
    {
        ReferenceFolder = Path.Combine(_root, "ref"),
        Files = EvaluationPlan.FindFiles(Path.Combine(_root, "ref")),
        Conditions = conditions,
        Metrics = MetricCatalog.Select(["si_sdr_db", "lsd_db"], new MetricModels()),
    };

    private static AudioBuffer Recording(int seed)
    {
        var random = new Random(seed);
        return new AudioBuffer([.. Enumerable.Range(0, 16000).Select(i => (float)(0.3 * Math.Sin(i * (0.03 + 0.01 * seed)) + 0.05 * (random.NextDouble() - 0.5)))], 16000);
    }

    /// <summary>Rounds samples: quality by the number of bits, a fixed number of bytes.</summary>
    private sealed class Coarse(string name, int bits, int bytes) : ICondition
    {
        private int _calls;
        public int Calls => _calls;
        public string Name => name;
        public string Family => name.Split('@')[0];
        public double? NominalBitsPerSecond => null;
        public string? Problem => null;

        public Transcoded Run(AudioBuffer input, ConditionContext context, CancellationToken cancellation)
        {
            Interlocked.Increment(ref _calls);
            var step = MathF.Pow(2, 1 - bits);
            return new Transcoded(new AudioBuffer(Array.ConvertAll(input.Channel(0), x => MathF.Round(x / step) * step), input.SampleRate)) { Bytes = bytes };
        }
    }
}
