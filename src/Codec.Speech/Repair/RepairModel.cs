using Codec.Core.Layers;
using Codec.Core.Quantizers;
using Codec.Speech.Lm;
using TorchSharp;
using TorchSharp.Modules;
using Transformer = Codec.Speech.Lm.Transformer;
using static TorchSharp.torch;

namespace Codec.Speech.Repair;

/// <summary>
/// What all books of every frame would decode to, given some: a transformer over frames whose input is the sum of the code vectors that are
/// known (nothing where a frame was lost) and how many books these are. It returns latents, not codes: the mean of what may have been is
/// nearer to the truth than any one guess, and the codec's quantizer can round it to codes where codes are wanted.
/// </summary>
public sealed class RepairModel : nn.Module
{
    private readonly Linear embed, head;
    private readonly Embedding known_books;
    private readonly Transformer transformer;
    private readonly RmsNorm norm;
    private readonly Tensor mean, scale; // of the latent, [D] and [1]

    /// <summary>A new model with random weights, on the CPU.</summary>
    /// <exception cref="Codec.Audio.ConfigException">A value is out of range.</exception>
    public static RepairModel Create(RepairConfig config) => ModuleFactory.Build(() => new RepairModel(config));

    private RepairModel(RepairConfig config) : base(nameof(RepairModel))
    {
        Config = config.Validate();
        embed = nn.Linear(config.LatentDim, config.Dim);
        known_books = nn.Embedding(config.Books + 1, config.Dim);
        transformer = new Transformer(config.Transformer);
        norm = new RmsNorm(config.Dim, 1e-5);
        head = nn.Linear(config.Dim, config.LatentDim);
        nn.init.zeros_(head.weight); // starts as what there is without a model
        nn.init.zeros_(head.bias);
        mean = zeros(config.LatentDim);
        scale = ones(1);
        RegisterComponents();
    }

    public RepairConfig Config { get; }

    /// <summary>Takes the mean and spread of latents from data.</summary>
    /// <param name="latent_ND">[N, D].</param>
    public void Center(Tensor latent_ND)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        mean.copy_(latent_ND.mean([0L]));
        scale.copy_((latent_ND - mean).square().mean().sqrt());
    }

    /// <param name="latent_BTD">Sum of the known code vectors, [B, T, D]; what lost frames hold is ignored.</param>
    /// <param name="known_BT">How many books of a frame are known, int64 [B, T]; 0 = lost.</param>
    /// <returns>Latents of all books, [B, T, D].</returns>
    public Tensor Forward(Tensor latent_BTD, Tensor known_BT)
    {
        using var scope = NewDisposeScope();
        var start_BTD = Without(latent_BTD, known_BT);
        var x_BTC = embed.forward((start_BTD - mean) / scale) + known_books.forward(known_BT);
        var visible = Visible(latent_BTD.shape[1], latent_BTD.device);
        var y_BTC = norm.forward(transformer.Forward(x_BTC, null, null, 0, new LmPositions(Mask_B1SS: visible)));
        return (start_BTD + head.forward(y_BTC) * scale).MoveToOuterDisposeScope();
    }

    /// <summary>What stands there without a model: what is known, and a straight line over the gaps.</summary>
    public Tensor Without(Tensor latent_BTD, Tensor known_BT) => GapBridge.Fill(latent_BTD, known_BT, mean, Config.Past, Config.Future);

    /// <summary>Squared distance to the truth per frame, in units of the latent's variance. [B, T], differentiable.</summary>
    public Tensor Error(Tensor predicted_BTD, Tensor truth_BTD)
    {
        using var scope = NewDisposeScope();
        return ((predicted_BTD - truth_BTD) / scale).square().mean([-1]).MoveToOuterDisposeScope();
    }

    /// <summary>Sums of the first known code vectors of each frame.</summary>
    /// <param name="quantizer">Of the codec.</param>
    /// <param name="codes_BKT">int64; codes of books that are not known are not looked at.</param>
    /// <param name="known_BT">int64.</param>
    /// <returns>[B, T, D], zero where nothing is known.</returns>
    public static Tensor KnownLatent(IQuantizer quantizer, Tensor codes_BKT, Tensor known_BT)
    {
        using var scope = NewDisposeScope();
        var counts = known_BT.unique().output.cpu().data<long>().ToArray();
        Tensor? sum = null;
        foreach (var count in counts.Where(c => c > 0))
        {
            var latent = quantizer.Decode(codes_BKT.narrow(1, 0, count)) * known_BT.eq(count).unsqueeze(-1);
            sum = sum is null ? latent : sum + latent;
        }
        using var first_BKT = codes_BKT.narrow(1, 0, 1);
        return (sum ?? zeros_like(quantizer.Decode(first_BKT))).MoveToOuterDisposeScope();
    }

    // [1, 1, T, T]: 0 within the window, -infinity outside.
    private Tensor Visible(long frames, Device device)
    {
        var open = ones([frames, frames], ScalarType.Bool, device).tril(Config.Future).triu(-Config.Past);
        return zeros([1, 1, frames, frames], device: device).masked_fill_(open.logical_not(), float.NegativeInfinity);
    }
}
