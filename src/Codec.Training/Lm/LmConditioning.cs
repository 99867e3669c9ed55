using Codec.Speech.Lm;
using Codec.Training.Data;

namespace Codec.Training.Lm;

/// <summary>What each row of a batch is told: a function of the data, the seed and the step.</summary>
public sealed class LmConditioning
{
    private readonly ConditionConfig _config;
    private readonly int _seed;
    private readonly double _dropout;
    private readonly Dictionary<string, int> _speakers;
    private readonly Dictionary<TokenCorpus, IReadOnlyDictionary<string, int[]>> _bySpeaker = [];

    /// <param name="config">Of the model.</param>
    /// <param name="run">Seed and dropout.</param>
    /// <param name="speakers">Labels in the order of their indexes.</param>
    public LmConditioning(ConditionConfig config, LmTrainConfig run, IReadOnlyList<string> speakers)
    {
        (_config, _seed, _dropout) = (config, run.Seed, run.ConditionDropout);
        _speakers = speakers.Select((label, i) => (label, i)).ToDictionary(s => s.label, s => s.i);
    }

    /// <param name="corpus">Where the stretch is from.</param>
    /// <param name="stretch">Index.</param>
    /// <param name="step">Of training, where conditions are dropped and references change; null = always the same, nothing dropped.</param>
    /// <param name="row">Of the batch.</param>
    public LmCondition Of(TokenCorpus corpus, int stretch, long? step = null, int row = 0)
    {
        var random = Seeds.Random(_seed, step ?? stretch, step is null ? "condition" : $"condition {row}");
        var drop = step is null ? 1 : random.NextDouble();
        if (drop < _dropout)
            return LmCondition.None;
        return new LmCondition(
            _config.Text && drop >= 2 * _dropout ? corpus.Text(stretch) : null,
            _config.Speakers > 0 && _speakers.TryGetValue(corpus.Speaker(stretch), out var speaker) ? speaker : null,
            _config.ReferenceFrames > 0 ? Reference(corpus, stretch, random) : null);
    }

    // The start of another stretch of the speaker.
    private int[][]? Reference(TokenCorpus corpus, int stretch, Random random)
    {
        if (!_bySpeaker.TryGetValue(corpus, out var all))
            _bySpeaker[corpus] = all = corpus.BySpeaker();
        if (!all.TryGetValue(corpus.Speaker(stretch), out var own) || own.Length < 2)
            return null;
        var other = own[random.Next(own.Length)];
        if (other == stretch)
            other = own[(Array.IndexOf(own, stretch) + 1) % own.Length];
        return corpus.Read(other).Select(book => book.Take(_config.ReferenceFrames).ToArray()).ToArray();
    }
}
