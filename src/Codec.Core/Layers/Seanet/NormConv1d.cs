using Codec.Core.Kernels;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Layers.Seanet;

/// <summary>A convolution and, in some models, the norm behind it. Checkpoint keys: conv.{weight, bias}, norm.{weight, bias}.</summary>
internal sealed class NormConv1d : nn.Module
{
    private readonly Conv1d conv;
    private readonly GroupNorm? norm;

    public NormConv1d(int input, int output, int kernel, int stride, int dilation, int groups, bool bias, bool timeGroupNorm) : base(nameof(NormConv1d))
    {
        conv = nn.Conv1d(input, output, kernel, stride: stride, dilation: dilation, groups: groups, bias: bias);
        if (groups == 1 && DotConv.Pays(new ConvShape(input, kernel, output, stride, dilation)))
        {
            using var scope = NewDisposeScope();
            using var weight = conv.weight!;
            conv.weight = new Parameter(weight.detach().transpose(1, 2).contiguous().transpose(1, 2).DetachFromDisposeScope()); // runs where it lies
        }
        norm = timeGroupNorm ? GroupNorms.Create(1, output, 1e-5) : null;
        RegisterComponents();
    }

    public Parameter Weight => conv.weight!;

    public Parameter? Bias => conv.bias;

    public GroupNorm? Norm => norm;
}

/// <summary>The same for a transposed convolution: convtr.{weight, bias}, norm.{weight, bias}.</summary>
internal sealed class NormConvTranspose1d : nn.Module
{
    private readonly ConvTranspose1d convtr;
    private readonly GroupNorm? norm;

    public NormConvTranspose1d(int input, int output, int kernel, int stride, int groups, bool bias, bool timeGroupNorm) : base(nameof(NormConvTranspose1d))
    {
        convtr = nn.ConvTranspose1d(input, output, kernel, stride: stride, groups: groups, bias: bias);
        norm = timeGroupNorm ? GroupNorms.Create(1, output, 1e-5) : null;
        RegisterComponents();
    }

    public Parameter Weight => convtr.weight!;

    public Parameter? Bias => convtr.bias;

    public GroupNorm? Norm => norm;
}
