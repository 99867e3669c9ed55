using Codec.Audio;
using Codec.Evaluation.Repair;
using Codec.Speech.Repair;
using Codec.Tests.Speech.Repair;

namespace Codec.Tests.Evaluation.Repair;

public sealed class LossStudyTests : IDisposable
{
    private readonly SmallRepair _masked = new(RepairKind.Masked), _fine = new(RepairKind.Fine);

    public void Dispose()
    {
        _masked.Dispose();
        _fine.Dispose();
    }

    [Theory]
    [InlineData(LossTreatment.Silence)]
    [InlineData(LossTreatment.RepeatLast)]
    [InlineData(LossTreatment.RepeatAndFade)]
    [InlineData(LossTreatment.MaskedNoLookAhead)]
    [InlineData(LossTreatment.MaskedShortLookAhead)]
    [InlineData(LossTreatment.Masked)]
    public void Nothing_changes_before_the_gap_and_what_was_lost_is_not_seen(LossTreatment treatment)
    {
        var study = new LossStudy(_masked.Codec, _masked.Model);
        var (codes, other) = (_masked.Draw(40, seed: 1), _masked.Draw(40, seed: 1));
        for (var book = 0; book < codes.Books; book++)
            other[book][20] = (other[book][20] + 1) % other.Specs[book].Size;
        var lost = new bool[40];
        lost[20] = true;
        var samples = 40 * _masked.Codec.Info.HopLength - _masked.Codec.Info.DelaySamples;
        var plain = study.Decode(codes, new bool[40], treatment, samples);
        var decoded = study.Decode(codes, lost, treatment, samples);
        Assert.Equal(decoded, study.Decode(other, lost, treatment, samples));
        var start = 20 * _masked.Codec.Info.HopLength - _masked.Codec.Info.DelaySamples;
        for (var i = 0; i < start; i++)
            Assert.Equal(plain[i], decoded[i], 1e-5f);
        Assert.NotEqual(plain[start..], decoded[start..]);
        // The gain falls within the first frame of a gap: its end is silent.
        if (treatment == LossTreatment.Silence)
            Assert.Equal(0, decoded[start + _masked.Codec.Info.HopLength - 1]);
    }

    [Fact]
    public void A_lost_beginning_and_a_lost_whole_are_decoded()
    {
        var study = new LossStudy(_masked.Codec, _masked.Model);
        var codes = _masked.Draw(12, seed: 2);
        foreach (var treatment in study.Treatments)
            foreach (var count in new[] { 5, 12 })
                Assert.All(study.Decode(codes, [.. Enumerable.Range(0, 12).Select(t => t < count)], treatment, 1000), x => Assert.True(float.IsFinite(x)));
        Assert.Equal(3, new LossStudy(_masked.Codec, null).Treatments.Count);
    }

    [Fact]
    public void Tables_hold_every_condition_once()
    {
        using var folder = new TemporaryFolder();
        var random = new Random(1);
        var path = folder.Combine("noise.wav");
        AudioFile.Write(path, new AudioBuffer([.. Enumerable.Range(0, 16000).Select(_ => random.NextSingle() - 0.5f)], 16000));
        var losses = new[] { new PacketLoss(0.1), new PacketLoss(0.2, 3, 2) };
        var rows = new RepairEvaluation(_masked.Codec, [path], books: 2).Losses(_masked.Model, losses, seed: 1);
        Assert.Equal(1 + 2 * 6, rows.Count);
        Assert.Equal(rows.Count, rows.DistinctBy(row => (row.Loss, row.Treatment)).Count());
        Assert.All(rows, row => Assert.True(row.Score["mel"] > 0));
        var made = new RepairEvaluation(_fine.Codec, [path], books: 3).Regeneration(_fine.Model, [1, 2]);
        Assert.Equal([(1, false), (1, true), (2, false), (2, true), (3, false)], made.Select(row => (row.Books, row.Regenerated)));
        Assert.True(made[0].KilobitsPerSecond < made[2].KilobitsPerSecond && made[2].KilobitsPerSecond < made[4].KilobitsPerSecond);
        Assert.Equal(made[0].KilobitsPerSecond, made[1].KilobitsPerSecond);
        Assert.NotEqual(made[0].Score["mel"], made[1].Score["mel"]);
    }
}
