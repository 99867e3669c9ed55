using System.Text.Json;
using Codec.Core.Checkpoints;
using Codec.Speech.Lm;
using Codec.Speech.Patterns;
using Codec.Speech.Sampling;
using Codec.Tests.Speech.Patterns;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Speech.Lm;

/// <summary>Recorded MusicGen-style models (musicgen_*.json): logits, caches, generated codes.</summary>
[Trait("Category", "Reference")]
public sealed class MusicGenReferenceTests
{
    private const double Tolerance = 1e-4;

    public static IEnumerable<TheoryDataRow<string>> Files => ReferenceCases.Files("musicgen_*.json");

    [Theory, MemberData(nameof(Files))]
    public void Logits_and_reverted_logits(string file) => With(file, (recorded, model, config) =>
    {
        var codes = recorded["codes"];
        var (batch, books, frames) = (codes.shape[0], (int)codes.shape[1], (int)codes.shape[2]);
        var pattern = Pattern(config, books, frames);
        var special = recorded.Case.Int("special_token");
        var sequence = recorded["sequence"];
        var built = Enumerable.Range(0, (int)batch).SelectMany(b => pattern.Build(Rows(codes[b]), special)).SelectMany(r => r).Select(v => (long)v).ToArray();
        Assert.Equal(sequence.data<long>().ToArray(), built);

        using var inference = inference_mode();
        var cond = model.Logits(model.Hidden(sequence, conditions: Conditions(recorded, model, config, batch, nullToo: false)));
        RecordedModel.Close(recorded["logits_cond"], cond, Tolerance, "logits_cond");
        var both = model.Logits(model.Hidden(sequence.repeat(2, 1, 1), conditions: Conditions(recorded, model, config, batch, nullToo: true)));
        var none = both.narrow(0, batch, batch);
        RecordedModel.Close(recorded["logits_null"], none, Tolerance, "logits_null");
        RecordedModel.Close(recorded["logits_cfg"], none + config.Number("cfg_coef") * (cond - none), Tolerance * Math.Max(1, config.Number("cfg_coef")), "logits_cfg");
        foreach (var (name, validOnly) in new[] { ("valid", true), ("all", false) })
        {
            var expected = recorded["pred_logits_" + name];
            var mask = recorded["pred_mask_" + name].contiguous().data<byte>().ToArray();
            for (var b = 0; b < batch; b++)
            {
                var reverted = pattern.RevertLogits(cond[b].contiguous().data<float>().ToArray(), (int)cond.shape[3], validOnly: validOnly);
                RecordedModel.Close(expected[b], tensor(reverted).view(expected[b].shape), Tolerance, "pred_logits_" + name);
                Assert.Equal(mask.Skip(b * books * frames).Take(books * frames).Select(m => m != 0), Enumerable.Range(0, books * frames).Select(i => !float.IsNaN(reverted[i * (int)cond.shape[3]])));
            }
        }
    });

    [Theory, MemberData(nameof(Files))]
    public void Streamed_in_any_chunks_equals_the_full_forward_and_fills_the_recorded_cache(string file) => With(file, (recorded, model, config) =>
    {
        using var inference = inference_mode();
        var sequence = recorded["sequence"];
        var batch = sequence.shape[0];
        var conditions = Conditions(recorded, model, config, batch, nullToo: false);
        var prefix = (int)(conditions.Prepend?.shape[1] ?? 0);
        var slots = Enumerable.Range(0, (int)batch).ToArray();
        foreach (var chunk in new[] { 1, 3, 100 })
        {
            using var cache = new KvCache(model.Config.Transformer, (int)batch, prefix + (int)sequence.shape[2]);
            List<Tensor> parts = [];
            for (long at = 0; at < sequence.shape[2]; at += chunk)
                parts.Add(model.Logits(model.Hidden(sequence.narrow(2, at, Math.Min(chunk, sequence.shape[2] - at)), cache, slots, conditions)));
            RecordedModel.Close(recorded["logits_cond"], cat(parts, 2), Tolerance, $"chunks of {chunk}");
            for (var layer = 0; recorded.Has($"kv_cache.{layer}.past_values"); layer++)
                foreach (var (name, values) in new[] { ("past_keys", false), ("past_values", true) })
                {
                    var expected = recorded[$"kv_cache.{layer}.{name}"];
                    // Recorded as [B, H, S, d] or [B, S, H, d].
                    var ours = stack(slots.Select(s => cache.Read(layer, s, values)), 0);
                    RecordedModel.Close(expected, expected.shape.SequenceEqual(ours.shape) ? ours : ours.transpose(1, 2), Tolerance, name);
                }
        }
    });

    [Theory, MemberData(nameof(Files))]
    public void Generated_codes_are_equal(string file) => With(file, (recorded, model, config) =>
    {
        ReferenceCases.ForEach(recorded.Case.GetProperty("generations"), g =>
        {
            var args = g.GetProperty("args");
            var batch = (int)recorded["codes"].shape[0];
            var guidance = args.Optional("cfg_coef")?.GetDouble() ?? config.Number("cfg_coef");
            var sampling = args.Optional("use_sampling")?.GetBoolean() ?? true;
            var topP = args.Optional("top_p")?.GetDouble() ?? 0;
            var sampler = new SamplerConfig
            {
                GuidanceScale = guidance, Temperature = sampling ? args.Optional("temp")?.GetDouble() ?? 1 : 0, TopP = topP,
                TopK = topP > 0 ? 0 : args.Optional("top_k")?.GetInt32() ?? 250, DrawDescending = topP > 0,
            };
            var prompts = g.Optional("prompt")?.EnumerateArray().Select(p => p.Ints2()).ToArray() ?? new int[]?[batch][].Select(_ => (int[][]?)null).ToArray();
            var books = (int)recorded["codes"].shape[1];
            var uniforms = g.Optional("uniforms") is null ? null : recorded["uniforms." + g.GetProperty("label").GetString()];
            using var conditionScope = NewDisposeScope();
            using var noGrad = inference_mode();
            var codes = new PatternGenerator(model, sampler).Generate(Pattern(config, books, config.Int("gen_len")), prompts,
                (step, row, book) => uniforms?[step, row, book].item<double>() ?? 0, Conditions(recorded, model, config, batch, nullToo: guidance != 1));
            var known = (args.Optional("remove_prompts")?.GetBoolean() ?? false) ? prompts[0]![0].Length : 0;
            Assert.Equal(g.GetProperty("codes").EnumerateArray().Select(r => r.Ints2()), codes.Select(r => r.Select(b => b[known..]).ToArray()));
        });
    });

    [Theory, MemberData(nameof(Files))]
    public void Hugging_face_names_load_to_the_same_model(string file) => With(file, (recorded, model, config) =>
    {
        if (model.Config.Transformer is { NormFirst: false } or { LayerScale: true } or { QueryKeyNorm: true })
            return; // no such model in that naming
        using var inference = inference_mode();
        var path = Path.Combine(Path.GetTempPath(), $"hf-{Guid.NewGuid():N}.safetensors");
        try
        {
            SafetensorsFile.Write(path, HuggingFaceNames(model));
            var again = Load(path, config);
            try
            {
                var sequence = recorded["sequence"];
                var conditions = Conditions(recorded, model, config, sequence.shape[0], nullToo: false);
                RecordedModel.Close(recorded["logits_cond"], again.Logits(again.Hidden(sequence, conditions: conditions)), Tolerance, "logits");
            }
            finally
            {
                again.Dispose();
            }
        }
        finally
        {
            File.Delete(path);
        }
    }, modelsBuilt: 1);

    private static Dictionary<string, Tensor> HuggingFaceNames(SpeechLm model)
    {
        Dictionary<string, Tensor> renamed = [];
        foreach (var (key, value) in model.state_dict())
        {
            var name = key.Replace("transformer.layers.", "layers.").Replace("norm_cross", "encoder_attn_layer_norm").Replace("cross_attention", "encoder_attn")
                .Replace("norm1", "self_attn_layer_norm").Replace("norm2", "final_layer_norm").Replace("out_projs.0", "out_proj")
                .Replace("feed_forward.0.linear_in", "fc1").Replace("feed_forward.0.linear_out", "fc2").Replace("out_norm", "layer_norm");
            name = name.StartsWith("emb.", StringComparison.Ordinal) ? "embed_tokens." + name[4..] : name;
            if (name.Contains("in_projs.0"))
                foreach (var (letter, part) in "qkv".Zip(value.chunk(3, 0)))
                    renamed["decoder.model.decoder." + name.Replace("in_projs.0", letter + "_proj")] = part;
            else if (name.StartsWith("linears.", StringComparison.Ordinal))
                renamed["decoder.lm_heads." + name[8..]] = value;
            else
                renamed["decoder.model.decoder." + name] = value;
        }
        renamed["text_encoder.shared.weight"] = ones(2, 2);
        return renamed;
    }

    private static void With(string file, Action<RecordedModel, SpeechLm, JsonElement> check, int modelsBuilt = 0)
    {
        using var recorded = new RecordedModel(file);
        var config = recorded.Case.GetProperty("config");
        var model = Load(recorded.ModelPath, config);
        // Counted from here: building a parameter leaves TorchSharp's counter one too high.
        var before = Tensor.TotalCount;
        try
        {
            using (NewDisposeScope())
                check(recorded, model, config);
            recorded.Dispose();
            before += modelsBuilt * model.parameters().Count();
            Assert.True(Tensor.TotalCount <= before, $"{Tensor.TotalCount - before} tensors leaked");
        }
        finally
        {
            model.Dispose();
        }
    }

    private static SpeechLm Load(string path, JsonElement config) => SpeechLmCheckpoint.Load(Checkpoint.Open(path), new SpeechLmOptions
    {
        Heads = config.Int("heads"),
        Positions = RecordedModel.Positions(config.GetProperty("positional_embedding").GetString()),
        MaxPeriod = config.Optional("max_period")?.GetDouble() ?? 10000,
        PositionScale = config.Optional("positional_scale")?.GetDouble() ?? 1,
        // audiocraft counts the positions before the current one.
        Context = config.Optional("past_context")?.GetInt32() + 1,
        Activation = config.Optional("activation")?.GetString() == "relu" ? Activation.Relu : Activation.Gelu,
    });

    private static Pattern Pattern(JsonElement config, int books, int frames)
        => PatternReferenceTests.Spec(config.GetProperty("pattern").GetString()!, config.Optional("pattern_params") ?? default).Build(books, frames);

    private static int[][] Rows(Tensor codes_KT)
        => Enumerable.Range(0, (int)codes_KT.shape[0]).Select(k => codes_KT[k].data<long>().Select(v => (int)v).ToArray()).ToArray();

    private static LmConditions Conditions(RecordedModel recorded, SpeechLm model, JsonElement config, long batch, bool nullToo)
    {
        Tensor? Joined(string how)
        {
            var named = config.GetProperty("fuse").GetProperty(how).EnumerateArray().Select(n => recorded["cond." + n.GetString()]).ToArray();
            if (named.Length == 0)
                return null;
            var all = how == "sum" ? named.Aggregate((a, b) => a + b) : cat(named, 1);
            return nullToo ? cat([all, zeros_like(all)], 0) : all;
        }
        var cross = Joined("cross");
        // Conditions are fused in the order of their names in the file.
        var order = config.GetProperty("cond").EnumerateObject().Select(p => p.Name).ToList();
        int Place(string how) => config.GetProperty("fuse").GetProperty(how).EnumerateArray().Select(n => order.IndexOf(n.GetString()!)).DefaultIfEmpty(-1).Max();
        return new LmConditions(Joined("sum"), Joined("prepend"), cross is null ? null : recorded.Own(model.Condition(cross)), Place("sum") > Place("prepend"));
    }
}
