using Codec.Audio;

namespace Codec.Evaluation.Conditions;

/// <summary>
/// A condition whose outcome is known beforehand: identity gives the best values, noise and silence bad ones, a shift nothing but
/// a shift, a low-pass something between. A report whose controls come out otherwise is not to be trusted.
/// </summary>
public sealed class Control : ICondition
{
    private readonly Func<AudioBuffer, AudioBuffer> _change;

    private Control(string name, Func<AudioBuffer, AudioBuffer> change)
    {
        Name = name;
        _change = change;
    }

    public const string Identity = "identity", Silence = "silence", Noise = "noise", LowPass = "low-pass", Shift = "shift";

    /// <summary>All controls.</summary>
    public static IReadOnlyList<Control> All { get; } =
    [
        new(Identity, audio => audio),
        new(Shift, audio => Map(audio, x => [0, .. x[..^1]])),
        new(LowPass, NarrowBand),
        new(Noise, audio => Map(audio, WhiteNoise)),
        new(Silence, audio => Map(audio, x => new float[x.Length])),
    ];

    public string Name { get; }
    public string Family => "control";
    public double? NominalBitsPerSecond => null;
    public bool IsControl => true;
    public string? Problem => null;

    public Transcoded Run(AudioBuffer input, ConditionContext context, CancellationToken cancellation) => new(_change(input));

    private static AudioBuffer Map(AudioBuffer audio, Func<float[], float[]> change)
        => new([.. Enumerable.Range(0, audio.Channels).Select(c => change(audio.Channel(c)))], audio.SampleRate);

    /// <summary>Nothing above 8 kHz; where the audio itself ends there, nothing above 4 kHz.</summary>
    private static AudioBuffer NarrowBand(AudioBuffer audio)
    {
        var narrow = Resampler.Resample(audio, audio.SampleRate > 16000 ? 16000 : audio.SampleRate / 2);
        var wide = Resampler.Resample(narrow, audio.SampleRate);
        return wide.Length > audio.Length ? wide.Slice(0, audio.Length) : wide;
    }

    /// <summary>White noise of the level of the signal, and nothing of the signal.</summary>
    private static float[] WhiteNoise(float[] signal)
    {
        var level = Math.Sqrt(signal.Average(x => (double)x * x)) * Math.Sqrt(3);
        var random = new Random(signal.Length);
        return Array.ConvertAll(signal, _ => (float)(level * (2 * random.NextDouble() - 1)));
    }
}
