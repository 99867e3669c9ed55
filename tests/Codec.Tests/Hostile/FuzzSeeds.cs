using System.Text;
using Codec.Audio;
using Codec.Audio.Wav;
using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Interop;
using Codec.Core.Tokens;
using Codec.Tests.Core.Checkpoints;

namespace Codec.Tests.Hostile;

/// <summary>Small valid files of every kind that is fuzzed: where mutation starts.</summary>
internal static class FuzzSeeds
{
    public static List<byte[]> Of(string target) => target switch
    {
        "container" => [Container(3, 1, false), Container(25, 2, true), Container(45, 1, true, Predictor.Mixing), Container(45, 1, false, Predictor.Adaptive, 3)],
        "range" or "coder" => [.. Enumerable.Range(0, 12).Select(i => Noise(20 + 20 * i, i))],
        "wav" => [.. Enum.GetValues<SampleEncoding>().SelectMany(encoding => new[] { 1, 3 }, Wav)],
        "safetensors" => [Safetensors("""{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"b.c":{"dtype":"I64","shape":[],"data_offsets":[16,24]}}""", 24), Safetensors("{}", 0)],
        "pickle" => [.. Pickles()],
        "torch" => [Torch("FloatStorage", 8), Torch("HalfStorage", 16)],
        "ecdc" => [Ecdc("encodec_24khz", 12000, 38, null), Ecdc("encodec_48khz", 40000, 126, 0.5f)],
        "tokens" => [Tokens()],
        _ => throw new ArgumentException(target),
    };

    private static byte[] Container(int frames, int streams, bool layered, Predictor predictor = Predictor.Uniform, int groupBlocks = 1)
    {
        var header = new CodecFileHeader
        {
            Books = [new(64, 2), new(100), new(7)], SampleRate = 16000, HopLength = 320, OriginalRate = layered ? 16000 : 44100, Channels = streams, Streams = streams,
            BlockFrames = 10, Layered = layered, Predictor = predictor, Tags = layered ? """{"title":"x"}""" : "",
        };
        using var stream = new MemoryStream();
        using var writer = new CodecFileWriter(stream, header, groupBlocks);
        for (var start = 0; start < frames; start += 10)
            writer.WriteBlock(Codes(header.Books, Math.Min(10, frames - start), streams, start), start == 10 ? new byte[] { 1, 2, 3 } : default);
        writer.Finish(frames * 320L);
        return stream.ToArray();
    }

    private static Codes Codes(IReadOnlyList<CodebookSpec> books, int frames, int streams, int seed)
    {
        var random = new Random(seed);
        return new Codes(books, [.. books.Select(book => Enumerable.Range(0, streams)
            .Select(_ => Enumerable.Range(0, (frames + book.Stride - 1) / book.Stride).Select(_ => random.Next(book.Size)).ToArray()).ToArray())], frames);
    }

    private static byte[] Noise(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static byte[] Wav(SampleEncoding encoding, int channels)
    {
        var stream = new MemoryStream();
        using var writer = AudioFile.OpenWrite(stream, 16000, channels, new AudioFormat(AudioContainer.Wav, encoding));
        writer.Write([.. Enumerable.Range(0, 8 * channels).Select(i => MathF.Sin(i))]);
        writer.Complete();
        return stream.ToArray();
    }

    private static byte[] Safetensors(string json, int data) => [.. BitConverter.GetBytes((long)json.Length), .. Encoding.UTF8.GetBytes(json), .. new byte[data]];

    private static IEnumerable<byte[]> Pickles()
    {
        yield return new PickleBuilder().Op("}q\0").Text("w").Tensor("FloatStorage", "0", 8, 0, [2, 4], [4, 1]).Op("s").Build();
        yield return new PickleBuilder().Op("}(").Text("a").Int(7).Text("b").Ints(1, 2, 3).Op("u").Build();
        yield return new PickleBuilder().Global("collections", "OrderedDict").Op(")R(").Text("x").Raw(0x88).Text("y").Op("NuI12\nL34L\nF1.5\n").Raw(0x8a, 2, 1, 1).Op("]").Build();
        yield return new PickleBuilder().Global("numpy.core.multiarray", "_reconstruct").Global("numpy", "ndarray").Op("K\0\x85C\x01b\x87R(").Op("K\x01K\x02\x85").Op("\x89t.").Build();
    }

    private static byte[] Torch(string storage, int bytes)
        => new PickleBuilder().Op("}").Text("w").Tensor(storage, "0", 8, 0, [2, 4], [4, 1]).Op("s").BuildZip(("0", new byte[8 * bytes / 2]));

    private static byte[] Ecdc(string model, int samples, int frames, float? scale)
    {
        var codes = Codes([.. Enumerable.Repeat(new CodebookSpec(1024), 2)], frames, 1, frames);
        var found = EcdcModel.Find(model).SegmentFrames(samples).Single();
        return new EcdcFile { ModelName = model, Samples = samples, Books = 2, Segments = [new EcdcSegment(codes.Slice(0, Math.Min(found, frames)), scale)] }.ToBytes();
    }

    private static byte[] Tokens()
    {
        var path = Path.Combine(Path.GetTempPath(), $"codec-seed-{Environment.ProcessId}.npz");
        using (var writer = TokenWriter.Create(path))
        {
            writer.Add(TokenizedAudio.Of(Codes([new(64), new(64)], 12, 1, 1), "a.wav", 16000, 320, 16000, 1, 12 * 320));
            writer.Complete();
        }
        var bytes = System.IO.File.ReadAllBytes(path);
        System.IO.File.Delete(path);
        return bytes;
    }
}
