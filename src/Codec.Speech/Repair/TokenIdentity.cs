using System.Security.Cryptography;
using System.Text;
using Codec.Core.Codecs.Native;
using static TorchSharp.torch;

namespace Codec.Speech.Repair;

/// <summary>
/// Names the codes that a codec makes: a hash of its encoder and quantizer. Two models with the same one differ in their decoders at most,
/// so what was trained on codes serves both.
/// </summary>
public static class TokenIdentity
{
    private static readonly string[] Parts = ["encoder.", "quantizer."];

    // Running sums matter in training only, and a window follows from the config.
    private static readonly string[] Ignored = [".window", ".cluster_size", ".embed_sum"];

    /// <summary>Lower-case hex SHA-256 of names and half-precision values.</summary>
    public static string Of(NativeCodec codec) => Of(codec.Model);

    /// <inheritdoc cref="Of(NativeCodec)"/>
    public static string Of(NativeModel model)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, value) in model.state_dict().OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            if (!Parts.Any(name.StartsWith) || Ignored.Any(name.EndsWith))
                continue;
            hash.AppendData(Encoding.UTF8.GetBytes($"{name} {string.Join('x', value.shape)}\n"));
            hash.AppendData(value.cpu().to(ScalarType.Float16).contiguous().bytes);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
