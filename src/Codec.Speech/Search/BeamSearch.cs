namespace Codec.Speech.Search;

/// <summary>
/// The one beam search: by default the textbook algorithm, every extension a setting of <see cref="BeamConfig"/>.
/// Scores are sums of weighted log probabilities; ties go to the shorter, then lexicographically smaller sequence.
/// </summary>
public sealed class BeamSearch
{
    private readonly BeamConfig _config;
    private readonly IReadOnlyList<(INextTokenModel Model, double Weight)> _models;
    private readonly IReadOnlyList<(IPartialScorer Scorer, double Weight)> _partial;
    private readonly PhraseConstraints _phrases;
    private readonly int _vocabulary;
    private readonly int _end;
    private int _modelCalls;

    /// <param name="config">Settings.</param>
    /// <param name="models">At least one; those of weight 0 are not evaluated. All share vocabulary and end token.</param>
    /// <param name="partial">Scorers of chosen tokens.</param>
    /// <exception cref="Codec.Audio.ConfigException">A setting is out of range.</exception>
    public BeamSearch(BeamConfig config, IReadOnlyList<(INextTokenModel Model, double Weight)> models, IReadOnlyList<(IPartialScorer Scorer, double Weight)>? partial = null)
    {
        _config = config.Validate();
        (_vocabulary, _end) = (models[0].Model.Vocabulary, models[0].Model.End);
        _models = models.Where(m => m.Weight != 0).ToArray();
        _partial = (partial ?? []).Where(p => p.Weight != 0).ToArray();
        _phrases = new PhraseConstraints(config.RequiredPhrases);
    }

    /// <summary>A search with one model.</summary>
    public BeamSearch(BeamConfig config, INextTokenModel model) : this(config, [(model, 1)]) { }

    /// <summary>Runs the search.</summary>
    public BeamResult Run()
    {
        _modelCalls = 0;
        if (_config.BestFirst)
            return new BestFirstSearch(_config.Width, _config.MaxLength, _end, Expand).Run(() => _modelCalls);
        return _config.Ending is Ending.Compete ? RunCompeting() : RunRetiring();
    }

    private BeamResult RunCompeting()
    {
        var groups = Enumerable.Range(0, _config.Groups).Select(_ => new List<Hypothesis> { Hypothesis.Empty }).ToArray();
        var steps = 0;
        while (groups.Any(g => g.Any(h => h.Token != _end)))
        {
            var chosen = new int[_vocabulary];
            for (var g = 0; g < groups.Length; g++)
            {
                groups[g] = Select(Candidates(groups[g], steps), h =>
                    h.Length <= steps ? h.Score : h.Score - _config.DiversityStrength * chosen[h.Token]);
                foreach (var h in groups[g])
                    if (h.Length > steps)
                        chosen[h.Token]++;
            }
            steps++;
        }
        // Groups of a diverse search stay in the order of their last selection, as published.
        var ranked = groups.Select(g => Rank(g.Where(_phrases.AllMet), reorder: groups.Length == 1 || _config.LengthPenalty is not LengthPenalty.None)).ToArray();
        return groups.Length == 1
            ? new BeamResult(ranked[0], _modelCalls, steps)
            : new BeamResult(ranked.SelectMany(r => r).OrderByDescending(r => r.Score).ToArray(), _modelCalls, steps) { Groups = ranked };
    }

    private BeamResult RunRetiring()
    {
        List<Hypothesis> beam = [Hypothesis.Empty], finished = [];
        var steps = 0;
        while (beam.Count > 0 && steps < _config.MaxLength)
        {
            var candidates = Candidates(beam, steps);
            steps++;
            beam = _config.Ending is Ending.Patience patience
                ? FirstCome(candidates, finished, patience.Factor)
                : Retire(Select(candidates, h => h.Score), finished, last: steps == _config.MaxLength);
            if (_config.Ending is Ending.Detect detect && HasPassedBest(finished, steps - 1, detect))
                break;
        }
        return new BeamResult(Rank(finished), _modelCalls, steps);
    }

    /// <summary>Walks the candidates from the best on until the beam is full or enough are finished.</summary>
    private List<Hypothesis> FirstCome(List<Hypothesis> candidates, List<Hypothesis> finished, double factor)
    {
        List<Hypothesis> beam = [];
        var ordered = _phrases.Tokens > 0 ? Select(candidates, h => h.Score) : Sorted(candidates, h => h.Score);
        foreach (var h in ordered)
        {
            if (beam.Count == _config.Width)
                break;
            if (h.Token != _end)
            {
                beam.Add(h);
                continue;
            }
            finished.Add(h);
            if (finished.Count >= _config.Width * factor)
                return [];
        }
        return beam;
    }

    private List<Hypothesis> Retire(List<Hypothesis> beam, List<Hypothesis> finished, bool last)
    {
        if (last)
            beam = beam.ConvertAll(h => h.Extend(_end, h.Score));
        finished.AddRange(beam.Where(h => h.Token == _end));
        return beam.FindAll(h => h.Token != _end);
    }

    // Token length counts the start token, as in the published rule.
    private static bool HasPassedBest(List<Hypothesis> finished, int step, Ending.Detect rule)
    {
        if (finished.Count == 0)
            return false;
        var best = finished.Max(h => h.Score);
        return Enumerable.Range(0, rule.Lookback).All(m =>
        {
            var same = finished.Where(h => h.Length + 1 == step - m).ToArray();
            return same.Length > 0 && same.Max(h => h.Score) - best < -rule.Margin;
        });
    }

    /// <summary>All one-token extensions of the live hypotheses, and the finished ones as they are.</summary>
    private List<Hypothesis> Candidates(List<Hypothesis> beam, int step)
    {
        var live = beam.FindAll(h => h.Token != _end || h.Length == 0);
        var candidates = beam.FindAll(h => h.Token == _end && h.Length > 0);
        var onlyEnd = step == _config.MaxLength - 1 && _config.Ending is not Ending.Detect;
        foreach (var (h, scores) in live.Zip(Expand(live)))
        {
            var forced = _phrases.Forced(h, _config.MaxLength - step);
            var open = !_phrases.AllMet(h);
            for (var token = 0; token < _vocabulary; token++)
            {
                if (double.IsNegativeInfinity(scores[token]) || (onlyEnd && token != _end))
                    continue;
                if ((forced is not null && token != forced) || (open && token == _end))
                    continue;
                candidates.Add(h.Extend(token, h.Score + scores[token]));
            }
        }
        return candidates;
    }

    /// <summary>What every next token adds to each hypothesis: [rows][V].</summary>
    private double[][] Expand(IReadOnlyList<Hypothesis> live)
    {
        _modelCalls += live.Count;
        var totals = live.Select(_ => Enumerable.Repeat(_config.TokenBonus, _vocabulary).ToArray()).ToArray();
        foreach (var (model, weight) in _models)
            foreach (var (total, row) in totals.Zip(model.LogProbabilities(live)))
                for (var token = 0; token < total.Length; token++)
                    total[token] += weight * row[token];
        if (_partial.Count > 0)
            for (var i = 0; i < totals.Length; i++)
                AddPartial(live[i], totals[i]);
        return totals;
    }

    private void AddPartial(Hypothesis h, double[] total)
    {
        var candidates = Enumerable.Range(0, _vocabulary).ToArray();
        if (_config.PreBeam is { } keep && keep < _vocabulary)
        {
            candidates = candidates.OrderByDescending(t => total[t]).Take(keep).Order().ToArray();
            for (var token = 0; token < _vocabulary; token++)
                if (Array.BinarySearch(candidates, token) < 0)
                    total[token] = double.NegativeInfinity;
        }
        var increments = new double[candidates.Length];
        foreach (var (scorer, weight) in _partial)
        {
            scorer.Score(h, candidates, increments);
            for (var i = 0; i < candidates.Length; i++)
                total[candidates[i]] += weight * increments[i];
        }
    }

    private static List<Hypothesis> Sorted(List<Hypothesis> candidates, Func<Hypothesis, double> selection)
    {
        var keyed = candidates.ConvertAll(h => (Key: selection(h), Hypothesis: h));
        keyed.Sort((a, b) => a.Key != b.Key ? b.Key.CompareTo(a.Key) : Hypothesis.CompareTokens(a.Hypothesis, b.Hypothesis));
        return keyed.ConvertAll(k => k.Hypothesis);
    }

    private List<Hypothesis> Select(List<Hypothesis> candidates, Func<Hypothesis, double> selection)
    {
        var sorted = Sorted(candidates, selection);
        if (_phrases.Tokens == 0 || sorted.Count <= _config.Width)
            return sorted.Count > _config.Width ? sorted[.._config.Width] : sorted;
        return Allocate(sorted);
    }

    /// <summary>Dynamic beam allocation: slots are shared among hypotheses with equally many phrase tokens met, most met first in doubt.</summary>
    private List<Hypothesis> Allocate(List<Hypothesis> sorted)
    {
        var banks = sorted.GroupBy(_phrases.Met).OrderByDescending(b => b.Key).Select(b => b.ToList()).ToList();
        var share = new int[banks.Count];
        var left = _config.Width;
        for (var i = 0; left > 0; i = (i + 1) % banks.Count)
            if (share[i] < banks[i].Count)
            {
                share[i]++;
                left--;
            }
        var kept = banks.SelectMany((bank, i) => bank.Take(share[i])).ToHashSet();
        return sorted.FindAll(kept.Contains);
    }

    private RankedSequence[] Rank(IEnumerable<Hypothesis> finished, bool reorder = true)
    {
        var scored = finished.Select(h => (Hypothesis: h, Score: h.Score / _config.LengthPenalty.Of(h.Length))).ToList();
        if (reorder)
            scored.Sort((a, b) => a.Score != b.Score ? b.Score.CompareTo(a.Score) : Hypothesis.CompareTokens(a.Hypothesis, b.Hypothesis));
        return scored.Select(r => new RankedSequence(r.Hypothesis.Tokens(), r.Score, r.Hypothesis.Score)).ToArray();
    }
}
