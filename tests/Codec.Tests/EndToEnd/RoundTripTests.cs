using System.Globalization;
using System.Text.Json.Nodes;
using Codec.Audio;
using Codec.Audio.SndFile;
using Codec.Core;
using Codec.Core.Codecs;
using Codec.Core.Files;
using Codec.Core.Pretrained;
using Codec.Evaluation.Metrics;

namespace Codec.Tests.EndToEnd;

/// <summary>The command over the bundled model: recordings to small files and back.</summary>
public class RoundTripTests
{
    [Theory]
    [InlineData(16000, 1, 6000)]
    [InlineData(16000, 1, 1)]      // one sample
    [InlineData(16000, 2, 0)]      // no sample
    [InlineData(11025, 1, 4999)]
    [InlineData(44100, 2, 12345)]
    [InlineData(8001, 3, 2001)]
    public void Length_rate_and_channels_come_back_exactly(int rate, int channels, int samples)
    {
        using var work = new Workplace();
        Workplace.Succeeds("encode", work.Speech("a.wav", samples, rate, channels));
        Workplace.Succeeds("decode", work["a.cdc"], "-o", work["b.wav"]);
        var audio = AudioFile.Read(work["b.wav"]);
        Assert.Equal((rate, channels, samples), (audio.SampleRate, audio.Channels, audio.Length));
        Assert.Equal(3, work.Contents().Length);
    }

    [Fact]
    public void Speech_comes_back_as_speech_and_the_report_tells_its_size()
    {
        using var work = new Workplace();
        var report = JsonNode.Parse(Workplace.Succeeds("encode", Workplace.Fixture("speech.wav"), "-o", work["a.cdc"], "--json").Out)!.AsArray().Single()!;
        Assert.Equal(new FileInfo(work["a.cdc"]).Length, (long)report["bytes"]!);
        Assert.InRange((double)report["kbps"]!, 0.1, 16);
        Workplace.Succeeds("decode", work["a.cdc"], "-o", work["a.wav"]);
        // The envelope survives even at the lowest rate; the waveform need not.
        var (original, decoded) = (Envelope(Workplace.Fixture("speech.wav")), Envelope(work["a.wav"]));
        Assert.Equal(original.Length, decoded.Length);
        Assert.True(Correlation(original, decoded) > 0.9, $"correlation of envelopes {Correlation(original, decoded)}");
    }

    [Theory]
    [InlineData("speech-16khz", "native/16khz", 400, 0.75)]
    [InlineData("speech-16khz-25hz", "native/16khz-25hz", 75, 0.6)]
    public void Every_bundled_model_codes_speech_by_its_name(string name, string preset, int tokensPerSecond, double leastEstoi)
    {
        using var work = new Workplace();
        Workplace.Succeeds("encode", Workplace.Fixture("speech.wav"), "-o", work["a.cdc"], "--model", name);
        var info = JsonNode.Parse(Workplace.Succeeds("info", work["a.cdc"], "--json").Out)!.AsArray().Single()!;
        Assert.Equal(preset, (string?)info["model"]);
        Assert.Equal(name, (string?)info["bundled_as"]);
        using var codec = CodecCatalog.Load(PretrainedModels.Resolve(name));
        Assert.Equal(tokensPerSecond, codec.Info.FrameRate * codec.Info.Books.Count, 6);
        Workplace.Succeeds("decode", work["a.cdc"], "-o", work["a.wav"]); // finds its model by the hash in the file
        var (original, decoded) = (AudioFile.Read(Workplace.Fixture("speech.wav")), AudioFile.Read(work["a.wav"]));
        Assert.Equal(original.Length, decoded.Length);
        var estoi = Stoi.Extended(original[0], decoded[0], original.SampleRate);
        Assert.True(estoi > leastEstoi, $"ESTOI {estoi}");
    }

    [Fact]
    public void Fewer_kilobits_give_a_smaller_file_that_still_decodes()
    {
        using var work = new Workplace();
        var input = work.Speech("a.wav", 32000);
        Workplace.Succeeds("encode", input, "-o", work["all.cdc"]);
        Workplace.Succeeds("encode", input, "-o", work["one.cdc"], "--books", "1");
        Assert.True(new FileInfo(work["one.cdc"]).Length < new FileInfo(work["all.cdc"]).Length);
        Workplace.Succeeds("decode", work["one.cdc"], "-o", work["one.wav"]);
        Assert.Equal(32000, AudioFile.Read(work["one.wav"]).Length);
    }

    /// <summary>At whole books and, where the bundled tables know nested ones, between them.</summary>
    [Theory]
    [InlineData("0.6")]
    [InlineData("1.4")]
    [InlineData("1.9")]
    [InlineData("1.4", "--effort", "0")]
    [InlineData("2.5", "--effort", "2")]
    public void Transcoding_to_a_rate_gives_the_file_of_encoding_at_it(string kbps, params string[] more)
    {
        using var work = new Workplace();
        var input = work.Speech("a.wav", 32000);
        Workplace.Succeeds(["encode", input, "-o", work["all.cdc"], "--books", "8", .. more]);
        Workplace.Succeeds(["encode", input, "-o", work["direct.cdc"], "--kbps", kbps, .. more]);
        Workplace.Succeeds("transcode", work["all.cdc"], "-o", work["cut.cdc"], "--kbps", kbps);
        Assert.Equal(File.ReadAllBytes(work["direct.cdc"]), File.ReadAllBytes(work["cut.cdc"]));
        Workplace.Succeeds("decode", work["cut.cdc"], "-o", work["cut.wav"]);
        Assert.Equal(32000, AudioFile.Read(work["cut.wav"]).Length);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(3.0)]
    [InlineData(1.4)]
    public void The_library_makes_the_files_of_the_command(double? kbps)
    {
        using var work = new Workplace();
        var input = work.Speech("a.wav", 40000, 22050);
        Workplace.Succeeds(["encode", input, "-o", work["a.cdc"], .. kbps is { } asked ? (string[])["--kbps", asked.ToString(CultureInfo.InvariantCulture)] : []]);
        using var codec = CodecCatalog.Load(PretrainedModels.Resolve(null));
        using var audio = AudioFile.OpenRead(input);
        using var file = new MemoryStream();
        Assert.Equal(40000, RatedFile.Compress(audio, codec, file, kbps * 1000).Samples);
        Assert.Equal(File.ReadAllBytes(work["a.cdc"]), file.ToArray());
        using var again = AudioFile.OpenRead(input);
        Assert.Throws<ConfigException>(() => RatedFile.Compress(again, codec, Stream.Null, 100));
    }

    [Theory]
    [InlineData(2.5, "auto")]
    [InlineData(3.2, "auto")]
    [InlineData(3.0, null)]
    [InlineData(3.5, null)]
    [InlineData(null, null)]
    public void A_rate_that_pays_for_a_low_band_gets_one(double? kbps, string? lowband)
    {
        using var work = new Workplace();
        var input = work.Speech("a.wav", 80000);
        Workplace.Succeeds(["encode", input, "-o", work["low.cdc"], .. kbps is { } asked ? (string[])["--kbps", asked.ToString(CultureInfo.InvariantCulture)] : [], .. lowband is null ? (string[])[] : ["--lowband", lowband]]);
        var info = JsonNode.Parse(Workplace.Succeeds("info", work["low.cdc"], "--json").Out)!.AsArray().Single()!;
        Assert.Equal((40, 4), ((int?)info["lowband_coefficients"], (int?)info["books"]));
        Assert.InRange(new FileInfo(work["low.cdc"]).Length * 8 / 5.0, (kbps ?? 3.2) * 900, (kbps ?? 3.2) * 1000);
        Workplace.Succeeds("decode", work["low.cdc"], "-o", work["low.wav"]);
        var decoded = AudioFile.Read(work["low.wav"])[0].ToArray();
        Workplace.Succeeds("transcode", work["low.cdc"], "-o", work["books.cdc"], "--books", "4");
        Workplace.Succeeds("encode", input, "-o", work["direct.cdc"], "--books", "4");
        Assert.Equal(File.ReadAllBytes(work["direct.cdc"]), File.ReadAllBytes(work["books.cdc"]));
        Workplace.Succeeds("decode", work["books.cdc"], "-o", work["books.wav"]);
        var (original, books) = (AudioFile.Read(input)[0].ToArray(), AudioFile.Read(work["books.wav"])[0].ToArray());
        double Estoi(float[] wave) => Stoi.Extended(original, wave, 16000);
        Assert.True(Estoi(decoded) > Estoi(books), $"{Estoi(decoded)} against {Estoi(books)}");
    }

    [Fact]
    public void Cheaper_codes_make_a_smaller_file_that_still_decodes()
    {
        using var work = new Workplace();
        var input = work.Speech("a.wav", 32000);
        Workplace.Succeeds("encode", input, "-o", work["plain.cdc"], "--books", "8");
        Workplace.Succeeds("encode", input, "-o", work["zero.cdc"], "--rate-aware", "0", "--books", "8");
        Workplace.Succeeds("encode", input, "-o", work["cheap.cdc"], "--rate-aware", "0.05", "--books", "8");
        Assert.Equal(File.ReadAllBytes(work["plain.cdc"]), File.ReadAllBytes(work["zero.cdc"]));
        Assert.True(new FileInfo(work["cheap.cdc"]).Length < new FileInfo(work["plain.cdc"]).Length);
        Workplace.Succeeds("decode", work["cheap.cdc"], "-o", work["cheap.wav"]);
        work.Fails(2, "--rate-aware", "encode", input, "-o", work["x.cdc"], "--rate-aware", "2");
    }

    [Fact]
    public void Standard_streams_carry_the_same_bytes_as_files()
    {
        using var work = new Workplace();
        var input = work.Speech("a.wav", 5000, 22050, 2);
        Workplace.Succeeds("encode", input, "-o", work["a.cdc"]);
        Workplace.Succeeds("decode", work["a.cdc"], "-o", work["b.wav"]);

        var encoded = CommandLineRun.Of(File.ReadAllBytes(input), null, "encode", "-", "-o", "-");
        Assert.Equal(0, encoded.ExitCode);
        Assert.Empty(encoded.Out); // the result line would damage the output: it goes to standard error
        File.WriteAllBytes(work["piped.cdc"], encoded.OutBytes);
        Workplace.Succeeds("decode", work["piped.cdc"], "-o", work["c.wav"]);
        Assert.Equal(File.ReadAllBytes(work["b.wav"]), File.ReadAllBytes(work["c.wav"]));

        var decoded = CommandLineRun.Of(encoded.OutBytes, null, "decode", "-", "-o", "-");
        Assert.Equal(0, decoded.ExitCode);
        File.WriteAllBytes(work["d.wav"], decoded.OutBytes);
        Assert.Equal(AudioFile.Read(work["b.wav"]).Channel(1), AudioFile.Read(work["d.wav"]).Channel(1));
    }

    [Fact]
    public void Folders_keep_their_tree()
    {
        using var work = new Workplace();
        work.Speech("in/one.wav");
        work.Speech("in/deep/er/two.WAV");
        work.File("in/notes.txt", "no audio"u8);
        Workplace.Succeeds("encode", work["in"], "-o", work["packed"]);
        Workplace.Succeeds("decode", work["packed"], "-o", work["out"]);
        string[] Files(string folder) => [.. Directory.EnumerateFiles(work[folder], "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(work[folder], file)).Order(StringComparer.Ordinal)];
        Assert.Equal(["deep/er/two.cdc", "one.cdc"], Files("packed"));
        Assert.Equal(["deep/er/two.wav", "one.wav"], Files("out"));
    }

    [Fact]
    public void A_compressed_format_is_read_and_written()
    {
        Assert.SkipUnless(SndFileLibrary.IsAvailable, "libsndfile is absent");
        using var work = new Workplace();
        Workplace.Succeeds("encode", Workplace.Fixture("chord.flac"), "-o", work["a.cdc"]);
        Workplace.Succeeds("decode", work["a.cdc"], "-o", work["a.flac"]);
        Assert.Equal(AudioFile.Read(Workplace.Fixture("chord.flac")).Length, AudioFile.Read(work["a.flac"]).Length);
    }

    /// <summary>Root mean square of every 50 ms, in dB above a floor.</summary>
    private static double[] Envelope(string path)
        => [.. AudioFile.Read(path).Channel(0).Chunk(800).Select(block => Math.Log10(1e-6 + block.Average(x => (double)x * x)))];

    private static double Correlation(double[] a, double[] b)
    {
        var (meanA, meanB) = (a.Average(), b.Average());
        var cross = a.Zip(b, (x, y) => (x - meanA) * (y - meanB)).Sum();
        return cross / Math.Sqrt(a.Sum(x => (x - meanA) * (x - meanA)) * b.Sum(y => (y - meanB) * (y - meanB)));
    }
}
