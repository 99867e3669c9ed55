namespace Codec.Evaluation.Pesq;

/// <summary>Everything in P.862 that depends on the sample rate.</summary>
internal sealed record PesqSettings
{
    /// <summary>Activity windows of silence put before and after each signal, and by which searches widen.</summary>
    public const int SearchWindows = 75;

    /// <summary>Shortest utterance that is aligned on its own, and shortest overlap, in activity windows.</summary>
    public const int MinimumUtterance = 50;

    /// <summary>Hz.</summary>
    public required int SampleRate { get; init; }

    /// <summary>Samples of an activity window: 4 ms.</summary>
    public required int ActivityWindow { get; init; }

    /// <summary>FFT of the fine alignment.</summary>
    public required int AlignmentFft { get; init; }

    /// <summary>Samples of an analysis frame (32 ms); the hop is half of it.</summary>
    public required int Frame { get; init; }

    /// <summary>Scale of power densities.</summary>
    public required double PowerScale { get; init; }

    public required int[] BinsPerBand { get; init; }
    public required double[] CentreBark { get; init; }
    public required double[] WidthBark { get; init; }
    public required double[] Correction { get; init; }
    public required double[] HearingThreshold { get; init; }
    public required double[][] AlignmentSections { get; init; }

    /// <summary>Silence in front of the first sample.</summary>
    public int Margin => SearchWindows * ActivityWindow;

    /// <summary>Silence behind everything: 320 ms.</summary>
    public int Padding => SampleRate * 320 / 1000;

    public int Hop => Frame / 2;

    public static PesqSettings At16 { get; } = new()
    {
        SampleRate = 16000, ActivityWindow = 64, AlignmentFft = 1024, Frame = 512, PowerScale = 6.910853e-6,
        BinsPerBand = PesqTables.BinsPerBand16, CentreBark = PesqTables.CentreBark16, WidthBark = PesqTables.WidthBark16,
        Correction = PesqTables.Correction16, HearingThreshold = PesqTables.HearingThreshold16,
        AlignmentSections = PesqTables.AlignmentSections16,
    };

    public static PesqSettings At8 { get; } = new()
    {
        SampleRate = 8000, ActivityWindow = 32, AlignmentFft = 512, Frame = 256, PowerScale = 2.764344e-5,
        BinsPerBand = PesqTables.BinsPerBand8, CentreBark = PesqTables.CentreBark8, WidthBark = PesqTables.WidthBark8,
        Correction = PesqTables.Correction8, HearingThreshold = PesqTables.HearingThreshold8,
        AlignmentSections = PesqTables.AlignmentSections8,
    };
}
