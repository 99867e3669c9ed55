using Codec.Core.Codecs.Native.Inference;

namespace Codec.Tests.Core.Codecs;

public sealed class RowPipelineTests
{
    private const int Layers = 5, Pieces = 40;

    /// <summary>Every layer adds up what it saw and gives the sum on: wrong order or a lost piece changes all that follows.</summary>
    private static float[] Run(int workers)
    {
        var history = new RowHistory(Enumerable.Repeat(1, Layers));
        var results = new float[Pieces];
        RowPipeline.Run(Pieces, workers, history, (piece, worker, turn) =>
        {
            Assert.InRange(worker, 0, workers - 1);
            float value = piece % 7 + 1;
            for (var layer = 0; layer < Layers; layer++)
            {
                var sum = turn.Enter(layer);
                sum[0] = value = (sum[0] * 3 + value) % 1009;
                turn.Leave(layer);
                Thread.SpinWait(piece * 7919 % 300 * (layer + 1)); // threads overtake each other where they may
            }
            results[piece] = value;
        });
        return results;
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(8)]
    public void Threads_give_what_one_thread_gives(int workers)
    {
        var expected = Run(1);
        for (var round = 0; round < 20; round++)
            Assert.Equal(expected, Run(workers));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_failure_comes_out_and_no_thread_stays_behind(int workers)
    {
        var history = new RowHistory([1, 1]);
        var atWork = 0;
        var error = Assert.Throws<InvalidDataException>(() => RowPipeline.Run(9, workers, history, (piece, _, turn) =>
        {
            Interlocked.Increment(ref atWork);
            try
            {
                turn.Enter(0);
                if (piece == 4)
                    throw new InvalidDataException("piece 4");
                turn.Leave(0);
                turn.Enter(1);
                turn.Leave(1);
            }
            finally
            {
                Interlocked.Decrement(ref atWork);
            }
        }));
        Assert.Equal("piece 4", error.Message);
        Assert.Equal(0, atWork);
    }

    [Theory]
    [InlineData(1, 96, 2)]      // frames, most, workers
    [InlineData(96, 96, 2)]
    [InlineData(97, 96, 2)]
    [InlineData(500, 96, 1)]
    [InlineData(500, 96, 2)]
    [InlineData(500, 160, 8)]
    [InlineData(7, 160, 8)]
    public void Pieces_fit_and_are_alike(int frames, int most, int workers)
    {
        var length = RowPipeline.PieceFrames(frames, most, workers, 2);
        Assert.InRange(length, 1, most);
        var pieces = (frames + length - 1) / length;
        Assert.True(pieces == 1 || pieces % workers == 0 || length <= 2 * workers, $"{pieces} pieces of {length}");
        Assert.True(frames - (pieces - 1) * length > length - 2 * pieces, "the last piece is about as long as the others");
    }
}
