using Codec.Audio;

namespace Codec.Core.Codecs.Native;

/// <summary>How the decoder follows the pitch: see <see cref="Excitation"/>.</summary>
public sealed record ExcitationConfig
{
    /// <summary>Lowest fundamental frequency told from others, Hz.</summary>
    public double LowestHertz { get; init; } = 60;

    /// <summary>Highest, Hz.</summary>
    public double HighestHertz { get; init; } = 420;

    /// <summary>Fundamental frequencies that the decoder chooses from, evenly spaced in octaves; "unvoiced" comes on top.</summary>
    public int Classes { get; init; } = 96;

    /// <summary>Bins below this frequency follow the pitch where there is a voice, Hz; above, phases are noise.</summary>
    public double VoicedHertz { get; init; } = 2000;

    /// <summary>Spectra after which phases are counted anew, so that decoding can start there.</summary>
    public int PeriodSpectra { get; init; } = 512;

    /// <summary>Place of a frequency among the classes, as a fraction; the ends where it lies outside.</summary>
    public double PlaceOf(double hertz) => Math.Clamp(Math.Log(hertz / LowestHertz) / Math.Log(HighestHertz / LowestHertz), 0, 1) * (Classes - 1);

    /// <summary>Frequency at a place among the classes, Hz.</summary>
    public double HertzAt(double place) => LowestHertz * Math.Pow(HighestHertz / LowestHertz, place / (Classes - 1));

    internal void Validate(NativeConfig config)
    {
        Require.That(LowestHertz >= 20 && HighestHertz > LowestHertz && HighestHertz <= config.SampleRate / 4.0, nameof(LowestHertz),
            "20 <= lowest < highest <= a quarter of the sample rate", FormattableString.Invariant($"{LowestHertz} and {HighestHertz}"));
        Require.InRange(Classes, 2, 1024);
        Require.That(VoicedHertz > 0 && VoicedHertz <= config.SampleRate / 2.0, nameof(VoicedHertz), "above 0, at most half the sample rate", VoicedHertz);
        Require.That(PeriodSpectra >= 2 * Excitation.Ramp && PeriodSpectra % config.SpectraPerFrame == 0 && PeriodSpectra <= 65536, nameof(PeriodSpectra),
            $"a multiple of {config.SpectraPerFrame} from {2 * Excitation.Ramp} to 65536", PeriodSpectra);
    }
}
