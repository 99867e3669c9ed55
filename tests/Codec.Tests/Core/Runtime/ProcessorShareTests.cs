using Codec.Core.Codecs.Native.Inference;
using Codec.Core.Files;
using Codec.Core.Runtime;

namespace Codec.Tests.Core.Runtime;

public sealed class ProcessorShareTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void No_more_stages_work_at_once_than_there_are_places(int places)
    {
        using var share = ProcessorShare.Begin(places);
        var (working, most, gate) = (0, 0, new object());

        void Work()
        {
            lock (gate)
                most = Math.Max(most, ++working);
            Thread.Sleep(1);
            lock (gate)
                working--;
        }

        IEnumerable<int> Source()
        {
            for (var i = 0; i < 20; i++)
            {
                Work();
                yield return i;
            }
        }

        var order = new List<int>();
        foreach (var item in Ahead.Of(Source(), threads: 2, waiting: 20, oneThread: true))
        {
            var seen = new List<int>();
            RowPipeline.Run(4, 3, new RowHistory([1]), (piece, _, turn) =>
            {
                Work();
                turn.Enter(0);
                seen.Add(piece);
                turn.Leave(0);
            });
            Assert.Equal([0, 1, 2, 3], seen);
            order.Add(item);
        }
        Assert.Equal(Enumerable.Range(0, 20), order);
        Assert.InRange(most, 1, places);
    }

    [Fact]
    public void A_failing_stage_gives_its_place_back()
    {
        using var share = ProcessorShare.Begin(1);
        static IEnumerable<int> Source()
        {
            yield return 1;
            throw new InvalidDataException("broken");
        }

        Assert.Throws<InvalidDataException>(() => Ahead.Of(Source(), threads: 2, oneThread: true).Count());
        Assert.Throws<InvalidDataException>(() => RowPipeline.Run(3, 2, new RowHistory([1]), (_, _, _) => throw new InvalidDataException("broken")));
        share.Enter(new CancellationTokenSource(TimeSpan.FromSeconds(10)).Token);
        share.Leave();
    }

    [Fact]
    public void A_share_ends_with_its_job()
    {
        Assert.Null(ProcessorShare.Current);
        using (ProcessorShare.Begin(2))
        {
            var outer = ProcessorShare.Current;
            using (ProcessorShare.Begin(3))
                Assert.NotSame(outer, ProcessorShare.Current);
            Assert.Same(outer, ProcessorShare.Current);
            var other = new Thread(() => Assert.Null(ProcessorShare.Current));
            other.Start();
            other.Join();
        }
        Assert.Null(ProcessorShare.Current);
    }
}
