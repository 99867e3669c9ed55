using Codec.Audio;
using Codec.Speech.Sampling;

namespace Codec.Speech.Drafting;

/// <summary>A target model with a cache that can be cut back.</summary>
public interface IVerifier
{
    /// <summary>Reads tokens after those read so far, in one pass.</summary>
    /// <returns>Logits of the next token after each of them.</returns>
    float[][] Read(ReadOnlySpan<int> tokens);

    /// <summary>Keeps the first <paramref name="length"/> tokens read.</summary>
    void Rewind(int length);
}

/// <summary>Settings of <see cref="DraftVerifyLoop"/>.</summary>
public sealed record DraftConfig
{
    /// <summary>Tokens per draft.</summary>
    public int DraftLength { get; init; } = 4;

    /// <summary>Cost of one more token in a verification pass, as a share of a single-token pass: measure it.</summary>
    public double ExtraTokenCost { get; init; } = 0.06;

    /// <summary>Cost of making one draft token, as a share of a single-token pass: 0 for n-grams, what the layers cost for layer skipping.</summary>
    public double DraftTokenCost { get; init; }

    /// <summary>Rounds over which it is judged whether drafting pays.</summary>
    public int Window { get; init; } = 32;

    /// <summary>Tokens without drafts before it is tried again.</summary>
    public int Pause { get; init; } = 256;

    public DraftConfig Validate()
    {
        Require.Positive(DraftLength);
        Require.InRange(ExtraTokenCost, 0, 1);
        Require.InRange(DraftTokenCost, 0, 1);
        Require.Positive(Window);
        Require.Positive(Pause);
        return this;
    }
}

/// <summary>What drafting brought.</summary>
/// <param name="Tokens">Emitted.</param>
/// <param name="Passes">Of the target.</param>
/// <param name="Drafted">Tokens proposed.</param>
/// <param name="Accepted">Tokens of them kept.</param>
/// <param name="TimesOff">How often drafting turned itself off because it did not pay.</param>
public sealed record DraftReport(int Tokens, int Passes, int Drafted, int Accepted, int TimesOff)
{
    /// <summary>Share of drafted tokens kept; 0 where none were.</summary>
    public double AcceptRate => Drafted == 0 ? 0 : (double)Accepted / Drafted;

    /// <summary>Passes that single steps would have taken, over what this took, by the costs of the settings: above 1 it pays.</summary>
    public double Gain(DraftConfig config) => Tokens / (Passes + Drafted * (config.ExtraTokenCost + config.DraftTokenCost));
}

/// <summary>
/// Draft and verify, lossless: with a greedy sampler the output is the target's own token for token; else it has exactly the
/// target's (filtered) distribution. Drafting pauses while it costs more than it brings.
/// </summary>
public sealed class DraftVerifyLoop
{
    private readonly IVerifier _target;
    private readonly IDrafter _drafter;
    private readonly DraftConfig _config;
    private readonly Sampler _sampler;
    private readonly SeededUniforms _uniforms;
    private readonly Queue<(int Emitted, int Drafted)> _recent = [];
    private readonly List<int> _tokens = [];
    private int _pause, _passes, _drafted, _accepted, _timesOff;
    private long _draws;

    public DraftVerifyLoop(IVerifier target, IDrafter drafter, DraftConfig config, SamplerConfig sampler, ulong seed)
    {
        (_target, _drafter, _config) = (target, drafter, config.Validate());
        _sampler = new Sampler(sampler);
        _uniforms = new SeededUniforms(seed);
    }

    /// <summary>Continues a prompt.</summary>
    /// <param name="prompt">At least one token; the target must not have read anything.</param>
    /// <param name="count">Tokens to emit.</param>
    /// <param name="end">Token that ends the text; null = none.</param>
    public (int[] Tokens, DraftReport Report) Run(ReadOnlySpan<int> prompt, int count, int? end = null)
    {
        ArgumentOutOfRangeException.ThrowIfZero(prompt.Length);
        _tokens.AddRange(prompt);
        if (prompt.Length > 1)
            _target.Read(prompt[..^1]);
        var goal = prompt.Length + count;
        while (_tokens.Count < goal && (end is null || _tokens.Count == prompt.Length || _tokens[^1] != end))
            Round(goal, end);
        var emitted = _tokens.Skip(prompt.Length).ToArray();
        return (emitted, new DraftReport(emitted.Length, _passes, _drafted, _accepted, _timesOff));
    }

    private void Round(int goal, int? end)
    {
        var most = Math.Min(_config.DraftLength, goal - _tokens.Count - 1);
        var draft = _pause > 0 || most <= 0 ? [] : _drafter.Propose(_tokens, most);
        var logits = _target.Read([_tokens[^1], .. draft]);
        _passes++;
        var round = Verify(draft, logits);
        _drafter.Learn(round.Accepted, logits.Select(row => Sampler.ArgMax(row)).ToArray());
        foreach (var token in round.Emitted)
        {
            _tokens.Add(token);
            if (token == end)
                break;
        }
        _target.Rewind(_tokens.Count - 1);
        Judge(draft.Length, round);
    }

    private SpeculativeRound Verify(int[] draft, float[][] logits)
    {
        // Distributions depend on the drafted tokens before them where repeated tokens are penalised.
        var history = _tokens.Concat(draft).ToArray();
        var target = logits.Select((row, i) =>
        {
            var p = new double[row.Length];
            _sampler.Distribution(row, p, history.AsSpan(0, _tokens.Count + i));
            return p;
        }).ToArray();
        var accept = draft.Select(_ => _uniforms[_draws++]).ToArray();
        return SpeculativeSampling.Verify(draft, null, target, accept, _uniforms[_draws++]);
    }

    private void Judge(int drafted, SpeculativeRound round)
    {
        (_drafted, _accepted) = (_drafted + drafted, _accepted + round.Accepted);
        if (_pause > 0)
        {
            _pause -= round.Emitted.Length;
            return;
        }
        _recent.Enqueue((round.Emitted.Length, drafted));
        if (_recent.Count < _config.Window)
            return;
        // A round with d drafted tokens costs 1 + d * (ExtraTokenCost + DraftTokenCost) single passes.
        if (_recent.Sum(r => r.Emitted) < _recent.Sum(r => 1 + r.Drafted * (_config.ExtraTokenCost + _config.DraftTokenCost)))
        {
            _pause = _config.Pause;
            _timesOff++;
            _recent.Clear();
        }
        else
            _recent.Dequeue();
    }
}
