using Codec.Core.Files;

namespace Codec.Tests.Core.Files;

public sealed class AheadTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Items_come_in_order(int threads)
        => Assert.Equal(Enumerable.Range(0, 50), Ahead.Of(Enumerable.Range(0, 50), threads));

    [Fact]
    public void The_source_runs_on_another_thread_and_not_far_ahead()
    {
        var made = 0;
        var threads = new HashSet<int>();
        foreach (var item in Ahead.Of(Source(), 2))
        {
            Thread.Sleep(1);
            // Two wait, one is being handed over, one is being made.
            Assert.InRange(Volatile.Read(ref made), item + 1, item + 5);
        }
        Assert.Equal(40, made);
        Assert.DoesNotContain(Environment.CurrentManagedThreadId, threads);

        IEnumerable<int> Source()
        {
            for (var i = 0; i < 40; i++)
            {
                threads.Add(Environment.CurrentManagedThreadId);
                Interlocked.Increment(ref made);
                yield return i;
            }
        }
    }

    [Fact]
    public void A_failure_comes_after_the_items_before_it()
    {
        var seen = new List<int>();
        var failure = Assert.Throws<InvalidDataException>(() => seen.AddRange(Ahead.Of(Failing(), 2)));
        Assert.Equal("torn", failure.Message);
        Assert.Equal([0, 1, 2], TakeAll(Ahead.Of(Failing(), 2)));

        static IEnumerable<int> Failing()
        {
            for (var i = 0; i < 3; i++)
                yield return i;
            throw new InvalidDataException("torn");
        }

        static List<int> TakeAll(IEnumerable<int> items)
        {
            var taken = new List<int>();
            try
            {
                foreach (var item in items)
                    taken.Add(item);
            }
            catch (InvalidDataException)
            {
            }
            return taken;
        }
    }

    [Fact]
    public void Leaving_early_stops_and_disposes_the_source()
    {
        var disposed = false;
        Assert.Equal(0, Ahead.Of(Endless(), 2).First());
        Assert.True(disposed);

        IEnumerable<int> Endless()
        {
            try
            {
                for (var i = 0; ; i++)
                    yield return i;
            }
            finally
            {
                disposed = true;
            }
        }
    }
}
