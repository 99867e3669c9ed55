using System.Text.Json;
using Codec.Core.Checkpoints;
using Codec.Speech.Lm;
using Codec.Speech.Sampling;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Speech.Lm;

/// <summary>Recorded Moshi-style models (moshi_*.json): training forward, streaming, sessions out of step.</summary>
[Trait("Category", "Reference")]
public sealed class MoshiReferenceTests
{
    private const double Tolerance = 1e-4;

    public static IEnumerable<TheoryDataRow<string>> Files => ReferenceCases.Files("moshi_*.json");

    [Theory, MemberData(nameof(Files))]
    public void Training_forward(string file) => With(file, (recorded, model, config) =>
    {
        using var inference = inference_mode();
        var codes = recorded["codes"];
        var (batch, frames) = (codes.shape[0], codes.shape[2]);
        var delays = Delays(config);
        var delayed = MultistreamLayout.Delay(codes, model.Config.Vocabulary, delays);
        Assert.Equal(recorded["delayed_with_initial"].data<long>().ToArray(), delayed.contiguous().data<long>().ToArray());
        var hidden = model.Hidden(delayed.narrow(2, 0, frames), conditions: Conditions(recorded, model, config, batch));
        RecordedModel.Close(recorded["transformer_out"], hidden, Tolerance, "transformer_out");
        var text = model.Head(hidden, 0);
        RecordedModel.Close(recorded["text_logits_delayed_axis"].squeeze(1), text, Tolerance, "text logits");
        Check(recorded, "train_text_logits", "train_text_mask", MultistreamLayout.Undelay(text, delays[0]).unsqueeze(1));
        if (model.Depth is null)
            return;
        // Depth step k reads the token of stream k at the position that the outputs predict.
        var tokens = delayed.narrow(2, 1, frames).transpose(0, 1).reshape(delays.Length, batch * frames);
        var logits = model.Depth.Forward(hidden.reshape(batch * frames, -1), tokens);
        Check(recorded, "train_logits", "train_mask",
            stack(logits.Select((l, k) => MultistreamLayout.Undelay(l.view(batch, frames, -1), delays[k + 1])), 1));
    });

    [Theory, MemberData(nameof(Files))]
    public void Streaming(string file) => With(file, (recorded, model, config) =>
        ReferenceCases.ForEach(recorded.Case.GetProperty("generations"), g =>
        {
            using var scope = NewDisposeScope();
            using var inference = inference_mode();
            var batch = (int)recorded["codes"].shape[0];
            var label = g.GetProperty("label").GetString()!;
            var guided = (config.Optional("cfg_coef")?.GetDouble() ?? 1) != 1;
            using var generator = new MultistreamGenerator(model, Config(config, g.Optional("args")), batch,
                Conditions(recorded, model, config, guided ? 2 * batch : batch));
            var user = recorded["user_tokens"];
            var uniforms = recorded.Has($"gen.{label}.uniforms") ? recorded[$"gen.{label}.uniforms"] : null;
            var outputs = g.GetProperty("outputs");
            for (var step = 0; step < outputs.GetArrayLength(); step++)
            {
                if (g.Optional("reset_before_step") is { } resets)
                    for (var b = 0; b < batch; b++)
                        if (resets[step][b].GetBoolean())
                            generator.Reset(b);
                var active = g.Optional("exec_mask")?[step].EnumerateArray().Select(v => v.GetBoolean()).ToArray();
                var given = Enumerable.Range(0, batch).Select(b => Enumerable.Range(0, generator.UserStreams).Select(j => (int)user[b, j, step].item<long>()).ToArray()).ToArray();
                var result = generator.Step(given, (row, order) => uniforms?[step, order, row].item<double>() ?? 0, active);
                CheckTokens(outputs[step], result, label, step);
                CheckLogits(recorded, label, step, result);
            }
        }));

    private static void CheckTokens(JsonElement expected, MultistreamOutput[] result, string label, int step)
    {
        for (var b = 0; b < result.Length; b++)
        {
            var tokens = expected.ValueKind == JsonValueKind.Null || expected[b].Ints()[0] == -2 ? null : expected[b].Ints();
            Assert.True((tokens is null) == (result[b].Tokens is null) && (tokens is null || tokens.SequenceEqual(result[b].Tokens!)),
                $"{label}, step {step}, row {b}: expected [{string.Join(",", tokens ?? [])}], found [{string.Join(",", result[b].Tokens ?? [])}]");
        }
    }

    private static void CheckLogits(RecordedModel recorded, string label, int step, MultistreamOutput[] result)
    {
        if (!recorded.Has($"gen.{label}.text_logits"))
            return;
        RecordedModel.Close(recorded[$"gen.{label}.text_logits"][step], stack(result.Select(r => tensor(r.TextLogits!)), 0), Tolerance, $"{label}, step {step}, text");
        var audio = recorded[$"gen.{label}.audio_logits"][step];
        var streams = (int)audio.shape[1];
        var halves = (int)audio.shape[0] / result.Length;
        var ours = Enumerable.Range(0, halves).SelectMany(h => result.Select(r => stack(r.AudioLogits!.Skip(h * streams).Take(streams).Select(l => tensor(l)), 0)));
        RecordedModel.Close(audio, stack(ours, 0), Tolerance, $"{label}, step {step}, audio");
    }

    private static void Check(RecordedModel recorded, string name, string maskName, Tensor actual)
    {
        var expected = recorded[name];
        RecordedModel.Close(expected, actual, Tolerance, name);
        var mask = recorded[maskName].contiguous().data<byte>().ToArray();
        Assert.Equal(mask.Select(m => m != 0), actual.select(-1, 0).contiguous().data<float>().ToArray().Select(v => !float.IsNaN(v)));
    }

    private static MultistreamConfig Config(JsonElement config, JsonElement? args)
    {
        var guidance = config.Optional("cfg_coef")?.GetDouble() ?? 1;
        var sampling = args?.Optional("use_sampling")?.GetBoolean() ?? false;
        SamplerConfig Sampler(string suffix, int defaultK, double defaultTemperature) => new()
        {
            GuidanceScale = guidance,
            Temperature = sampling ? args?.Optional("temp" + suffix)?.GetDouble() ?? defaultTemperature : 0,
            TopK = args?.Optional("top_k" + suffix)?.GetInt32() ?? defaultK,
            DrawDescending = true,
        };
        return new MultistreamConfig { Delays = Delays(config), Text = Sampler("_text", 25, 0.7), Audio = Sampler("", 250, 0.8) };
    }

    private static int[] Delays(JsonElement config) => config.GetProperty("lm").GetProperty("delays").Ints();

    private static LmConditions? Conditions(RecordedModel recorded, SpeechLm model, JsonElement config, long rows)
    {
        if (config.Optional("fuse") is not { } fuse)
            return null;
        Tensor? Joined(string how)
        {
            var named = fuse.Optional(how)?.EnumerateArray().Select(n => recorded["cond." + n.GetString()].narrow(0, 0, rows)).ToArray() ?? [];
            return named.Length == 0 ? null : how == "sum" ? named.Aggregate((a, b) => a + b) : cat(named, 1);
        }
        var cross = Joined("cross") is { } condition ? recorded.Own(model.Condition(condition)) : null;
        return new LmConditions(Joined("sum"), Joined("prepend"), cross);
    }

    private static void With(string file, Action<RecordedModel, SpeechLm, JsonElement> check)
    {
        using var recorded = new RecordedModel(file);
        var config = recorded.Case.GetProperty("config");
        var lm = config.GetProperty("lm");
        var model = SpeechLmCheckpoint.Load(Checkpoint.Open(recorded.ModelPath), new SpeechLmOptions
        {
            Heads = lm.Int("num_heads"),
            DepthHeads = lm.Optional("depformer_num_heads")?.GetInt32() ?? 1,
            Positions = RecordedModel.Positions(lm.GetProperty("positional_embedding").GetString()),
            DepthPositions = RecordedModel.Positions(lm.Optional("depformer_pos_emb")?.GetString()),
            MaxPeriod = lm.Optional("max_period")?.GetDouble() ?? 10000,
            Context = lm.Optional("context")?.GetInt32(),
            DepthWeightSchedule = lm.Optional("depformer_weights_per_step_schedule")?.Ints(),
        });
        // Counted from here: building a parameter leaves TorchSharp's counter one too high.
        var before = Tensor.TotalCount;
        try
        {
            using (NewDisposeScope())
                check(recorded, model, config);
            recorded.Dispose();
            Assert.True(Tensor.TotalCount <= before, $"{Tensor.TotalCount - before} tensors leaked");
        }
        finally
        {
            model.Dispose();
        }
    }
}
