using System.Text.RegularExpressions;
using Codec.Core.Checkpoints;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>Published key names, brought to those of <see cref="SpeechLm"/>.</summary>
internal static partial class SpeechLmKeys
{
    [GeneratedRegex(@"^(.*layers\.\d+\.)(self_attn|encoder_attn)\.([qkv])_proj\.(weight|bias)$")]
    private static partial Regex SplitProjection { get; }

    /// <summary>The tensors of the language model under our names; everything else (codec, text encoder, conditioners) is left out.</summary>
    /// <exception cref="CheckpointException">No known naming.</exception>
    public static Checkpoint Canonical(Checkpoint checkpoint)
    {
        var keys = checkpoint.Tensors.Keys;
        if (keys.Any(k => k.EndsWith("decoder.embed_tokens.0.weight", StringComparison.Ordinal)))
            return checkpoint.WithTensors(HuggingFace(checkpoint));
        if (keys.Contains("emb.0.weight"))
            return checkpoint.WithTensors(checkpoint.Tensors.Values.SelectMany(
                t => keys.Contains("text_emb.weight") ? Moshi(t) : Named(t, Audiocraft(t.Name))));
        throw new CheckpointException(checkpoint.FilePath, "expected a speech language model in audiocraft, Hugging Face or Moshi naming, found none");
    }

    private static IEnumerable<CheckpointTensor> Named(CheckpointTensor tensor, string? name) => name is null ? [] : [tensor.Named(name)];

    private static bool IsOther(string key)
        => key.StartsWith("condition_provider.", StringComparison.Ordinal) || key.StartsWith("fuser.", StringComparison.Ordinal)
            || key.EndsWith("rope.frequencies", StringComparison.Ordinal) || key.StartsWith("extra_heads.", StringComparison.Ordinal);

    private static string? Audiocraft(string key) => IsOther(key) ? null : key
        .Replace(".mha.", ".")
        .Replace(".in_proj_", ".in_projs.0.").Replace(".out_proj.", ".out_projs.0.")
        .Replace(".linear1.", ".feed_forward.0.linear_in.").Replace(".linear2.", ".feed_forward.0.linear_out.");

    private static IEnumerable<CheckpointTensor> Moshi(CheckpointTensor tensor)
    {
        if (IsOther(tensor.Name))
            yield break;
        var name = Indexed(tensor.Name, "emb", 1) ?? tensor.Name;
        name = name.StartsWith("linears.", StringComparison.Ordinal) ? "depth." + name : name;
        name = name.StartsWith("text_emb.", StringComparison.Ordinal) ? "emb.0" + name["text_emb".Length..] : name;
        name = name.StartsWith("text_linear.", StringComparison.Ordinal) ? "linears.0" + name["text_linear".Length..] : name;
        name = name.StartsWith("depformer_in.", StringComparison.Ordinal) ? "depth.inputs" + name["depformer_in".Length..] : name;
        name = name.StartsWith("depformer_text_emb.", StringComparison.Ordinal) ? "depth.emb.0" + name["depformer_text_emb".Length..] : name;
        name = Indexed(name, "depformer_emb", 1) is { } shifted ? "depth." + shifted.Replace("depformer_emb", "emb") : name;
        name = name.StartsWith("depformer.", StringComparison.Ordinal) ? "depth.transformer" + name["depformer".Length..] : name;
        name = GatingWithoutIndex.Replace(name, ".feed_forward.0.$1").Replace(".gating.", ".feed_forward.")
            .Replace(".linear1.", ".feed_forward.0.linear_in.").Replace(".linear2.", ".feed_forward.0.linear_out.");
        if (name.EndsWith(".alpha", StringComparison.Ordinal))
        {
            var size = tensor.Elements;
            yield return tensor.Map([size], t => t.reshape(size).clone()).Named(name[..^"alpha".Length] + "weight");
            yield break;
        }
        foreach (var part in SplitSets(tensor, name))
            yield return part;
    }

    [GeneratedRegex(@"\.gating\.(linear_)")]
    private static partial Regex GatingWithoutIndex { get; }

    // Older files stack the projections of all weight sets along the first axis.
    private static IEnumerable<CheckpointTensor> SplitSets(CheckpointTensor tensor, string name)
    {
        var (suffix, width) = name.EndsWith(".in_proj_weight", StringComparison.Ordinal) ? (".in_proj_weight", 3)
            : name.EndsWith(".out_proj.weight", StringComparison.Ordinal) ? (".out_proj.weight", 1) : ("", 0);
        if (width == 0)
        {
            yield return tensor.Named(name);
            yield break;
        }
        var rows = width * tensor.Shape[1];
        var list = suffix.StartsWith(".in", StringComparison.Ordinal) ? ".in_projs." : ".out_projs.";
        for (var set = 0; set < tensor.Shape[0] / rows; set++)
        {
            var start = set * rows;
            yield return tensor.Map([rows, tensor.Shape[1]], t => t.narrow(0, start, rows).clone()).Named($"{name[..^suffix.Length]}{list}{set}.weight");
        }
    }

    private static string? Indexed(string key, string table, int shift)
    {
        var match = Regex.Match(key, $@"^{table}\.(\d+)\.(.*)$");
        return match.Success ? $"{table}.{int.Parse(match.Groups[1].Value) + shift}.{match.Groups[2].Value}" : null;
    }

    private static IEnumerable<CheckpointTensor> HuggingFace(Checkpoint checkpoint)
    {
        var anchor = checkpoint.Tensors.Keys.First(k => k.EndsWith("decoder.embed_tokens.0.weight", StringComparison.Ordinal));
        var body = anchor[..^"embed_tokens.0.weight".Length]; // "decoder.model.decoder." or "model.decoder."
        var outer = body[..^"model.decoder.".Length];
        foreach (var tensor in checkpoint.Tensors.Values)
        {
            var split = SplitProjection.Match(tensor.Name);
            if (tensor.Name.StartsWith(outer + "lm_heads.", StringComparison.Ordinal))
                yield return tensor.Named("linears." + tensor.Name[(outer.Length + "lm_heads.".Length)..]);
            else if (!tensor.Name.StartsWith(body, StringComparison.Ordinal) || tensor.Name.Contains("embed_positions", StringComparison.Ordinal))
                continue;
            else if (!split.Success)
                yield return tensor.Named(HuggingFaceName(tensor.Name[body.Length..]));
            else if (split.Groups[3].Value == "q")
                yield return Joined(checkpoint, tensor, split, body);
        }
    }

    private static CheckpointTensor Joined(Checkpoint checkpoint, CheckpointTensor query, Match split, string body)
    {
        var parts = "qkv".Select(part =>
        {
            var key = $"{split.Groups[1].Value}{split.Groups[2].Value}.{part}_proj.{split.Groups[4].Value}";
            return checkpoint.Tensors.TryGetValue(key, out var tensor) ? tensor
                : throw new CheckpointException(checkpoint.FilePath, $"{query.Name}: expected {key} beside it, found nothing");
        }).ToArray();
        long[] shape = [parts.Sum(p => p.Shape[0]), .. query.Shape.Skip(1)];
        var attention = split.Groups[2].Value == "encoder_attn" ? "cross_attention" : "self_attn";
        var name = $"transformer.{split.Groups[1].Value[body.Length..]}{attention}.in_projs.0.{split.Groups[4].Value}";
        return new CheckpointTensor(name, query.Dtype, shape, () =>
        {
            using var scope = NewDisposeScope();
            return cat(parts.Select(p => p.Load()).ToArray(), 0).MoveToOuterDisposeScope();
        });
    }

    private static string HuggingFaceName(string key)
    {
        key = key.Replace("embed_tokens.", "emb.").Replace("encoder_attn_layer_norm", "norm_cross").Replace("encoder_attn.", "cross_attention.")
            .Replace("self_attn_layer_norm", "norm1").Replace("final_layer_norm", "norm2")
            .Replace(".out_proj.", ".out_projs.0.").Replace(".fc1.", ".feed_forward.0.linear_in.").Replace(".fc2.", ".feed_forward.0.linear_out.");
        if (key.StartsWith("layer_norm.", StringComparison.Ordinal))
            return "out_norm." + key["layer_norm.".Length..];
        return key.StartsWith("layers.", StringComparison.Ordinal) ? "transformer." + key : key;
    }
}
