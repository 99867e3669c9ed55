using Codec.Evaluation.Metrics;

namespace Codec.Tests.Evaluation;

public sealed class MetricCatalogTests
{
    /// <summary>Speech against itself, with everything that metrics may need.</summary>
    [Fact, Trait("Category", "Reference")]
    public void Identity_gives_the_best_value_of_every_metric()
    {
        var speech = MetricPairs.All().First().Reference;
        var models = Path.GetDirectoryName(SharedFolder.Require("metrics", "models", "dnsmos"))!;
        var metrics = MetricCatalog.Create(new MetricModels
        {
            Dnsmos = Path.Combine(models, "dnsmos"),
            VisqolRegression = Path.Combine(models, "visqol", "libsvm_nu_svr_model.txt"),
            SearchPath = Environment.GetEnvironmentVariable("PATH"),
        }).Where(m => m.Name != "nisqa_mos" && (m.Name != "wer_sphinx" || File.Exists("/usr/bin/pocketsphinx_continuous")));
        var compared = 0;
        foreach (var metric in metrics)
        {
            var values = metric.Compute(new SignalPair(speech, speech));
            for (var i = 0; i < metric.Columns.Count; i++)
                if (metric.Columns[i].Best is { } best)
                {
                    Assert.True(Math.Abs(values[i] - best) < 0.005, $"{metric.Columns[i].Name}: expected {best}, found {values[i]}");
                    compared++;
                }
        }
        Assert.InRange(compared, 17, 19);
    }

    [Fact]
    public void A_metric_without_its_model_says_what_it_needs()
    {
        var tone = new Codec.Audio.AudioBuffer([.. Enumerable.Range(0, 16000).Select(i => 0.3f * MathF.Sin(i * 0.05f))], 16000);
        foreach (var name in (string[])["visqol_audio", "dnsmos_ovrl", "dnsmos_p808", "nisqa_mos", "wer_sphinx"])
        {
            var metric = MetricCatalog.Select([name], new MetricModels { SearchPath = "/nowhere" }).Single();
            Assert.Matches("was given|were given|is not installed", Assert.Throws<Codec.Evaluation.MetricException>(() => metric.Compute(new SignalPair(tone, tone))).Message);
        }
    }
}
