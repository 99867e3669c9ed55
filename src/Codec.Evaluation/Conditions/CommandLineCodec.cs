using System.Globalization;
using Codec.Audio;

namespace Codec.Evaluation.Conditions;

/// <summary>A classical codec through its usual command-line encoder and decoder.</summary>
public sealed class CommandLineCodec : ICondition
{
    /// <summary>How a codec's programs are called.</summary>
    /// <param name="Name">As before the @.</param>
    /// <param name="Encoder">Program.</param>
    /// <param name="Decoder">Program.</param>
    /// <param name="Package">Debian package that brings both.</param>
    /// <param name="Extension">Of coded files.</param>
    /// <param name="Rate">Hz that the encoder is fed for audio of a rate.</param>
    /// <param name="Encode">Arguments: bits per second, input, output.</param>
    /// <param name="Decode">Arguments: bits per second, input, output, Hz.</param>
    /// <param name="Raw">True: headerless 16-bit mono instead of WAV.</param>
    private sealed record Recipe(string Name, string Encoder, string Decoder, string Package, string Extension, Func<int, int> Rate,
        Func<double, string, string, string[]> Encode, Func<double, string, string, int, string[]> Decode, bool Raw = false);

    private static readonly Recipe[] Recipes =
    [
        new("opus", "opusenc", "opusdec", "opus-tools", ".opus", rate => rate,
            (bps, wav, coded) => ["--quiet", "--bitrate", Kilo(bps), wav, coded],
            (_, coded, wav, rate) => ["--quiet", "--rate", Text(rate), coded, wav]),
        new("codec2", "c2enc", "c2dec", "codec2", ".bit", _ => 8000,
            (bps, raw, coded) => [Codec2Mode(bps), raw, coded],
            (bps, coded, raw, _) => [Codec2Mode(bps), coded, raw], Raw: true),
        new("speex", "speexenc", "speexdec", "speex", ".spx", rate => rate >= 16000 ? 16000 : 8000,
            (bps, wav, coded) => ["-w", "--bitrate", Text(bps), "--comp", "10", wav, coded],
            (_, coded, wav, _) => [coded, wav]),
        new("mp3", "lame", "lame", "lame", ".mp3", rate => rate,
            (bps, wav, coded) => ["--quiet", "-b", Kilo(bps), wav, coded],
            (_, coded, wav, _) => ["--quiet", "--decode", coded, wav]),
        new("aac", "ffmpeg", "ffmpeg", "ffmpeg", ".m4a", rate => rate,
            (bps, wav, coded) => ["-v", "error", "-y", "-i", wav, "-c:a", "aac", "-b:a", Text(bps), coded],
            (_, coded, wav, _) => ["-v", "error", "-y", "-i", coded, wav]),
        new("vorbis", "ffmpeg", "ffmpeg", "ffmpeg", ".ogg", rate => rate,
            (bps, wav, coded) => ["-v", "error", "-y", "-i", wav, "-c:a", "libvorbis", "-b:a", Text(bps), coded],
            (_, coded, wav, _) => ["-v", "error", "-y", "-i", coded, wav]),
    ];

    private readonly Recipe _recipe;
    private readonly double _bitsPerSecond;
    private readonly string? _encoder, _decoder;

    private CommandLineCodec(Recipe recipe, string name, double bitsPerSecond, string? searchPath)
    {
        (_recipe, Name, _bitsPerSecond) = (recipe, name, bitsPerSecond);
        (_encoder, _decoder) = (ExternalProgram.Find(recipe.Encoder, searchPath), ExternalProgram.Find(recipe.Decoder, searchPath));
    }

    /// <summary>Codecs that can be named.</summary>
    public static IEnumerable<string> Names => Recipes.Select(r => r.Name);

    public string Name { get; }
    public string Family => _recipe.Name;
    public double? NominalBitsPerSecond => _bitsPerSecond;

    public string? Problem => _encoder is not null && _decoder is not null
        ? null
        : $"{(_encoder is null ? _recipe.Encoder : _recipe.Decoder)} is not installed (Debian: apt-get install {_recipe.Package})";

    public string Fingerprint(string relativePath) => $"{FileStamp.Of(_encoder)} {FileStamp.Of(_decoder)}";

    /// <summary>A codec at a rate; null where the name is none of these.</summary>
    /// <param name="codec">e.g. "opus".</param>
    /// <param name="rate">kbit/s; for codec2 bit/s or its mode, as its users write it.</param>
    /// <param name="searchPath">Folders to look for programs in, as in PATH.</param>
    /// <exception cref="ConfigException">The rate is no number.</exception>
    public static CommandLineCodec? Create(string codec, string rate, string? searchPath)
    {
        if (Recipes.FirstOrDefault(r => r.Name == codec) is not { } recipe)
            return null;
        if (!double.TryParse(rate.TrimEnd('C', 'c'), CultureInfo.InvariantCulture, out var value) || value is not (> 0 and < 1e6))
            throw new ConfigException($"{codec}@{rate}: expected a rate in kbit/s, found '{rate}'");
        return new CommandLineCodec(recipe, $"{codec}@{rate}", value >= 400 ? value : value * 1000, searchPath);
    }

    public Transcoded Run(AudioBuffer input, ConditionContext context, CancellationToken cancellation)
    {
        if (Problem is { } problem)
            throw new ConfigException($"{Name}: {problem}");
        var rate = _recipe.Rate(input.SampleRate);
        var original = Path.Combine(context.Scratch, "in" + (_recipe.Raw ? ".raw" : ".wav"));
        var coded = Path.Combine(context.Scratch, "coded" + _recipe.Extension);
        var decoded = Path.Combine(context.Scratch, "out" + (_recipe.Raw ? ".raw" : ".wav"));
        var prepared = Resampler.Resample(input.Channels > 1 && !_recipe.Raw && Family != "speex" ? input : input.ToMono(), rate);
        if (_recipe.Raw)
            RawFile.Write(original, prepared.Channel(0));
        else
            AudioFile.Write(original, prepared);
        var start = context.Time.GetTimestamp();
        var encoding = ExternalProgram.Run(_encoder!, _recipe.Encode(_bitsPerSecond, original, coded), cancellation);
        var middle = context.Time.GetTimestamp();
        var decoding = ExternalProgram.Run(_decoder!, _recipe.Decode(_bitsPerSecond, coded, decoded, rate), cancellation);
        var end = context.Time.GetTimestamp();
        return new Transcoded(_recipe.Raw ? new AudioBuffer(RawFile.Read(decoded), rate) : AudioFile.Read(decoded))
        {
            Bytes = new FileInfo(coded).Length,
            EncodeTime = context.Time.GetElapsedTime(start, middle),
            DecodeTime = context.Time.GetElapsedTime(middle, end),
            MemoryBytes = Math.Max(encoding.PeakMemory, decoding.PeakMemory) is > 0 and var memory ? memory : null,
        };
    }

    private static string Kilo(double bitsPerSecond) => Text(bitsPerSecond / 1000);

    private static string Text(double value) => value.ToString("0.###", CultureInfo.InvariantCulture);

    private static string Codec2Mode(double bitsPerSecond) => bitsPerSecond is 700 or 450 ? Text(bitsPerSecond) + (bitsPerSecond is 700 ? "C" : "") : Text(bitsPerSecond);
}
