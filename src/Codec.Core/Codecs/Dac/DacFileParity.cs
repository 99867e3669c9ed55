using Codec.Core.Checkpoints;
using Codec.Core.Parity;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Dac;

/// <summary>Replays the .dac files of a case: chunked coding, level changes, and the bytes of the file.</summary>
internal static class DacFileParity
{
    private const string Io = "chunked_io.safetensors";

    public static void Run(ParityCase parityCase, ParityReport report, DacCodec codec)
    {
        if (!File.Exists(parityCase.File(Io)))
            return;
        using var scope = NewDisposeScope();
        var recorded = Checkpoint.Open(parityCase.File(Io));
        var coder = new DacChunkedCoder(codec);
        report.That("chunk delay", coder.Delay == parityCase.Config.GetProperty("delay").GetInt32(), $"found {coder.Delay}");
        foreach (var entry in parityCase.Config.GetProperty("chunked").EnumerateArray())
        {
            var name = entry.GetProperty("file").GetString()!;
            var key = Path.GetFileNameWithoutExtension(name);
            var books = entry.GetProperty("n_quantizers").ValueKind == System.Text.Json.JsonValueKind.Number ? entry.GetProperty("n_quantizers").GetInt32() : (int?)null;
            var file = DacFile.Read(parityCase.File(name), codec.Config.CodebookSize);
            var ours = coder.Compress(recorded.Tensors["audio"].Load()[0], entry.GetProperty("win_duration").GetDouble(), books);
            Tensor Codes(DacFile f) => CodeTensors.ToTensor(f.Codes, codec.Info.Books, CPU);
            report.Codes($"{key}.codes read", recorded.Tensors[$"{key}.codes"].Load(), Codes(file));
            report.Codes($"{key}.codes compressed", recorded.Tensors[$"{key}.codes"].Load(), Codes(ours));
            report.Values($"{key}.input_db", recorded.Tensors[$"{key}.input_db"].Load(), tensor(ours.InputDb.ToArray()));
            report.Values($"{key}.decoded", recorded.Tensors[$"{key}.decoded"].Load()[0], coder.Decompress(file));
            if (recorded.Tensors.TryGetValue($"{key}.raw_concatenated", out var raw))
                report.Values($"{key}.raw_concatenated", raw.Load(), coder.DecodeRaw(file));
            using var written = new MemoryStream();
            file.Write(written);
            report.That($"{key} written again", written.ToArray().AsSpan().SequenceEqual(File.ReadAllBytes(parityCase.File(name))), "other bytes");
        }
    }
}
