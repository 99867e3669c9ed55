using System.Globalization;
using Codec.Audio;
using Codec.Cli;
using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Prediction;
using Codec.Core.Codecs.Native;
using Codec.Training.Entropy;

namespace Codec.Tests.Cli;

/// <summary><c>codec prior</c> with the tables that take seconds: counts over a tree of books, of recordings and of crops at other speeds.</summary>
public sealed class PriorVerbTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _model, _train, _test, _cache;

    public PriorVerbTests()
    {
        (_model, _train, _test, _cache) = (_folder.Combine("codec.safetensors"), _folder.Combine("train"), _folder.Combine("test"), _folder.Combine("cache"));
        using var codec = (NativeCodec)new NativeFamily().CreateTiny(seed: 4177);
        NativeCheckpoint.Save(codec.Model, _model);
        Directory.CreateDirectory(_train);
        Directory.CreateDirectory(_test);
        Sing(Path.Combine(_train, "a.wav"), 1, 20);
        Sing(Path.Combine(_train, "b.wav"), 2, 20);
        Sing(Path.Combine(_test, "c.wav"), 3, 5);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_tree_predicts_codes_it_has_not_seen_and_fits_the_files_of_its_codec()
    {
        var path = _folder.Combine("t.cdp");
        var run = Prior(path, "--tree", "--test", _test);
        Assert.Equal(ExitCode.Done, run.ExitCode);
        const string mean = "  mean ";
        var bits = run.ErrorLines.Where(line => line.Contains(mean)) // a name, padded, then a number for each book
            .ToDictionary(line => line[..32].Trim(), line => double.Parse(line[(line.IndexOf(mean) + mean.Length)..], CultureInfo.InvariantCulture));
        Assert.Equal(["raw packing", "order 0, a file at a time", "contexts mixed, a file at a time", "tree, trained"], bits.Keys);
        Assert.InRange(bits["tree, trained"], 0.01, 0.9 * bits["raw packing"]);

        var tables = Assert.IsType<TreeTables>(EntropyPrior.Parse(File.ReadAllBytes(path)));
        using var codec = NativeCheckpoint.Load(_model);
        Assert.Equal(CodecFileHeader.HashPrefix(codec.Info.TokenHash), tables.TokenHash);
        var codes = Assert.Single(NeuralPriorRun.Encode(codec, _test, _cache));
        var header = CodecFileHeader.For(codec.Info, 1, codec.Info.Books.Count, 16000, 1) with { Predictor = Predictor.Tree, Prior = tables.Id };
        using var file = new MemoryStream();
        var writer = new CodecFileWriter(file, header, models: _ => new TreeModel(tables));
        writer.Write(codes);
        writer.Finish(5 * 16000);
        using var reader = new CodecFileReader(new MemoryStream(file.ToArray()), _ => new TreeModel(tables));
        var back = Codes.Concat([.. reader.ReadAll().Select(block => block.Codes!)]);
        Assert.All(Enumerable.Range(0, codes.Books), book => Assert.Equal(codes[book].ToArray(), back[book].ToArray()));
        var raw = codes.Specs.Sum(book => book.BitsPerCode) * codes.Frames / 8;
        Assert.InRange(writer.PayloadBytes, 1, raw);
    }

    [Fact]
    public void A_model_without_a_low_band_gets_no_tables_of_one()
    {
        var run = Prior(_folder.Combine("l.cdp"), "--lowband");
        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains("low band", Assert.Single(run.ErrorLines));
    }

    [Fact]
    public void The_same_recordings_give_the_same_tables_and_varied_crops_others()
    {
        byte[] Tables(string name, params string[] more)
        {
            var path = _folder.Combine(name);
            Assert.Equal(ExitCode.Done, Prior(path, ["--tree", .. more]).ExitCode);
            return File.ReadAllBytes(path);
        }
        var plain = Tables("1.cdp");
        Assert.Equal(plain, Tables("2.cdp"));
        var varied = Tables("3.cdp", "--varied", "0.01");
        Assert.NotEqual(plain, varied);
        Assert.Equal(varied, Tables("4.cdp", "--varied", "0.01"));
        Assert.NotEqual(plain, Tables("5.cdp", "--every", "2"));
    }

    [Fact]
    public void Varied_crops_have_the_length_asked_for_and_are_drawn_anew_each()
    {
        using var codec = NativeCheckpoint.Load(_model);
        var crops = NeuralPriorRun.EncodeVaried(codec, _train, _cache, hours: 35 / 3600.0);
        Assert.Equal(4, crops.Count);
        Assert.All(crops, crop => Assert.Equal(codec.Info.FramesFor(10 * codec.Info.SampleRate), crop.Frames));
        Assert.Equal(4, crops.Select(crop => string.Join(' ', crop[0].ToArray())).Distinct().Count());
        var again = NeuralPriorRun.EncodeVaried(codec, _train, _cache, hours: 35 / 3600.0);
        Assert.All(crops.Zip(again), pair => Assert.Equal(pair.First[0].ToArray(), pair.Second[0].ToArray()));
    }

    [Theory]
    [InlineData("--train", "--tree")]
    [InlineData("--varied", "--tree", "--varied", "-1", "--train", "TRAIN")]
    [InlineData("expected a manifest", "--tree", "--train", "nowhere")]
    public void What_cannot_be_is_refused_in_one_line(string expected, params string[] args)
    {
        var path = _folder.Combine("x.cdp");
        var run = CommandLineRun.Of(["prior", _model, "--cache", _cache, "-o", path, .. args.Select(arg => arg == "TRAIN" ? _train : arg)]);
        Assert.NotEqual(ExitCode.Done, run.ExitCode);
        Assert.Contains(expected, Assert.Single(run.ErrorLines), StringComparison.Ordinal);
        Assert.False(File.Exists(path) || File.Exists(path + ".partial"));
    }

    private CommandLineRun Prior(string path, params string[] args)
        => CommandLineRun.Of(["prior", _model, "--train", _train, "--cache", _cache, "-o", path, .. args]);

    /// <summary>A few tones that come back, so that there is something to predict.</summary>
    private static void Sing(string path, int seed, int seconds)
    {
        var random = new Random(seed);
        var samples = new float[seconds * 16000];
        double phase = 0;
        for (var i = 0; i < samples.Length; i++)
        {
            phase += 2 * Math.PI * (200 + 150 * (i / 3200 % 4)) / 16000;
            samples[i] = (float)(0.3 * Math.Sin(phase) * (i / 8000 % 2)) + 0.001f * (random.NextSingle() - 0.5f);
        }
        AudioFile.Write(path, new AudioBuffer([samples], 16000));
    }
}
