using Codec.Core.Kernels;

namespace Codec.Tests.Core.Kernels;

public sealed class LockstepTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)] // more than there are processors: the caller steps in
    public void A_step_sees_every_share_of_the_one_before(int shares)
    {
        const int Steps = 3000;
        var (sums, times) = (new long[Steps + 1, shares], new int[Steps, shares]);
        Lockstep.Run(Steps, shares, (step, share) =>
        {
            for (var other = 0; other < shares; other++)
                sums[step + 1, share] = (sums[step + 1, share] * 31) + sums[step, other] + other + step;
            times[step, share]++;
        });
        Assert.All(times.Cast<int>(), t => Assert.Equal(1, t));
        var expected = 0L;
        for (var step = 0; step < Steps; step++)
            expected = Enumerable.Range(0, shares).Aggregate(0L, (sum, other) => sum * 31 + expected + other + step);
        Assert.All(Enumerable.Range(0, shares), share => Assert.Equal(expected, sums[Steps, share]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void What_a_share_throws_reaches_the_caller(int failing)
    {
        var thrown = Assert.Throws<InvalidOperationException>(() => Lockstep.Run(50, 2, (step, share) =>
        {
            if (step == 20 && share == failing)
                throw new InvalidOperationException("no more");
        }));
        Assert.Equal("no more", thrown.Message);
    }

    [Fact]
    public void No_steps_run_nothing() => Lockstep.Run(0, 3, (_, _) => throw new InvalidOperationException());
}
