using System.Globalization;
using System.Text.Json;
using Codec.Core.Checkpoints;
using static TorchSharp.torch;

namespace Codec.Core.Tokens;

/// <summary>safetensors: the JSON of a recording is an entry of the metadata.</summary>
internal static class SafetensorsTokens
{
    public static void Write(Stream stream, IEnumerable<TokenizedAudio> recordings)
    {
        var taken = new HashSet<string>();
        var metadata = new Dictionary<string, string>();
        var tensors = new Dictionary<string, Tensor>();
        try
        {
            foreach (var recording in recordings)
            {
                var key = TokenFile.UniqueKey(recording.Source, taken);
                metadata[key] = JsonSerializer.Serialize(recording with { Codes = null }, TokenizedAudio.Json);
                for (var k = 0; k < recording.Codes!.Length; k++)
                    tensors[Name(key, k)] = ToTensor(recording.Codes[k]);
            }
            WriteThroughFile(stream, tensors, metadata);
        }
        finally
        {
            foreach (var tensor in tensors.Values)
                tensor.Dispose();
        }
    }

    public static IEnumerable<TokenizedAudio> Read(string path)
    {
        var file = Open(path);
        foreach (var (key, value) in file.Metadata)
        {
            if (value is not string json || !json.StartsWith('{'))
                continue;
            var recording = TokenFile.Parse(json, $"{path}, {key}");
            yield return recording with { Codes = [.. Enumerable.Range(0, recording.BookSizes.Count).Select(k => Book(file, Name(key, k)))] };
        }
    }

    private static string Name(string key, int book) => string.Create(CultureInfo.InvariantCulture, $"{key}/book{book}");

    private static Tensor ToTensor(int[][] rows)
    {
        using var flat = tensor(rows.SelectMany(row => row).ToArray());
        return flat.reshape(rows.Length, rows[0].Length).DetachFromDisposeScope();
    }

    private static int[][] Book(Checkpoint file, string name)
    {
        if (!file.Tensors.TryGetValue(name, out var entry) || entry.Shape.Count != 2)
            throw new TokenFileException(file.FilePath, $"tensor {name}: expected two dimensions, found {(entry is null ? "no such tensor" : entry.Shape.Count)}");
        using var scope = NewDisposeScope();
        var flat = entry.Load().to(ScalarType.Int32).data<int>().ToArray();
        return [.. flat.Chunk((int)Math.Max(1, entry.Shape[1]))];
    }

    private static Checkpoint Open(string path)
    {
        try
        {
            return SafetensorsFile.Read(path);
        }
        catch (CheckpointException e)
        {
            throw new TokenFileException(path, e.Message, e);
        }
    }

    // The writer of checkpoints knows files only.
    private static void WriteThroughFile(Stream stream, Dictionary<string, Tensor> tensors, Dictionary<string, string> metadata)
    {
        var temporary = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            SafetensorsFile.Write(temporary, tensors, metadata);
            using var written = File.OpenRead(temporary);
            written.CopyTo(stream);
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}
