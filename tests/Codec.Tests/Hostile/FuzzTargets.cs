using Codec.Audio;
using Codec.Audio.Wav;
using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Interop;
using Codec.Core.Checkpoints;
using Codec.Core.Codecs.Dac;
using Codec.Core.Tokens;

namespace Codec.Tests.Hostile;

/// <summary>The readers of bytes that nobody has checked: each reads all that there is, or refuses with its own exception.</summary>
public static class FuzzTargets
{
    // One per process: the files are written again for every input.
    private static readonly string File = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"codec-fuzz-{Environment.ProcessId}");

    public static IReadOnlyDictionary<string, Action<byte[]>> All { get; } = new Dictionary<string, Action<byte[]>>
    {
        ["container"] = bytes => Container(bytes),
        ["coder"] = Coder,
        ["range"] = Range,
        ["wav"] = Wav,
        ["safetensors"] = bytes => FromFile(bytes, ".safetensors", path => Checkpoint.Open(path)),
        ["pickle"] = Pickle,
        ["torch"] = bytes => FromFile(bytes, ".pt", path => TorchFile.Read(path)),
        ["ecdc"] = bytes => EcdcFile.Read(bytes),
        ["tokens"] = bytes => FromFile(bytes, ".npz", path => TokenFile.Read(path).Count()),
    };

    /// <summary>What a reader may throw at hostile bytes.</summary>
    public static bool IsRefusal(Exception e)
        => e is BitstreamException or AudioFileException or CheckpointException or TokenFileException && !e.Message.Contains('\n');

    private static void Container(byte[] bytes)
    {
        using var reader = new CodecFileReader(new MemoryStream(bytes));
        long frames = 0;
        foreach (var block in reader.ReadAll())
        {
            Require(block.StartFrame == frames, "blocks out of order");
            frames += block.Frames;
            CheckCodes(block.Codes);
        }
        Require(reader.Lost.All(lost => lost.Frames > 0), "an empty loss");
        reader.Seek(frames / 2);
        reader.Read();
        using var checkedOnly = new CodecFileReader(new MemoryStream(bytes));
        checkedOnly.Check();
    }

    /// <summary>The first bytes choose books, layout and predictor; the rest are sections under right checksums, so that every input
    /// reaches the range decoder.</summary>
    private static void Coder(byte[] bytes)
    {
        if (bytes.Length < 4)
            return;
        var sizes = 1 + bytes[0] % 4;
        var header = new CodecFileHeader
        {
            Books = [.. Enumerable.Range(0, sizes).Select(k => new CodebookSpec(2 + (bytes[1] << (k + bytes[0] / 64)), k == 0 ? 1 + bytes[2] % 2 : 1))],
            SampleRate = 16000,
            HopLength = 320,
            OriginalRate = 16000,
            BlockFrames = 2 * (1 + bytes[2] / 8),
            Predictor = (Predictor)(bytes[3] % 3),
            Layered = bytes[3] / 128 == 1,
            Streams = 1 + bytes[3] / 3 % 2,
        };
        if (HeaderFormat.Problem(header) is not null)
            return;
        var head = HeaderFormat.Write(header);
        var file = new ByteWriter();
        file.Bytes(head);
        var sections = header.Layered ? header.Streams * header.Books.Count : 1;
        var half = (bytes.Length - 4) / 2;
        for (var block = 0; block < 2; block++)
        {
            var content = bytes.AsMemory(4 + block * half, half);
            var lengths = new int[sections];
            for (var i = 0; i < half; i++)
                lengths[i % sections]++;
            var packed = new PackedBlock(header.BlockFrames, block == 0, default, lengths, content);
            BlockFormat.Write(file, header, HeaderFormat.Seed(head), block, packed);
            if (block == 0)
                Container(BriefFormat.Write(header with { Samples = half }, packed));
        }
        Container(file.Written.ToArray());
    }

    /// <summary>The range decoder alone, under tables that follow from the input.</summary>
    private static void Range(byte[] bytes)
    {
        var decoder = new RangeDecoder(bytes);
        var random = (uint)bytes.Length;
        Span<uint> table = stackalloc uint[9];
        for (var i = 0; i < Math.Min(64, bytes.Length); i++)
        {
            random = random * 1664525 + 1013904223 + bytes[i];
            var size = 1 + (int)(random >> 16) % 8;
            for (var s = 0; s < size; s++)
                table[s + 1] = table[s] + 1 + (random >> s) % (RangeEncoder.LargestTotal / 8 - 1);
            var (symbol, most) = (i % 3) switch
            {
                0 => (decoder.CodeBit(0, 1 + (random >> 8) % 65535), 2),
                1 => (decoder.CodeUniform(0, 1 + (int)(random % RangeEncoder.LargestTotal)), (int)RangeEncoder.LargestTotal),
                _ => (decoder.Code(0, table[..(size + 1)]), size),
            };
            Require(symbol >= 0 && symbol < most, "a symbol outside its table");
        }
    }

    private static void Wav(byte[] bytes)
    {
        var stream = new MemoryStream(bytes);
        var header = WavHeader.Read(stream, "fuzz");
        if (header.Encoding is null)
            return; // libsndfile's business
        using var reader = new WavReader(stream, header, "fuzz");
        var block = new float[1 << 10];
        for (int count; (count = reader.Read(block)) > 0;)
            Require(!block.AsSpan(0, count).ContainsAnyExceptInRange(float.MinValue, float.MaxValue), "a sample is not finite");
    }

    private static void Pickle(byte[] bytes)
    {
        IPickleTypes types = bytes.Length % 2 == 0 ? new TorchPickleTypes("fuzz", storage => storage) : new NumpyPickleTypes("fuzz");
        new PickleReader("fuzz", new MemoryStream(bytes), types).Read();
    }

    private static void FromFile(byte[] bytes, string extension, Action<string> read)
    {
        System.IO.File.WriteAllBytes(File + extension, bytes);
        try
        {
            read(File + extension);
        }
        finally
        {
            System.IO.File.Delete(File + extension);
        }
    }

    private static void CheckCodes(Codes? codes)
    {
        for (var book = 0; book < (codes?.Books ?? 0); book++)
            for (var item = 0; item < codes!.Batch; item++)
                foreach (var code in codes[book, item])
                    Require((uint)code < (uint)codes.Specs[book].Size, "a code outside its book");
    }

    private static void Require(bool condition, string problem)
    {
        if (!condition)
            throw new InvalidOperationException(problem);
    }
}
