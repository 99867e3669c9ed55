using System.Globalization;
using Codec.Core.Quantizers;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Quantizers;

/// <summary>Every recorded case below parity/quantizers: codes exactly, values and gradients within 1e-5.</summary>
[Trait("Category", "Reference")]
public sealed class QuantizerReferenceTests
{
    private const double Tolerance = 1e-5;

    public static TheoryData<string> Cases => ReferenceCase.Rows("quantizers");

    [Theory]
    [MemberData(nameof(Cases))]
    public void Codes_values_losses_and_gradients_are_the_recorded_ones(string name)
    {
        var c = ReferenceCase.Open("quantizers", name);
        var module = Build(c);
        try
        {
            c.LoadWeights(module);
            using var scope = NewDisposeScope();
            Check(c, (IQuantizer)module, module);
        }
        finally
        {
            module.Dispose();
        }
    }

    private static void Check(ReferenceCase c, IQuantizer quantizer, nn.Module module)
    {
        var channelFirst = c.Config.TryGetProperty("channel_first", out var flag) && flag.GetBoolean();
        Tensor Turn(Tensor t) => channelFirst ? t.transpose(1, 2) : t;
        var indices = c["indices"];
        var codes = indices.dim() == 2 ? indices.unsqueeze(1) : indices.transpose(1, 2);
        var input = c["input"].requires_grad_();

        module.eval();
        using (no_grad())
        {
            Tensors.Equal(codes, quantizer.Encode(Turn(input)), "codes");
            var decoded = c[c.Has("output_from_indices") ? "output_from_indices" : "indices_to_codes"];
            Tensors.Close(decoded, Turn(quantizer.Decode(codes)), Tolerance, "decode");
        }
        module.train();
        var result = quantizer.Quantize(Turn(input));
        Tensors.Equal(codes, result.Codes, "training codes");
        Tensors.Close(c["output"], Turn(result.Quantized), Tolerance, "output");
        if (c.Has("loss"))
            Tensors.Close(c["loss"].sum(), result.Loss, Tolerance, "loss");
        if (c.Has("train.entropy_aux_loss"))
            Tensors.Close(c["train.entropy_aux_loss"].sum(), result.Loss, Tolerance, "entropy loss");
        CheckGradients(c, module, input, (Turn(result.Quantized) * (c.Has("loss_weight") ? c["loss_weight"] : ones_like(input))).sum() + result.Loss);
    }

    private static void CheckGradients(ReferenceCase c, nn.Module module, Tensor input, Tensor objective)
    {
        objective.backward();
        if (c.Has("input_grad"))
            Tensors.Close(c["input_grad"], input.grad!, Tolerance, "input gradient");
        else
            Assert.True(input.grad!.abs().sum().item<float>() > 0, "no gradient reaches the input");
        foreach (var (key, parameter) in module.named_parameters())
            if (c.Has("param_grad." + key))
                Tensors.Close(c["param_grad." + key], parameter.grad!, 1e-4, key);
    }

    private static nn.Module Build(ReferenceCase c)
    {
        var kind = c.Config.GetProperty("kind").GetString()!;
        return kind.Split(' ')[0] switch
        {
            "FSQ" => new FiniteScalarQuantizer(new FiniteScalarConfig
            {
                Levels = c.Ints("levels"), Dimension = c.IntOrNull("dim"), Codebooks = c.Int("num_codebooks"), PreserveSymmetry = c.Flag("preserve_symmetry"),
            }),
            "ResidualFSQ" => new ResidualFiniteScalarQuantizer(c.Ints("levels"), c.Int("num_quantizers"), c.IntOrNull("dim"), c.Flag("bound_hard_clamp")),
            "SimVQ" => BuildSimVector(c),
            "LFQ" => BuildLookupFree(c),
            _ => throw new NotSupportedException($"{c.Folder}: unknown kind {kind}"),
        };
    }

    private static SimVectorQuantizer BuildSimVector(ReferenceCase c)
    {
        var io = c.PathOf("weights.safetensors");
        var keys = Codec.Core.Checkpoints.Checkpoint.Open(io).Tensors;
        return new SimVectorQuantizer(new SimVectorConfig
        {
            Dimension = c.Int("dim"), CodebookSize = c.Int("codebook_size"), FrozenDimension = c.Int("frozen_codebook_dim"),
            HiddenDimension = keys.TryGetValue("code_transform.0.weight", out var hidden) ? (int)hidden.Shape[0] : null,
            RotationTrick = c.Flag("rotation_trick"), Weight = c.Config.GetProperty("commitment_weight").GetDouble(),
            CommitmentWeight = c.Config.GetProperty("input_to_quantize_commit_loss_weight").GetDouble(),
        });
    }

    private static LookupFreeQuantizer BuildLookupFree(ReferenceCase c)
    {
        var train = c.Config.GetProperty("train_defaults");
        return new LookupFreeQuantizer(new LookupFreeConfig
        {
            Bits = int.Parse(Math.Log2(c.Int("codebook_size")).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture),
            Dimension = c.IntOrNull("dim"), Spherical = c.Flag("spherical"),
            InverseTemperature = train.GetProperty("inv_temperature").GetDouble(), Diversity = train.GetProperty("diversity_gamma").GetDouble(),
            EntropyWeight = train.GetProperty("entropy_loss_weight").GetDouble(),
        });
    }
}
