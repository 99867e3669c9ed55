using System.Text.RegularExpressions;
using Codec.Core.Checkpoints;
using Codec.Core.Layers.Seanet;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Mimi;

/// <summary>
/// Brings the key schemes of Mimi (the original one, its later spelling, and Hugging Face's, which also permutes q and k) to the keys of
/// our modules, and turns the stored sums and counts of the codebooks into entries.
/// </summary>
public static partial class MimiKeys
{
    private const float LeastUsage = 1e-5f;

    private static readonly (string From, string To)[] Plain =
    [
        ("self_attn.in_projs.0.weight", "self_attn.in_proj_weight"), ("self_attn.out_projs.0.weight", "self_attn.out_proj.weight"),
        ("self_attn.o_proj.weight", "self_attn.out_proj.weight"), ("post_attention_layernorm.", "norm2."), ("input_layernorm.", "norm1."),
        ("mlp.fc1.", "linear1."), ("mlp.fc2.", "linear2."), ("self_attn_layer_scale.", "layer_scale_1."), ("mlp_layer_scale.", "layer_scale_2."),
        ("semantic_residual_vector_quantizer.", "rvq_first."), ("acoustic_residual_vector_quantizer.", "rvq_rest."),
    ];

    /// <summary>The checkpoint under our keys.</summary>
    /// <param name="checkpoint">Any of the schemes.</param>
    /// <param name="heads">Attention heads, which the permutation of q and k depends on; null: heads of 64 channels, as published.</param>
    public static Checkpoint Canonical(Checkpoint checkpoint, int? heads = null)
    {
        var rename = SeanetKeys.Renaming(checkpoint.Tensors.Keys);
        var all = WeightNorm.Fold(checkpoint.Tensors.Values).Select(t => t.Named(Rename(rename(t.Name)))).ToDictionary(t => t.Name);
        var tensors = all.Values.Where(t => !Codebook().IsMatch(t.Name) && !QueryKeyValue().IsMatch(t.Name)).ToList();
        tensors.AddRange(Entries(all));
        tensors.AddRange(Stacked(all, heads));
        return checkpoint.WithTensors(tensors);
    }

    private static string Rename(string key)
    {
        foreach (var (from, to) in Plain)
            key = key.Replace(from, to, StringComparison.Ordinal);
        key = HubTransformer().Replace(key, "$1_transformer.transformer.layers.");
        return key switch
        {
            "downsample.conv.weight" => "downsample.conv.conv.conv.weight",
            "upsample.conv.weight" => "upsample.convtr.convtr.convtr.weight",
            _ => key,
        };
    }

    /// <summary>entry = sum / max(count, 1e-5).</summary>
    private static IEnumerable<CheckpointTensor> Entries(Dictionary<string, CheckpointTensor> all)
    {
        foreach (var sum in all.Values)
        {
            var match = Codebook().Match(sum.Name);
            if (!match.Success || match.Groups[3].Value is not ("embedding_sum" or "embed_sum" or "embed_avg"))
                continue;
            var prefix = sum.Name[..^match.Groups[3].Length];
            var usage = all.GetValueOrDefault(prefix + "cluster_usage") ?? all.GetValueOrDefault(prefix + "cluster_size");
            if (usage is null)
                continue;
            yield return sum.Named($"quantizer.{match.Groups[1].Value}.rvq.quantizers.{match.Groups[2].Value}.codebook.weight").Map(sum.Shape, sums =>
            {
                using var counts = usage.Load();
                using var scope = NewDisposeScope();
                return (sums.to_type(ScalarType.Float32) / counts.to_type(ScalarType.Float32).clamp_min(LeastUsage).unsqueeze(1)).MoveToOuterDisposeScope();
            });
        }
    }

    /// <summary>Hugging Face's q, k and v as one matrix, the rows of q and k in the order of interleaved pairs.</summary>
    private static IEnumerable<CheckpointTensor> Stacked(Dictionary<string, CheckpointTensor> all, int? heads)
    {
        foreach (var q in all.Values.Where(t => t.Name.EndsWith(".self_attn.q_proj.weight", StringComparison.Ordinal) && t.Shape.Count == 2))
        {
            var prefix = q.Name[..^"q_proj.weight".Length];
            var width = q.Shape[0];
            var count = heads ?? (int)Math.Max(width / 64, 1);
            if (!all.TryGetValue(prefix + "k_proj.weight", out var k) || !all.TryGetValue(prefix + "v_proj.weight", out var v)
                || !k.Shape.SequenceEqual(q.Shape) || !v.Shape.SequenceEqual(q.Shape) || width % (2 * count) != 0)
                continue;
            yield return new CheckpointTensor(prefix + "in_proj_weight", q.Dtype, [3 * width, q.Shape[1]], () =>
            {
                using var scope = NewDisposeScope();
                using var none = no_grad();
                return cat([Interleave(q.Load(), count), Interleave(k.Load(), count), v.Load()], 0).MoveToOuterDisposeScope();
            });
        }
    }

    /// <summary>Rows of a head from [first halves, second halves] to pairs.</summary>
    private static Tensor Interleave(Tensor rows_DI, int heads)
        => rows_DI.view(heads, 2, -1, rows_DI.shape[1]).transpose(1, 2).reshape(rows_DI.shape);

    [GeneratedRegex(@"^quantizer\.(rvq_first|rvq_rest)\.(?:vq\.)?layers\.(\d+)\.(?:_codebook|codebook)\.(\w+)$")]
    private static partial Regex Codebook();

    [GeneratedRegex(@"\.self_attn\.[qkv]_proj\.weight$")]
    private static partial Regex QueryKeyValue();

    [GeneratedRegex(@"^(encoder|decoder)_transformer\.layers\.")]
    private static partial Regex HubTransformer();
}
