using System.CommandLine;
using System.Text.Json.Nodes;
using Codec.Audio;
using Codec.Evaluation.Conditions;
using Codec.Evaluation.Metrics;
using Codec.Evaluation.Reports;
using Codec.Evaluation.Runs;

namespace Codec.Cli.Verbs;

/// <summary><c>codec eval</c>: codecs against references, metrics, one report, and a gate for CI.</summary>
internal sealed class EvalVerb
{
    private readonly Option<string> _reference = new("--ref") { Description = "folder with the original recordings", Required = true };
    private readonly Option<string[]> _degraded = new("--deg") { Description = "folder with the same files from another system; may be repeated", DefaultValueFactory = _ => [] };
    private readonly Option<string> _codecs = new("--codecs")
    {
        Description = $"e.g. native@1.5,native@3,NAME:CHECKPOINT@6,opus@12,codec2@1200,mp3@16 (kbit/s; classical: {string.Join(", ", CommandLineCodec.Names)})",
        DefaultValueFactory = _ => "",
    };
    private readonly Option<string> _metrics = new("--metrics") { Description = "names, or all", DefaultValueFactory = _ => string.Join(',', MetricCatalog.Default) };
    private readonly Option<string> _output = new("--output", "-o") { Description = "folder of the report", Required = true };
    private readonly Option<int> _jobs = new("--jobs", "-j") { Description = "files at a time", DefaultValueFactory = _ => 1 };
    private readonly Option<int?> _limit = new("--limit") { Description = "use only N files, spread evenly over the hours of audio" };
    private readonly Option<string?> _samples = new("--sample") { Description = "measure slow metrics on some files only, spread evenly, e.g. wer_sphinx=12,dnsmos_ovrl=24" };
    private readonly Option<string?> _transcripts = new("--transcripts") { Description = "JSON lines with path and text: wer_sphinx then counts against what was said as well" };
    private readonly Option<string?> _baseline = new("--baseline") { Description = "report.json of an earlier run" };
    private readonly Option<string?> _failIf = new("--fail-if") { Description = "rules against the baseline, e.g. \"pesq_wb<-0.02,kbps>+1%\"; exit code 5 where one is broken" };
    private readonly Option<string?> _visqol = new("--visqol-model") { Description = "libsvm_nu_svr_model.txt of ViSQOL, for visqol_audio" };
    private readonly Option<string?> _dnsmos = new("--dnsmos") { Description = "folder with sig_bak_ovr.onnx and model_v8.onnx, for dnsmos_ovrl and dnsmos_p808" };
    private readonly Option<string?> _nisqa = new("--nisqa") { Description = "nisqa.tar, for nisqa_mos" };
    private readonly Option<string?> _peers = new("--peers") { Description = "JSON with what was measured elsewhere: means, shown hollow beside ours, or figures of the same files, compared like ours" };
    private readonly Option<bool> _json = new("--json") { Description = "print one JSON value" };
    private readonly CommandContext _context;

    private EvalVerb(CommandContext context) => _context = context;

    public static Command Create(CommandContext context)
    {
        var verb = new EvalVerb(context);
        var command = new Command("eval", "Measure codecs: quality against bits on disk, with controls, intervals and a report.")
        {
            verb._reference, verb._degraded, verb._codecs, verb._metrics, verb._output, verb._jobs, verb._limit, verb._samples, verb._transcripts, verb._baseline, verb._failIf, verb._visqol, verb._dnsmos, verb._nisqa, verb._peers, verb._json,
        };
        command.SetAction(verb.Run);
        return command;
    }

    private int Run(ParseResult args)
    {
        var output = new CommandOutput(_context.Terminal, args.GetValue(_json));
        var gate = args.GetValue(_failIf) is { } rules ? new RegressionGate(rules) : null;
        if (gate is null != args.GetValue(_baseline) is null)
            throw new ConfigException("--baseline and --fail-if belong together");
        var baseline = args.GetValue(_baseline) is { } path ? EvaluationReport.Load(path) : null;
        var recorded = args.GetValue(_peers) is { } peers ? RecordedPeers.Load(peers) : null;
        var points = args.GetValue(_peers) is { } other && recorded is null ? PeerPoints.Load(other) : [];
        using var parser = new ConditionParser(_context.Terminal.Variable("PATH"));
        var plan = Plan(args, parser);
        RequireOneThatRuns(plan);
        foreach (var condition in plan.Conditions.Where(c => c.Problem is not null))
            output.Warning($"{condition.Name}: {condition.Problem}");
        Directory.CreateDirectory(args.GetValue(_output)!);
        var rows = Measure(plan, output);
        if (recorded is not null)
            (plan, rows) = recorded.AddTo(plan, rows);
        var report = EvaluationReport.Of(plan, rows) with { ExtraPoints = points };
        ReportFolder.Write(args.GetValue(_output)!, report, plan, _context.Cancellation);
        return Finish(report, gate is null ? [] : gate.Failures(baseline!, report), args.GetValue(_output)!, output);
    }

    /// <exception cref="ConfigException">Nothing was asked for, or nothing that was can run here.</exception>
    private static void RequireOneThatRuns(EvaluationPlan plan)
    {
        if (plan.Conditions.Count == 0)
            throw new ConfigException("nothing to measure: expected --codecs or --deg");
        if (plan.Conditions.All(c => c.Problem is not null))
            throw new ConfigException("nothing to measure: " + string.Join("; ", plan.Conditions.GroupBy(c => c.Problem!).Select(g => $"{string.Join(", ", g.Select(c => c.Name))}: {g.Key}")));
    }

    private EvaluationPlan Plan(ParseResult args, ConditionParser parser)
    {
        var list = args.GetValue(_codecs)!;
        if (list.Contains("native") || list.Contains(':') || args.GetValue(_nisqa) is not null)
            _context.UseTorch();
        var folder = args.GetValue(_reference)!;
        if (args.GetValue(_limit) < 1 || args.GetValue(_jobs) < 1)
            throw new ConfigException("--limit and --jobs: expected at least 1");
        var files = EvaluationPlan.FindFiles(folder);
        var metrics = Metrics(args);
        return new EvaluationPlan
        {
            ReferenceFolder = folder,
            Files = args.GetValue(_limit) is { } limit ? EvaluationPlan.Spread(folder, files, limit) : files,
            Conditions = [.. parser.Parse(list), .. args.GetValue(_degraded)!.Select(other => new DegradedFolder(other))],
            Metrics = metrics,
            Samples = SampleSizes.Parse(args.GetValue(_samples) ?? "", metrics),
            Jobs = args.GetValue(_jobs),
            Journal = Path.Combine(args.GetValue(_output)!, "rows.jsonl"),
        };
    }

    private IReadOnlyList<Metric> Metrics(ParseResult args)
        => MetricCatalog.Select(args.GetValue(_metrics)!.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries), new MetricModels
        {
            VisqolRegression = args.GetValue(_visqol),
            Dnsmos = args.GetValue(_dnsmos),
            Nisqa = args.GetValue(_nisqa),
            Transcripts = args.GetValue(_transcripts) is { } path ? Transcripts.Load(path) : null,
            SearchPath = _context.Terminal.Variable("PATH"),
        });

    private IReadOnlyList<EvaluationRow> Measure(EvaluationPlan plan, CommandOutput output)
    {
        using var bar = output.Progress("eval", plan.AllConditions.Count * plan.Files.Count, "rows");
        return EvaluationRunner.Run(plan, new Reporter(p => bar.Report(p.Done)), _context.Cancellation);
    }

    private static int Finish(EvaluationReport report, IReadOnlyList<string> failures, string folder, CommandOutput output)
    {
        foreach (var failure in report.ControlFailures)
            output.Warning($"control: {failure}");
        foreach (var failure in failures)
            output.Error(failure);
        output.Result($"{Path.Combine(folder, "report.html")}: {report.Measured.Count()} conditions, {report.Files} files{(report.Valid ? "" : ", INVALID: the controls came out wrong")}");
        output.Result(new JsonObject
        {
            ["report"] = Path.Combine(folder, "report.json"),
            ["valid"] = report.Valid,
            ["failures"] = new JsonArray([.. failures.Select(f => (JsonNode)f)]),
        });
        if (failures.Count > 0)
            return ExitCode.Gate;
        if (report.Measured.Any())
            return ExitCode.Done;
        output.Error("no codec gave a value: " + (report.Rows.SelectMany(r => r.Problems.Where(p => p.Key != "reference").Select(p => p.Value)).FirstOrDefault() ?? "the files are too short for every metric"));
        return ExitCode.InputFile;
    }

    /// <summary>Calls at once, on the worker's thread.</summary>
    private sealed class Reporter(Action<EvaluationProgress> report) : IProgress<EvaluationProgress>
    {
        public void Report(EvaluationProgress value)
        {
            lock (this)
                report(value);
        }
    }
}
