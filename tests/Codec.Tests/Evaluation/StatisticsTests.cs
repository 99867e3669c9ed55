using Codec.Evaluation.Statistics;

namespace Codec.Tests.Evaluation;

public sealed class StatisticsTests
{
    [Fact]
    public void Half_the_rate_at_every_quality_is_minus_fifty_percent()
    {
        (double, double)[] anchor = [(4, 1), (8, 2), (16, 3), (32, 3.5)];
        var half = anchor.Select(p => (p.Item1 / 2, p.Item2)).ToArray();
        Assert.Equal(-0.5, BjontegaardDelta.Rate(anchor, half, true)!.Value, 1e-9);
        Assert.Equal(1.0, BjontegaardDelta.Rate(half, anchor, true)!.Value, 1e-9);
    }

    [Fact]
    public void Curves_without_common_quality_have_no_delta()
        => Assert.Null(BjontegaardDelta.Rate([(1, 1), (2, 2)], [(1, 3), (2, 4)], true));

    [Fact]
    public void Distances_count_downwards()
        => Assert.Equal(-0.5, BjontegaardDelta.Rate([(4, 3), (8, 2), (16, 1)], [(2, 3), (4, 2), (8, 1)], false)!.Value, 1e-9);

    [Fact]
    public void Spearman_sees_order_only()
    {
        Assert.Equal(1, Correlation.Spearman([1, 2, 3, 4], [1, 10, 100, 1000]), 12);
        Assert.Equal(-1, Correlation.Spearman([1, 2, 3], [9, 5, 1]), 12);
        Assert.Equal(Math.Sqrt(3) / 2, Correlation.Spearman([1, 1, 2], [1, 2, 3]), 12); // ranks 1.5 1.5 3 against 1 2 3
    }

    [Fact]
    public void Bootstrap_interval_holds_the_mean_and_is_the_same_every_time()
    {
        double[] values = [1, 2, 3, 4, 5, 6, 7, 8];
        var interval = Bootstrap.Mean(values)!;
        Assert.Equal(4.5, interval.Mean, 12);
        Assert.InRange(interval.Low, 2.5, 4.0);
        Assert.InRange(interval.High, 5.0, 6.5);
        Assert.Equal(interval, Bootstrap.Mean(values));
        Assert.Null(Bootstrap.Mean([]));
    }

    [Fact]
    public void Sign_flip_tells_a_shift_from_chance()
    {
        Assert.True(Bootstrap.SignFlip([.. Enumerable.Repeat(0.1, 20)]) < 0.01);
        Assert.True(Bootstrap.SignFlip([1, -1, 0.5, -0.5, 0.2, -0.2]) > 0.9);
    }
}
