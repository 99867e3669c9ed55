using Codec.Core.Checkpoints;
using Codec.Core.Kernels;

namespace Codec.Core.Codecs.Native.Inference;

/// <summary>The numbers of a model by key, and the kernels made from them.</summary>
/// <param name="find">Numbers of a tensor, row by row.</param>
internal sealed class NativeWeights(Func<string, float[]> find)
{
    /// <summary>Those of a live model, as they are now.</summary>
    public static NativeWeights Of(NativeModel model)
    {
        var tensors = model.state_dict();
        return new NativeWeights(key => ChannelPattern.Values(tensors[key]));
    }

    /// <summary>Those of a file whose keys and shapes were checked; libtorch is not needed.</summary>
    public static NativeWeights Of(Checkpoint checkpoint) => new(key => checkpoint.Tensors[key].Floats());

    /// <summary>Holds the packed weights of all kernels.</summary>
    public WeightMemory Memory { get; } = new();

    public float[] this[string key] => find(key);

    /// <summary>The linear map of <c>name.weight</c> and <c>name.bias</c>.</summary>
    /// <param name="outputs">The first outputs only; null: all.</param>
    public RowLinear Linear(string name, int? outputs = null)
    {
        var bias = this[name + ".bias"];
        var weight = this[name + ".weight"];
        var (inputs, kept) = (weight.Length / bias.Length, outputs ?? bias.Length);
        return new RowLinear(weight.AsSpan(0, kept * inputs), bias.AsSpan(0, kept), inputs, Memory);
    }

    /// <summary>The layer normalisation of <c>name.weight</c> and <c>name.bias</c>.</summary>
    public RowNorm Norm(string name) => new(this[name + ".weight"], this[name + ".bias"]);
}
