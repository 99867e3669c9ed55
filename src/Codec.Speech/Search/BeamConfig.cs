using Codec.Audio;

namespace Codec.Speech.Search;

/// <summary>When hypotheses that end leave the beam and when a search stops.</summary>
public abstract record Ending
{
    /// <summary>Finished hypotheses stay in the beam and compete; stop when all are finished. The textbook beam.</summary>
    public sealed record Compete : Ending;

    /// <summary>
    /// First come, first served (arXiv 2204.05424): finished hypotheses are set aside; stop when Width * Factor are. Factor 1 is the
    /// usual implementation of many toolkits.
    /// </summary>
    public sealed record Patience(double Factor = 1) : Ending;

    /// <summary>
    /// Ended hypotheses leave the beam; those that reach the last step get an end token without a score. Stops early when
    /// the best of each of the last Lookback lengths is more than Margin below the best of all (Watanabe et al. 2017).
    /// </summary>
    public sealed record Detect(int Lookback = 3, double Margin = 10) : Ending;
}

/// <summary>What a finished hypothesis' score is divided by.</summary>
public abstract record LengthPenalty
{
    /// <summary>1.</summary>
    public sealed record None : LengthPenalty;

    /// <summary>n^Alpha, n counting the end token.</summary>
    public sealed record Power(double Alpha) : LengthPenalty;

    /// <summary>((5 + n) / 6)^Alpha (GNMT, arXiv 1609.08144).</summary>
    public sealed record Gnmt(double Alpha) : LengthPenalty;

    /// <summary>The divisor for n tokens.</summary>
    public double Of(int length) => this switch
    {
        Power p => Math.Pow(length, p.Alpha),
        Gnmt g => Math.Pow((5.0 + length) / 6, g.Alpha),
        _ => 1,
    };
}

/// <summary>Settings of the one beam search; the defaults are the textbook search.</summary>
public sealed record BeamConfig
{
    /// <summary>Hypotheses kept per step (per group).</summary>
    public int Width { get; init; } = 4;

    /// <summary>Tokens with the end token; at the last position only the end is possible.</summary>
    public required int MaxLength { get; init; }

    public Ending Ending { get; init; } = new Ending.Compete();

    public LengthPenalty LengthPenalty { get; init; } = new LengthPenalty.None();

    /// <summary>Added for every token.</summary>
    public double TokenBonus { get; init; }

    /// <summary>
    /// Same answer with fewer model calls: hypotheses are expanded best first, at most Width per length (arXiv 2007.03909).
    /// Needs scores that never grow with length, and the textbook ending.
    /// </summary>
    public bool BestFirst { get; init; }

    /// <summary>Diverse beam search (arXiv 1610.02424): groups of Width hypotheses, one after another at each step; 1 = plain.</summary>
    public int Groups { get; init; } = 1;

    /// <summary>Selection penalty for each earlier group that chose the same token at this step.</summary>
    public double DiversityStrength { get; init; }

    /// <summary>Token sequences that every result must hold (dynamic beam allocation, arXiv 1804.06609).</summary>
    public IReadOnlyList<IReadOnlyList<int>> RequiredPhrases { get; init; } = [];

    /// <summary>Partial scorers judge only this many tokens per hypothesis, the best of the other scores; null = all.</summary>
    public int? PreBeam { get; init; }

    /// <exception cref="ConfigException">A value is out of range, or settings exclude each other.</exception>
    public BeamConfig Validate()
    {
        Require.Positive(Width);
        Require.Positive(MaxLength);
        Require.Positive(Groups);
        Require.That(!BestFirst || (Ending is Ending.Compete && LengthPenalty is LengthPenalty.None && Groups == 1 && RequiredPhrases.Count == 0 && TokenBonus <= 0),
            nameof(BestFirst), "the textbook ending without length penalty, bonus, groups or phrases", "other settings");
        Require.That(Groups == 1 || (Ending is Ending.Compete && RequiredPhrases.Count == 0), nameof(Groups), "the textbook ending without phrases", Groups);
        Require.That(RequiredPhrases.All(p => p.Count > 0), nameof(RequiredPhrases), "phrases that are not empty", "an empty one");
        if (Ending is Ending.Patience patience)
            Require.Positive(patience.Factor);
        return this;
    }
}
