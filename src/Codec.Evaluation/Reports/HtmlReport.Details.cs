namespace Codec.Evaluation.Reports;

/// <summary>The lower half of the page: examples, costs, codebooks, agreement of metrics, definitions.</summary>
internal sealed partial class HtmlReport
{
    private void Examples(IReadOnlyList<ListeningExample> examples)
    {
        if (examples.Count == 0)
            return;
        Section("Worst files, to see and to hear", $"Where {Escape(examples[0].Clips.ElementAtOrDefault(1)?.Condition ?? "")} scored lowest by {Escape(_report.Main.Label)}; first five seconds; the nearest rate of each other family beside it.");
        foreach (var example in examples)
        {
            _page.Append($"<h3>{Escape(example.File)}</h3><div class='clips'>");
            foreach (var clip in example.Clips)
                _page.Append($"<figure><figcaption><b>{Escape(clip.Condition)}</b> {(clip.Kbps is { } k ? Number(k, 1) + " kbit/s " : "")}"
                    + string.Join(" ", Columns.Take(3).Where(c => clip.Values.ContainsKey(c.Name)).Select(c => $"<span>{Escape(c.Label)} {Fixed(clip.Values[c.Name], 2)}</span>"))
                    + $"</figcaption><img alt='spectrogram' src='{clip.Picture}'><audio controls preload='none' src='{clip.Sound}'></audio></figure>");
            _page.Append("</div>");
        }
    }

    private void Costs()
    {
        Section("Speed and memory", "Seconds of audio in a second of wall time on the machine of the run, with whatever else ran there; programs' start included. Peak resident memory; our codecs run inside the measuring process, whose memory counts.");
        _page.Append("<table class='num'><tr><th>condition<th>encode, x real time<th>decode, x real time<th>memory, MB");
        foreach (var c in _report.Measured.Where(c => c.EncodeSpeed is not null))
            _page.Append($"<tr><th>{Escape(c.Name)}<td>{Fixed(c.EncodeSpeed, 1)}<td>{Fixed(c.DecodeSpeed, 1)}<td>{Fixed(c.MemoryMegabytes, 1)}");
        _page.Append("</table>");
    }

    private void Books()
    {
        var own = _report.Measured.Where(c => c.Books.Count > 0).GroupBy(c => c.Family).Select(g => g.MaxBy(c => c.Books.Count)!).ToArray();
        if (own.Length == 0)
            return;
        Section("Use of the codebooks", "Share of the entries that occur, and perplexity (as many equally likely entries would carry as much).");
        foreach (var c in own)
        {
            _page.Append($"<table class='num'><tr><th>{Escape(c.Name)}<th>entries<th>used<th>perplexity");
            for (var i = 0; i < c.Books.Count; i++)
                _page.Append($"<tr><th>book {i + 1}<td>{c.Books[i].Size}<td>{Number(100 * c.Books[i].Used, 1)} %<td>{Number(c.Books[i].Perplexity, 1)}");
            _page.Append("</table>");
        }
    }

    private void Correlations()
    {
        if (_report.RankCorrelations.Count == 0)
            return;
        var columns = Columns.Where(c => _report.RankCorrelations.Any(r => r.First == c.Name || r.Second == c.Name)).ToArray();
        Section("Do the metrics agree", $"Spearman's rank correlation over {_report.RankCorrelations.Max(r => r.Conditions)} conditions, better counted upwards.");
        _page.Append("<div class='wide'><table class='num'><tr><th>");
        foreach (var column in columns)
            _page.Append($"<th>{Escape(column.Label)}");
        foreach (var row in columns)
        {
            _page.Append($"<tr><th>{Escape(row.Label)}");
            foreach (var column in columns)
                _page.Append(_report.RankCorrelations.FirstOrDefault(r => (r.First, r.Second) == (row.Name, column.Name) || (r.Second, r.First) == (row.Name, column.Name)) is { } c
                    ? $"<td style='background:rgba(31,111,209,{Number(Math.Max(0, c.Rho) * 0.5, 2)})'>{Fixed(c.Rho, 2)}" : "<td class='none'>");
        }
        _page.Append("</table></div>");
    }

    private void Fineprint()
    {
        Section("What was computed", "Speed is wall time on the machine of the run, with whatever else ran there.");
        _page.Append("<div class='wide'><table><tr><th>metric<th>better<th>definition<th class='r'>x real time<th class='r'>s per hour<th class='r'>files");
        foreach (var m in _report.Metrics)
            _page.Append($"<tr><th>{Escape(m.Column.Label)}<td>{(m.Column.HigherIsBetter ? "higher" : "lower")}<td>{Escape(m.Definition)}<td class='r'>{Number(m.TimesRealTime, 0)}<td class='r'>{Number(3600 / m.TimesRealTime, 0)}<td class='r'>{_report.Measured.Max(c => c.Metrics.GetValueOrDefault(m.Column.Name)?.Count)}");
        _page.Append("</table></div>");
        var problems = _report.Rows.SelectMany(r => r.Problems.Select(p => (r.Condition, r.File, Metric: p.Key, Reason: p.Value)))
            .GroupBy(p => (p.Condition, p.Metric, p.Reason)).ToArray();
        if (problems.Length == 0)
            return;
        _page.Append("<h3>Empty cells and odd recordings</h3><ul>");
        foreach (var group in problems.Take(200))
            _page.Append($"<li>{Escape(group.Key.Condition)}{(group.Key.Metric == "*" ? "" : ", " + Escape(group.Key.Metric))}: {Escape(group.Key.Reason)} ({(group.Count() == 1 ? Escape(group.First().File) : group.Count() + " files")})</li>");
        _page.Append("</ul>");
    }
}
