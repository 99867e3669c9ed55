using Codec.Core.Checkpoints;
using Codec.Evaluation.Nisqa;

namespace Codec.Tests.Evaluation;

public sealed class NisqaTests
{
    [Theory, NoTensorLeaks, Trait("Category", "Reference")]
    [InlineData("nisqa.tar", "nisqa_v2_mos_noi_dis_col_loud_degraded")]
    [InlineData("nisqa_mos_only.tar", "nisqa_mos_only_degraded")]
    public void Scores_match(string file, string recorded)
    {
        using var model = new NisqaScore(SharedFolder.Require("metrics", "models", "nisqa", file));
        foreach (var pair in MetricPairs.All().Where((_, i) => i % 4 == 0))
        {
            var values = pair.Values.GetProperty(recorded);
            double[] expected = values.ValueKind == System.Text.Json.JsonValueKind.Array ? [.. values.EnumerateArray().Select(v => v.GetDouble())] : [values.GetDouble()];
            var found = model.Score(pair.Degraded[0], pair.Degraded.SampleRate);
            Assert.Equal(expected.Length, found.Length);
            for (var i = 0; i < expected.Length; i++)
                Assert.Equal(expected[i], found[i], 0.01);
        }
    }

    [Fact, NoTensorLeaks]
    public void Another_network_is_refused()
        => Assert.Throws<CheckpointException>(() => new NisqaScore(SharedFolder.Require("metrics", "models", "nisqa", "nisqa_tts.tar")));
}
