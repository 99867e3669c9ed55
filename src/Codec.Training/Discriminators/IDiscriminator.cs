using Codec.Core.Layers;
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
            features.Add(x = F.leaky_relu(Convolve(conv, x), 0.2));
        features.Add(last.forward(x));
        return features.Select(f => f.MoveToOuterDisposeScope()).ToArray();
    }

    /// <summary>In bfloat16 where a training step asks for it (<see cref="TrainingPrecision"/>); what is made is float32.</summary>
    private static Tensor Convolve<T>(T conv, Tensor x) where T : nn.Module<Tensor, Tensor>
        => conv is Conv1d { padding: not null } plain && TrainingPrecision.Reduced
            ? F.conv1d(x.to(bfloat16), plain.weight!.to(bfloat16), plain.bias!.to(bfloat16), 1, plain.padding![0], 1, plain.groups).to(float32)
            : conv.forward(x);
}
