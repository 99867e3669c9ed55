using Codec.Core.Kernels;

namespace Codec.Core.Codecs.Native.Inference;

/// <summary>A <see cref="NativeDecoder"/> by own kernels, some frames at a time so that all fits the caches. Immutable; any number of threads may run it.</summary>
internal sealed unsafe class DecoderRows : IDisposable
{
    private const int MostFrames = 96;

    private readonly NativeConfig _config;
    private readonly RowLinear _embed, _head;
    private readonly RowLinear? _pitch;
    private readonly Excitation? _excitation;
    private readonly LowbandRows? _lowband;
    private readonly RowLinear[] _upsample; // one per spectrum of a frame, so that its rows are padded
    private readonly RowNorm _norm;
    private readonly int _polarStep; // floats from the magnitudes and phases of one spectrum to those of the next
    private readonly ConvNeXtRowStack _stack, _headStack;
    private readonly SpectralSynthesis _synthesis;

    /// <param name="config">Of the model.</param>
    /// <param name="weights">Of the model.</param>
    /// <param name="lowband">Its layer for the low band; stays the caller's.</param>
    public DecoderRows(NativeConfig config, NativeWeights weights, LowbandRows? lowband)
    {
        (_config, _lowband) = (config, lowband);
        _embed = weights.Linear("decoder.embed");
        _stack = new ConvNeXtRowStack(weights, "decoder.stack.", config.DecoderWidth, config.DecoderBlocks, config.Kernel);
        _upsample = Split(weights, "decoder.upsample", config.SpectraPerFrame);
        _headStack = new ConvNeXtRowStack(weights, "decoder.head_stack.", config.HeadWidth, config.HeadBlocks, config.Kernel);
        _norm = weights.Norm("decoder.norm");
        _synthesis = new SpectralSynthesis(config.WindowLength, config.StftHop);
        if (config.Excitation is { } excitation)
            (_pitch, _excitation) = (weights.Linear("decoder.pitch"), new Excitation(config, excitation));
        // Of the phases, the last outputs, only those of bins that may follow the pitch count beside an excitation.
        _head = weights.Linear("decoder.head", config.Bins + (_excitation?.Bins ?? config.Bins));
        _polarStep = RowLinear.Pad(2 * config.Bins);
    }

    /// <summary>Frames before a frame that its samples depend on.</summary>
    public int Context
    {
        get
        {
            var spectra = _headStack.Context + _config.WindowLength / _config.StftHop - 1;
            if (_config.Excitation is { } excitation)
                spectra += excitation.PeriodSpectra + Excitation.Ramp;
            return Math.Max(_stack.Context, _lowband?.Context ?? 0) + (spectra + _config.SpectraPerFrame - 1) / _config.SpectraPerFrame;
        }
    }

    public RowHistory Start() => new([.. _stack.Histories, .. _headStack.Histories, _synthesis.Overlap, .. _excitation is null ? (int[])[] : [Excitation.Memory], .. _lowband is null ? (int[])[] : [_lowband.Memory]]);

    /// <summary>Decodes frames.</summary>
    /// <param name="frames">How many.</param>
    /// <param name="history">What came before.</param>
    /// <param name="rooms">Memory to work in: one for every thread.</param>
    /// <param name="latents">Fills rows of some frames; may be called by several threads at once.</param>
    /// <param name="latentStep">Floats from one of these rows to the next.</param>
    /// <param name="samples">[frames * hop], the result.</param>
    /// <param name="lowband">Coefficients of the low band, [frames][K]; null: none.</param>
    public void Run(int frames, RowHistory history, RowRoom[] rooms, LatentSink latents, int latentStep, Memory<float> samples, float[]? lowband = null)
    {
        var most = RowPipeline.PieceFrames(frames, MostFrames, rooms.Length, RowTile.Rows);
        RowPipeline.Run((frames + most - 1) / most, rooms.Length, history, (piece, worker, turn) =>
        {
            var (start, count, room) = (piece * most, Math.Min(most, frames - piece * most), rooms[worker]);
            float* latent = room.Get(RowRoom.Samples, (long)count * latentStep);
            latents(start, count, latent);
            Stack(latent, latentStep, count, turn, room);
            Finish(count, turn, room, samples.Span.Slice(start * _config.HopLength, count * _config.HopLength),
                lowband is null ? default : lowband.AsSpan(start * _lowband!.Coefficients, count * _lowband.Coefficients));
        });
    }

    public void Dispose()
    {
        foreach (var part in (IDisposable?[])[_embed, _stack, .. _upsample, _headStack, _norm, _head, _pitch, _synthesis])
            part?.Dispose();
    }

    /// <summary>Latents to the rows that the head begins with.</summary>
    private void Stack(float* latent, int latentStep, int frames, RowTurn turn, RowRoom room)
    {
        var (width, headWidth, perFrame) = (_embed.Padded, _upsample[0].Padded, _config.SpectraPerFrame);
        float* x = room.Get(RowRoom.Main, (long)frames * width);
        _embed.Run(latent, latentStep, frames, new StoreSink(x, width));
        _stack.Run(x, frames, turn, 0, room.Get(RowRoom.Normed, (long)frames * width), room.Get(RowRoom.Inner, (long)frames * _stack.Inner));
        float* head = room.Get(RowRoom.Head, (long)frames * perFrame * headWidth);
        for (var part = 0; part < perFrame; part++)
            _upsample[part].Run(x, width, frames, new StoreSink(head + part * headWidth, (nint)perFrame * headWidth));
    }

    /// <summary>These rows to samples.</summary>
    private void Finish(int frames, RowTurn turn, RowRoom room, Span<float> samples, ReadOnlySpan<float> coefficients)
    {
        var (width, spectra) = (_upsample[0].Padded, frames * _config.SpectraPerFrame);
        float* head = room.Get(RowRoom.Head, (long)spectra * width);
        float* low = coefficients.IsEmpty ? null : Lowband(coefficients, turn, room);
        if (low is not null)
            _lowband!.AddEmbedded(low, spectra, head, width, room);
        float* normed = room.Get(RowRoom.Normed, (long)spectra * width);
        _headStack.Run(head, spectra, turn, _config.DecoderBlocks, normed, room.Get(RowRoom.Inner, (long)spectra * _headStack.Inner));
        _norm.Run(head, width, head, width, spectra);
        float* polar = room.Get(RowRoom.Spectra, (long)spectra * _polarStep + RowTile.Lanes);
        _head.Run(head, width, spectra, new StoreSink(polar, _polarStep));
        var layer = _config.DecoderBlocks + _config.HeadBlocks;
        if (_excitation is not null)
            Excite(head, width, spectra, polar, turn, layer + 1, room);
        if (low is not null)
            _lowband!.Mix(low, spectra, head, width, polar, _polarStep, room);
        _synthesis.Run(polar, _polarStep, spectra, turn, layer, room, samples, low, _config.Lowband?.Bins ?? 0);
    }

    private float* Lowband(ReadOnlySpan<float> coefficients, RowTurn turn, RowRoom room)
    {
        var layer = _config.DecoderBlocks + _config.HeadBlocks + 1 + (_excitation is null ? 0 : 1);
        float* spectra = _lowband!.Spectra(coefficients, turn.Enter(layer), room);
        turn.Leave(layer);
        return spectra;
    }

    /// <summary>Adds the excitation's phases to those of the spectra.</summary>
    private void Excite(float* head, int width, int spectra, float* polar, RowTurn turn, int layer, RowRoom room)
    {
        float* scores = room.Get(RowRoom.Inner, (long)spectra * _pitch!.Padded);
        _pitch.Run(head, width, spectra, new StoreSink(scores, _pitch.Padded));
        var memory = turn.Enter(layer);
        for (var i = 0; i < spectra; i++)
            _excitation!.Add(new ReadOnlySpan<float>(scores + (long)i * _pitch.Padded, _excitation.Outputs), memory,
                new Span<float>(polar + (long)i * _polarStep + _config.Bins, _config.Bins));
        turn.Leave(layer);
    }

    private static RowLinear[] Split(NativeWeights weights, string name, int parts)
    {
        var (weight, bias) = (weights[name + ".weight"], weights[name + ".bias"]);
        var (inputs, outputs) = (weight.Length / bias.Length, bias.Length / parts);
        return [.. Enumerable.Range(0, parts).Select(part => new RowLinear(
            weight.AsSpan(part * outputs * inputs, outputs * inputs), bias.AsSpan(part * outputs, outputs), inputs, weights.Memory))];
    }
}
