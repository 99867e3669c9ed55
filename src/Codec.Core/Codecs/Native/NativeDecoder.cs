using Codec.Core.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Codecs.Native;

/// <summary>Latent frames to audio: causal blocks, then log-magnitude and phase of spectra, then inverse STFT.</summary>
public sealed class NativeDecoder : nn.Module<Tensor, StreamState?, Tensor>
{
    private readonly Linear embed, upsample, head;
    private readonly Linear? pitch;
    private readonly Lowband? lowband;
    private readonly LayerNorm norm;
    private readonly ConvNeXtStack stack, head_stack;
    private readonly Tensor window;
    private readonly NativeConfig _config;
    private readonly Excitation? _excitation;

    // exp of the predicted log-magnitude is cut here: an untrained or misled head must not overflow.
    internal const float MaxLogMagnitude = 6;
    private static readonly Scalar Most = MaxLogMagnitude;

    public NativeDecoder(NativeConfig config) : base(nameof(NativeDecoder))
    {
        _config = config;
        embed = nn.Linear(config.LatentDim, config.DecoderWidth);
        stack = new ConvNeXtStack(config.DecoderWidth, config.DecoderBlocks, config.Expansion, config.Kernel);
        upsample = nn.Linear(config.DecoderWidth, config.SpectraPerFrame * config.HeadWidth);
        head_stack = new ConvNeXtStack(config.HeadWidth, config.HeadBlocks, config.Expansion, config.Kernel);
        norm = nn.LayerNorm(config.HeadWidth);
        head = nn.Linear(config.HeadWidth, 2 * config.Bins);
        if (config.Excitation is { } excitation)
        {
            _excitation = new Excitation(config, excitation);
            pitch = nn.Linear(config.HeadWidth, _excitation.Outputs);
            nn.init.zeros_(pitch.weight!);
            nn.init.zeros_(pitch.bias!);
        }
        if (config.Lowband is { } low)
            lowband = new Lowband(config, low);
        // Overlap-added squared Hann windows sum to 0.375 * WindowLength / StftHop: divided out here once.
        using var hann = hann_window(config.WindowLength);
        window = hann / (0.375 * config.WindowLength / config.StftHop);
        RegisterComponents();
    }

    /// <summary>The low band's layer, where there is one.</summary>
    public Lowband? Lowband => lowband;

    /// <param name="latent_BTD">[B, T, D].</param>
    /// <param name="state">Stream memory; null = offline.</param>
    /// <returns>[B, T * hop], lagging the input of the encoder by the delay.</returns>
    public override Tensor forward(Tensor latent_BTD, StreamState? state)
    {
        var (audio_BS, pitch_BNC) = Decode(latent_BTD, state);
        pitch_BNC?.Dispose();
        return audio_BS;
    }

    /// <summary>As <see cref="forward"/>, with what the decoder took the pitch to be.</summary>
    /// <param name="latent_BTD">[B, T, D].</param>
    /// <param name="state">Stream memory; null = offline.</param>
    /// <param name="lowband_BTK">Coefficients of <see cref="NativeConfig.Lowband"/>; null: none.</param>
    /// <param name="noiseStarts">The spectrum of the excitation's noise that each item begins with in training, [B] (null: the first): it is always the same noise, which a discriminator could learn by heart.</param>
    /// <returns>[B, T * hop]; scores [B, N, classes + 1] of the fundamental frequencies of <see cref="NativeConfig.Excitation"/> for every spectrum, or null.</returns>
    public (Tensor Audio_BS, Tensor? Pitch_BNC) Decode(Tensor latent_BTD, StreamState? state, Tensor? lowband_BTK = null, IReadOnlyList<int>? noiseStarts = null)
    {
        using var scope = NewDisposeScope();
        var (b, frames) = (latent_BTD.shape[0], latent_BTD.shape[1]);
        var x_BTC = LinearFunction.Forward(upsample, stack.forward(LinearFunction.Forward(embed, latent_BTD, training), state), training);
        x_BTC = x_BTC.reshape(b, frames * _config.SpectraPerFrame, _config.HeadWidth);
        var spectra_BNF = lowband_BTK is null ? null : lowband!.Spectra(lowband_BTK, state);
        if (spectra_BNF is not null)
            x_BTC = x_BTC + lowband!.Embed(spectra_BNF);
        x_BTC = norm.forward(head_stack.forward(x_BTC, state));
        var polar_BNF = LinearFunction.Forward(head, x_BTC, training);
        var pitch_BNC = pitch is null ? null : LinearFunction.Forward(pitch, x_BTC, training);
        if (pitch_BNC is not null)
        {
            var (kept_BNF, added_BNF) = Excite(pitch_BNC, state, noiseStarts);
            polar_BNF = addcmul(added_BNF, polar_BNF, kept_BNF, 1);
        }
        var low_BNW = (Tensor?)null;
        if (spectra_BNF is not null)
            (polar_BNF, low_BNW) = lowband!.Mix(spectra_BNF, x_BTC, polar_BNF);
        var pieces_BNW = training && SynthesisFunction.Fits(polar_BNF) ? SynthesisFunction.apply(polar_BNF, window) : Synthesize(polar_BNF);
        if (low_BNW is not null)
            pieces_BNW = pieces_BNW + low_BNW;
        return (OverlapAdd(pieces_BNW, state).MoveToOuterDisposeScope(), pitch_BNC?.MoveToOuterDisposeScope());
    }

    /// <summary>1 where what the network made counts and 0 elsewhere, and the excitation's phases where the phases of spectra are: [B, N, 2 F] both.</summary>
    private (Tensor Kept_BNF, Tensor Added_BNF) Excite(Tensor pitch_BNC, StreamState? state, IReadOnlyList<int>? noiseStarts)
    {
        using var scope = NewDisposeScope();
        var (b, n, outputs, width) = ((int)pitch_BNC.shape[0], (int)pitch_BNC.shape[1], (int)pitch_BNC.shape[2], 2 * _config.Bins);
        var slot = state?.Slot(_excitation!, () => new TensorSlot(zeros(b, Excitation.Memory)));
        var memory = slot is null ? new float[b * Excitation.Memory] : slot.Value.data<float>().ToArray();
        for (var item = 0; training && slot is null && item < b; item++)
            memory[item * Excitation.Memory] = noiseStarts?[item] ?? 0;
        var scores = pitch_BNC.detach().cpu().to(float32).contiguous().data<float>().ToArray();
        float[] added = new float[b * n * width], kept = new float[b * n * width];
        for (var item = 0; item < b; item++)
            for (var i = item * n; i < (item + 1) * n; i++)
            {
                var bins = _excitation!.Add(scores.AsSpan(i * outputs, outputs), memory.AsSpan(item * Excitation.Memory, Excitation.Memory), added.AsSpan(i * width + _config.Bins, _config.Bins));
                kept.AsSpan(i * width, _config.Bins + bins).Fill(1);
            }
        slot?.Set(tensor(memory, [b, Excitation.Memory]));
        return (tensor(kept, [b, n, width], device: pitch_BNC.device).MoveToOuterDisposeScope(), tensor(added, [b, n, width], device: pitch_BNC.device).MoveToOuterDisposeScope());
    }

    /// <summary>Log-magnitudes and phases [B, N, 2 F] to windowed frames [B, N, W].</summary>
    private Tensor Synthesize(Tensor polar_BNF)
    {
        using var scope = NewDisposeScope();
        var magnitude_BNF = polar_BNF.narrow(2, 0, _config.Bins).clamp_max(Most).exp();
        var spectrum_BNF = torch.polar(magnitude_BNF, polar_BNF.narrow(2, _config.Bins, _config.Bins));
        return (fft.irfft(spectrum_BNF, _config.WindowLength) * window).MoveToOuterDisposeScope();
    }

    /// <summary>Adds windowed pieces [B, N, W] at the hop; the unfinished tail stays in the stream.</summary>
    /// <returns>[B, N * StftHop].</returns>
    private Tensor OverlapAdd(Tensor pieces_BNW, StreamState? state)
    {
        var (b, n) = (pieces_BNW.shape[0], pieces_BNW.shape[1]);
        var hop = _config.StftHop;
        var parts = _config.WindowLength / hop;
        var pieces_BNPH = pieces_BNW.reshape(b, n, parts, hop);
        // Part p of piece i lands in output hop i + p: shift each part by p hops and add.
        var sum_BNH = F.pad(pieces_BNPH.select(2, 0), [0, 0, 0, parts - 1]);
        for (var p = 1; p < parts; p++)
            sum_BNH = sum_BNH + F.pad(pieces_BNPH.select(2, p), [0, 0, p, parts - 1 - p]);
        var tail = state?.Slot(this, () => new TensorSlot(zeros(b, parts - 1, hop, pieces_BNW.dtype, pieces_BNW.device)));
        if (tail is not null)
        {
            sum_BNH = sum_BNH + F.pad(tail.Value, [0, 0, 0, n]);
            tail.Set(sum_BNH.narrow(1, n, parts - 1));
        }
        return sum_BNH.narrow(1, 0, n).reshape(b, n * hop);
    }
}
