using Codec.Core.Checkpoints;
using Codec.Core.Codecs;
using Codec.Core.Parity;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Quantizers;

/// <summary>Replays recorded cases of quantizers alone: codes, values, losses, and gradients by straight-through or rotation.</summary>
public sealed class QuantizerParity : IParityRunner
{
    private const double Tolerance = 1e-5, ParameterTolerance = 1e-4;
    private static readonly string[] Steps = ["projected", "codes", "implicit_codebook", "all_codes_scaled", "scales", "soft_clamp_input_value", "codebook"];

    public bool Handles(ParityCase parityCase) => parityCase.Config.TryGetProperty("kind", out _) && parityCase.Has("indices") && Kind(parityCase) is "FSQ" or "ResidualFSQ" or "SimVQ" or "LFQ";

    public void Run(ParityCase parityCase, ParityReport report)
    {
        using var gradients = inference_mode(false);
        var module = Build(parityCase, new JsonFields(parityCase.Config));
        try
        {
            if (parityCase.HasWeights)
                parityCase.Weights().LoadInto(module);
            using var scope = NewDisposeScope();
            Check(parityCase, report, (IQuantizer)module, module);
        }
        finally
        {
            module.Dispose();
        }
    }

    private static string Kind(ParityCase parityCase) => new JsonFields(parityCase.Config).Text("kind", "").Split(' ')[0];

    private static void Check(ParityCase parityCase, ParityReport report, IQuantizer quantizer, nn.Module module)
    {
        var channelFirst = new JsonFields(parityCase.Config).Flag("channel_first", false);
        Tensor Turn(Tensor x) => channelFirst ? x.transpose(1, 2) : x;
        var flat = parityCase.Load("indices").dim() == 2;
        Tensor Published(Tensor codes_BKT) => flat ? codes_BKT.squeeze(1) : codes_BKT.transpose(1, 2);
        var input = parityCase.Load("input").requires_grad_();
        module.eval();
        using (no_grad())
        {
            var codes_BKT = quantizer.Encode(Turn(input));
            report.Codes("indices", Published(codes_BKT));
            var decoded = Turn(quantizer.Decode(codes_BKT));
            foreach (var name in new[] { "output_from_indices", "indices_to_codes" })
                if (parityCase.Has(name) && parityCase.Load(name).shape.SequenceEqual(decoded.shape))
                    report.Values(name, decoded, Tolerance);
        }
        module.train();
        using var grad = enable_grad();
        var result = quantizer.Quantize(Turn(input));
        report.Codes("training codes", parityCase.Load("indices"), Published(result.Codes));
        foreach (var name in new[] { "output", "train.output" })
            report.Values(name, Turn(result.Quantized).detach(), Tolerance);
        foreach (var name in new[] { "loss", "train.entropy_aux_loss" })
            if (parityCase.Has(name))
                report.Values(name, result.Loss.detach().expand(parityCase.Load(name).shape), Tolerance);
        var weight = parityCase.Has("loss_weight") ? parityCase.Load("loss_weight") : ones_like(input);
        ((Turn(result.Quantized) * weight).sum() + result.Loss).backward();
        report.Values("input_grad", input.grad!, Tolerance);
        report.That("gradient reaches the input", input.grad!.abs().sum().item<float>() > 0, "it is zero");
        foreach (var (key, parameter) in module.named_parameters())
            report.Values("param_grad." + key, parameter.grad ?? zeros_like(parameter), ParameterTolerance);
        report.Uses("input", "loss_weight");
        report.Uses(Steps); // on the way to what was compared
    }

    private static nn.Module Build(ParityCase parityCase, JsonFields fields) => Kind(parityCase) switch
    {
        "FSQ" => new FiniteScalarQuantizer(new FiniteScalarConfig
        {
            Levels = fields.Ints("levels", []), Dimension = fields.IntOrNull("dim"), Codebooks = fields.Int("num_codebooks", 1), PreserveSymmetry = fields.Flag("preserve_symmetry", false),
        }),
        "ResidualFSQ" => new ResidualFiniteScalarQuantizer([.. fields.Ints("levels", [])], fields.Int("num_quantizers", 1), fields.IntOrNull("dim"), fields.Flag("bound_hard_clamp", true)),
        "SimVQ" => new SimVectorQuantizer(new SimVectorConfig
        {
            Dimension = fields.Int("dim", 0), CodebookSize = fields.Int("codebook_size", 0), FrozenDimension = fields.Int("frozen_codebook_dim", 0),
            HiddenDimension = parityCase.Weights().Tensors.TryGetValue("code_transform.0.weight", out var hidden) ? (int)hidden.Shape[0] : null,
            RotationTrick = fields.Flag("rotation_trick", true), Weight = fields.Double("commitment_weight", 1),
            CommitmentWeight = fields.Double("input_to_quantize_commit_loss_weight", 0.25),
        }),
        _ => BuildLookupFree(fields),
    };

    private static LookupFreeQuantizer BuildLookupFree(JsonFields fields)
    {
        var train = fields.ObjectOrThis("train_defaults");
        return new LookupFreeQuantizer(new LookupFreeConfig
        {
            Bits = (int)Math.Round(Math.Log2(fields.Int("codebook_size", 2))), Dimension = fields.IntOrNull("dim"), Spherical = fields.Flag("spherical", false),
            InverseTemperature = train.Double("inv_temperature", 100), Diversity = train.Double("diversity_gamma", 1), EntropyWeight = train.Double("entropy_loss_weight", 0.1),
        });
    }
}
