using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Codecs.Esc;

/// <summary>
/// ESC: complex spectrum to patches, encoder states at every scale, and a decoder that takes what is left of them scale by scale
/// through product quantizers. Keys: ft.window, ift.window, quantizers.N, encoder, decoder.
/// </summary>
public sealed class EscModel : nn.Module
{
    private readonly StoredWindow ft, ift;
    private readonly ModuleList<ProductQuantizer> quantizers;
    private readonly EscStack encoder, decoder;
    private readonly EscConfig _config;

    public EscModel(EscConfig config) : base(nameof(EscModel))
    {
        _config = config.Validate();
        (ft, ift) = (new StoredWindow(config.WindowLength), new StoredWindow(config.WindowLength));
        quantizers = new ModuleList<ProductQuantizer>([.. Enumerable.Range(0, config.Streams)
            .Select(i => new ProductQuantizer(config, config.Streams - Math.Max(i, 1), config.CodebookDimensions[i]))]);
        (encoder, decoder) = (new EscStack(config, decodes: false), new EscStack(config, decodes: true));
        RegisterComponents();
    }

    /// <summary>A key of the published checkpoint in our words; null for what we compute.</summary>
    internal static string? Rename(string key) => key.EndsWith(".relative_position_index", StringComparison.Ordinal) ? null : key;

    private int TransformLength => 2 * (_config.Bins - 1);

    /// <param name="audio_BS">Longer than half the transform.</param>
    /// <returns>[B, 2, F, S / hop + 1]: real and imaginary parts of centred frames.</returns>
    public Tensor Spectrum(Tensor audio_BS)
    {
        using var scope = NewDisposeScope();
        var pad = TransformLength / 2;
        var padded = F.pad(audio_BS.unsqueeze(1), [pad, pad], PaddingModes.Reflect).squeeze(1);
        var spectrum_BFT = stft(padded, TransformLength, _config.ColumnHop, _config.WindowLength, ft.window,
            center: false, normalized: false, onesided: true, return_complex: true);
        return stack([spectrum_BFT.real, spectrum_BFT.imag], 1).MoveToOuterDisposeScope();
    }

    /// <param name="spectrum_B2FT">Columns that fill no frame of codes are left out.</param>
    /// <returns>The encoder's state at every scale, finest first, [B, H, W, C] each.</returns>
    public IReadOnlyList<Tensor> States(Tensor spectrum_B2FT)
    {
        using var scope = NewDisposeScope();
        var columns = spectrum_B2FT.shape[3] / _config.ColumnsPerFrame * _config.ColumnsPerFrame;
        var states = new List<Tensor> { encoder.Enter(spectrum_B2FT.narrow(3, 0, columns)) };
        for (var i = 0; i < _config.Streams - 1; i++)
            states.Add(encoder.Step(i, states[i]));
        return [.. states.Select(state => state.MoveToOuterDisposeScope())];
    }

    /// <param name="states">Of the encoder.</param>
    /// <param name="streams">How many streams of codes.</param>
    /// <returns>int64 [B, streams x groups, T], the coarsest stream first.</returns>
    public Tensor Encode(IReadOnlyList<Tensor> states, int streams)
    {
        using var scope = NewDisposeScope();
        var codes = new List<Tensor>();
        Tensor? decoded = null;
        for (var i = 0; i < streams; i++)
        {
            var state = states[^Math.Max(i, 1)];
            codes.Add(quantizers[i].Encode(decoded is null ? state : state - decoded));
            if (i < streams - 1)
                decoded = Refine(decoded, i, codes[i]);
        }
        return cat(codes, 1).MoveToOuterDisposeScope();
    }

    /// <param name="codes_BKT">int64; a prefix of the books.</param>
    /// <param name="observe">Sees the decoder's state at every scale, coarsest first, and the spectrum; null for nobody.</param>
    /// <returns>[B, (4 T - 1) x hop] with the published sizes: the spectrum's frames are centred.</returns>
    public Tensor Decode(Tensor codes_BKT, Action<int, Tensor>? observe = null)
    {
        using var scope = NewDisposeScope();
        Tensor? decoded = null;
        for (var i = 0; i < _config.Streams; i++)
        {
            var present = Math.Clamp((int)codes_BKT.shape[1] - i * _config.Groups, 0, _config.Groups);
            decoded = present > 0 ? Refine(decoded, i, codes_BKT.narrow(1, i * _config.Groups, present)) : decoder.Step(i - 1, decoded!);
            observe?.Invoke(i, decoded);
        }
        var spectrum_B2FT = decoder.Leave(decoded!);
        observe?.Invoke(_config.Streams, spectrum_B2FT);
        var complex_BFT = complex(spectrum_B2FT.select(1, 0).contiguous(), spectrum_B2FT.select(1, 1).contiguous());
        return istft(complex_BFT, TransformLength, _config.ColumnHop, _config.WindowLength, ift.window, center: true, normalized: false, onesided: true)
            .MoveToOuterDisposeScope();
    }

    /// <summary>Adds what a stream says; all but the first also go to the next finer scale.</summary>
    private Tensor Refine(Tensor? decoded, int stream, Tensor codes_BGT)
    {
        var quantized = quantizers[stream].Decode(codes_BGT);
        return decoded is null ? quantized : decoder.Step(stream - 1, decoded + quantized);
    }

    private sealed class StoredWindow : nn.Module
    {
        public readonly Tensor window;

        public StoredWindow(int size) : base(nameof(StoredWindow))
        {
            window = hann_window(size).DetachFromDisposeScope();
            RegisterComponents();
        }
    }
}
