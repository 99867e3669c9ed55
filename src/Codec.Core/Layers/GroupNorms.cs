using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Layers;

/// <summary>Group norms that start as the identity: TorchSharp leaves their scale and shift as the memory was.</summary>
public static class GroupNorms
{
    public static GroupNorm Create(int groups, int channels, double epsilon)
    {
        var norm = nn.GroupNorm(groups, channels, epsilon);
        using var scope = NewDisposeScope();
        using var none = no_grad();
        norm.weight!.fill_(1);
        norm.bias!.fill_(0);
        return norm;
    }
}
