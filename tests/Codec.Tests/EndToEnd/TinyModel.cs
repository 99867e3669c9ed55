using Codec.Core.Checkpoints;
using Codec.Core.Codecs.Dac;
using TorchSharp;

namespace Codec.Tests.EndToEnd;

/// <summary>Checkpoint files of a few thousand random weights.</summary>
internal static class TinyModel
{
    /// <summary>Writes a DAC with its configuration beside it.</summary>
    /// <returns>The path.</returns>
    public static string Dac(string path)
    {
        using var scope = torch.NewDisposeScope();
        using var codec = (DacCodec)new DacFamily().CreateTiny(1);
        SafetensorsFile.Write(path, codec.Model.state_dict());
        File.WriteAllText(Path.Combine(Path.GetDirectoryName(path)!, "config.json"), """
            {"sample_rate": 16000, "encoder_dim": 2, "encoder_rates": [2, 4, 5], "decoder_dim": 16, "decoder_rates": [5, 4, 2], "n_codebooks": 3, "codebook_size": 32, "codebook_dim": 4}
            """);
        return path;
    }
}
