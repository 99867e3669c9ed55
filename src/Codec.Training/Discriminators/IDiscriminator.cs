using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Training.Discriminators;

/// <summary>Tells real audio from decoded audio.</summary>
public interface IDiscriminator
{
    /// <param name="audio_BS">[B, S].</param>
    /// <returns>The features of every layer; the last one is the judgement.</returns>
    IReadOnlyList<Tensor> Judge(Tensor audio_BS);
}

internal static class Convolutions
{
    /// <summary>The layers of a discriminator one after the other, with what each makes of its input; the last one judges.</summary>
    public static IReadOnlyList<Tensor> Features<T>(this ModuleList<T> convs, T last, Tensor x) where T : nn.Module<Tensor, Tensor>
    {
        var features = new List<Tensor>();
        foreach (var conv in convs)
            features.Add(x = F.leaky_relu(conv.forward(x), 0.2));
        features.Add(last.forward(x));
        return features.Select(f => f.MoveToOuterDisposeScope()).ToArray();
    }
}
