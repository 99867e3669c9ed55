using Codec.Core.Checkpoints;
using static TorchSharp.torch;

namespace Codec.Core.Tokens;

/// <summary>safetensors: the JSON of a recording is an entry of the metadata.</summary>
internal static class SafetensorsTokens
{
    public static IEnumerable<TokenizedAudio> Read(string path)
    {
        var file = Open(path);
        foreach (var (key, value) in file.Metadata)
        {
            if (value is not string json || !json.StartsWith('{'))
                continue;
            var recording = TokenFile.Parse(json, $"{path}, {key}");
            yield return recording with { Codes = [.. Enumerable.Range(0, recording.BookSizes.Count).Select(k => Book(file, TokenFile.BookName(key, k)))] };
        }
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
}
