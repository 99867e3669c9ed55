using System.Text.Json;
using Codec.Audio;
using Codec.Core.Checkpoints;
using static TorchSharp.torch;

namespace Codec.Core.Tokens;

/// <summary>Writes safetensors. The format begins with a table of all tensors, so they wait in memory.</summary>
internal sealed class SafetensorsTokenWriter(AtomicFile file) : TokenWriter(file)
{
    private readonly HashSet<string> _taken = [];
    private readonly Dictionary<string, string> _metadata = [];
    private readonly Dictionary<string, Tensor> _tensors = [];

    public override void Dispose()
    {
        foreach (var tensor in _tensors.Values)
            tensor.Dispose();
        _tensors.Clear();
        base.Dispose();
    }

    private protected override void Write(TokenizedAudio recording, int[][][] codes)
    {
        var key = TokenFile.UniqueKey(recording.Source, _taken);
        _metadata[key] = JsonSerializer.Serialize(recording with { Codes = null }, TokenizedAudio.Json);
        for (var k = 0; k < codes.Length; k++)
        {
            using var flat = tensor(codes[k].SelectMany(row => row).ToArray());
            _tensors[TokenFile.BookName(key, k)] = flat.reshape(codes[k].Length, codes[k][0].Length).DetachFromDisposeScope();
        }
    }

    // The writer of checkpoints knows files only.
    private protected override void Finish()
    {
        var temporary = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            SafetensorsFile.Write(temporary, _tensors, _metadata);
            using var written = File.OpenRead(temporary);
            written.CopyTo(Target);
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}
