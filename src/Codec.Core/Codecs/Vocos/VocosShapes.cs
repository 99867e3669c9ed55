using Codec.Core.Checkpoints;

namespace Codec.Core.Codecs.Vocos;

/// <summary>Sizes of a backbone from the shapes of its tensors.</summary>
internal static class VocosShapes
{
    /// <exception cref="CheckpointException">No such backbone.</exception>
    public static VocosBackboneConfig Backbone(Checkpoint checkpoint)
    {
        var tensors = checkpoint.Tensors;
        if (!tensors.TryGetValue("backbone.embed.weight", out var embed) || embed.Shape.Count != 3)
            throw new CheckpointException(checkpoint.FilePath, "the model's shape does not show: backbone.embed.weight is absent");
        var layers = Enumerable.Range(0, 256).TakeWhile(i => tensors.ContainsKey($"backbone.convnext.{i}.pwconv1.weight")).Count();
        return new VocosBackboneConfig
        {
            InputChannels = (int)embed.Shape[1], Dim = (int)embed.Shape[0], Layers = layers,
            IntermediateDim = layers > 0 ? (int)tensors["backbone.convnext.0.pwconv1.weight"].Shape[0] : (int)embed.Shape[0],
            AdaNormEmbeddings = tensors.TryGetValue("backbone.norm.scale.weight", out var rows) ? (int)rows.Shape[0] : null,
            PositionNet = tensors.ContainsKey("backbone.pos_net.0.norm1.weight"),
        }.Validate();
    }
}
