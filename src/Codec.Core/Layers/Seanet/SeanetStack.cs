using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Layers.Seanet;

/// <summary>Runs a published list of modules, by libtorch operators or by own kernels with ELU fused into the layer before it.</summary>
internal static class SeanetStack
{
    /// <param name="model">Layers in order.</param>
    /// <param name="x_BCT">[B, C, T].</param>
    /// <param name="observe">Sees index and output of every layer; null for nobody.</param>
    public static Tensor Forward(ModuleList<nn.Module<Tensor, Tensor>> model, Tensor x_BCT, Action<int, Tensor>? observe)
    {
        using var scope = NewDisposeScope();
        var y_BCT = x_BCT;
        for (var i = 0; i < model.Count; i++)
        {
            var next_BCT = model[i].forward(y_BCT);
            if (i > 0)
                y_BCT.Dispose();
            y_BCT = next_BCT;
            observe?.Invoke(i, y_BCT);
        }
        return y_BCT.MoveToOuterDisposeScope();
    }

    /// <param name="model">Layers in order; all are <see cref="IFrameLayer"/>.</param>
    /// <param name="x_BTC">Frames without gaps.</param>
    /// <param name="state">What the stream remembers; null: these are all frames.</param>
    /// <param name="fast">The layers at the highest rates, which run piece by piece: their activations are by far the largest, and so stay in the cache.</param>
    /// <param name="piece">Frames that those layers take at once; null: all, because they cannot be streamed.</param>
    public static Tensor Run(ModuleList<nn.Module<Tensor, Tensor>> model, Tensor x_BTC, StreamState? state, Range fast, int? piece)
    {
        using var scope = NewDisposeScope();
        var (first, count) = fast.GetOffsetAndLength(model.Count);
        var y_BTC = Layers(model, 0, first, x_BTC, state);
        y_BTC = piece is { } frames && y_BTC.size(1) > frames
            ? Pieces(model, first, first + count, y_BTC, state, frames)
            : Layers(model, first, first + count, y_BTC, state);
        return Layers(model, first + count, model.Count, y_BTC, state).MoveToOuterDisposeScope();
    }

    private static Tensor Pieces(ModuleList<nn.Module<Tensor, Tensor>> model, int first, int last, Tensor x_BTC, StreamState? state, int frames)
    {
        using var scope = NewDisposeScope();
        using var own = state is null ? new StreamState() : null;
        var stream = state ?? own!;
        var (ending, length, parts) = (state?.Ending ?? true, x_BTC.size(1), new FrameParts());
        for (var start = 0L; start < length; start += frames)
        {
            using var inner = NewDisposeScope();
            var count = Math.Min(frames, length - start);
            stream.Ending = ending && start + count == length;
            var part_BTC = Layers(model, first, last, x_BTC.narrow(1, start, count).contiguous(), stream);
            parts.Add(part_BTC, part_BTC.size(1) * length / count + 1);
        }
        return parts.Join().MoveToOuterDisposeScope();
    }

    private static Tensor Layers(ModuleList<nn.Module<Tensor, Tensor>> model, int first, int last, Tensor x_BTC, StreamState? state)
    {
        if (first == last)
            return x_BTC.alias();
        using var scope = NewDisposeScope();
        var y_BTC = x_BTC;
        for (var i = first; i < last; i++)
        {
            if (model[i] is Elu && i > 0 && model[i - 1] is not Elu)
                continue; // went with the layer before it
            var elu = i + 1 < model.Count && model[i + 1] is Elu && model[i] is not Elu;
            var next_BTC = ((IFrameLayer)model[i]).Run(y_BTC, state, elu);
            if (!ReferenceEquals(y_BTC, x_BTC))
                y_BTC.Dispose();
            y_BTC = next_BTC;
        }
        return y_BTC.MoveToOuterDisposeScope();
    }
}
