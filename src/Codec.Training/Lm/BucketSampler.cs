using Codec.Audio;
using Codec.Training.Data;

namespace Codec.Training.Lm;

/// <summary>
/// Batches of stretches of like length. Every epoch shuffles all stretches, sorts within pools of many batches, cuts the pools into
/// batches by padded size, and shuffles the batches. A function of (seed, step): nothing to save, exact resume.
/// </summary>
public sealed class BucketSampler
{
    private const int PoolBatches = 50;
    private readonly TokenCorpus _corpus;
    private readonly int _batchFrames;
    private readonly int _seed;
    private readonly Func<int, int> _prefix;
    private readonly List<long> _epochEnds = []; // steps done after each epoch
    private int _epoch = -1;
    private int[][] _batches = [];

    /// <param name="batchFrames">Frames in a batch, padding included.</param>
    /// <param name="prefix">Positions that a condition puts in front of a stretch; null = none.</param>
    public BucketSampler(TokenCorpus corpus, int batchFrames, int seed, Func<int, int>? prefix = null)
    {
        Require.That(corpus.Count > 0, "corpus", "tokens", "none");
        (_corpus, _batchFrames, _seed, _prefix) = (corpus, batchFrames, seed, prefix ?? (_ => 0));
    }

    /// <summary>Stretches of the batch of a step.</summary>
    public int[] Batch(long step)
    {
        var epoch = _epochEnds.FindIndex(end => step < end);
        while (epoch < 0)
        {
            Load(_epochEnds.Count);
            _epochEnds.Add((_epochEnds.Count == 0 ? 0 : _epochEnds[^1]) + _batches.Length);
            epoch = step < _epochEnds[^1] ? _epochEnds.Count - 1 : -1;
        }
        if (epoch != _epoch)
            Load(epoch);
        return _batches[step - (epoch == 0 ? 0 : _epochEnds[epoch - 1])];
    }

    /// <summary>Share of padding in an epoch's batches, that of the prefixes included.</summary>
    public double PaddingShare(int epoch = 0)
    {
        var batches = Plan(epoch);
        var padded = batches.Sum(b => (long)b.Length * (b.Max(_corpus.Frames) + b.Max(_prefix)));
        return 1 - (double)batches.Sum(b => b.Sum(i => (long)_corpus.Frames(i) + _prefix(i))) / padded;
    }

    private void Load(int epoch) => (_epoch, _batches) = (epoch, Plan(epoch));

    private int[][] Plan(int epoch)
    {
        var random = Seeds.Random(_seed, epoch, "epoch");
        var order = Enumerable.Range(0, _corpus.Count).ToArray();
        random.Shuffle(order);
        List<int[]> batches = [];
        var pool = new List<int>();
        long poolFrames = 0;
        foreach (var stretch in order)
        {
            pool.Add(stretch);
            poolFrames += _corpus.Frames(stretch);
            if (poolFrames >= (long)PoolBatches * _batchFrames)
            {
                Cut(pool, batches);
                poolFrames = 0;
            }
        }
        Cut(pool, batches);
        var shuffled = batches.ToArray();
        random.Shuffle(shuffled);
        return shuffled;
    }

    private void Cut(List<int> pool, List<int[]> batches)
    {
        // Equal lengths keep their shuffled order.
        var sorted = pool.OrderBy(_corpus.Frames).ToArray();
        pool.Clear();
        for (int start = 0, i = 1; i <= sorted.Length; i++)
            if (i == sorted.Length || (long)(i - start + 1) * _corpus.Frames(sorted[i]) > _batchFrames)
            {
                batches.Add(sorted[start..i]);
                start = i;
            }
    }
}
