using static TorchSharp.torch;

namespace Codec.Training.Discriminators;

/// <summary>Tells real audio from decoded audio.</summary>
public interface IDiscriminator
{
    /// <param name="audio_BS">[B, S].</param>
    /// <returns>The features of every layer; the last one is the judgement.</returns>
    IReadOnlyList<Tensor> Judge(Tensor audio_BS);
}
