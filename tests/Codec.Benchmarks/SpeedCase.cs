using Codec.Core;
using static TorchSharp.torch;

namespace Codec.Benchmarks;

/// <summary>A full-size model with random weights, run by our inference path and by the plain one: conv1d on [B, C, T] and the other operators
/// of libtorch one after the other, which is what PyTorch runs.</summary>
internal interface ISpeedCase : IDisposable
{
    string Name { get; }

    ICodec Codec { get; }

    /// <summary>Books that are coded.</summary>
    int Books { get; }

    /// <summary>Audio [1, C, S] to codes by plain operators.</summary>
    Codes EncodePlain(Tensor audio_BCS);

    /// <summary>Codes to audio by plain operators.</summary>
    Tensor DecodePlain(Codes codes);
}
