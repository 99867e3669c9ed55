using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Codec.Core.Bitstream;
using Codec.Core.Kernels;

namespace Codec.Core.Codecs.Native.Inference;

/// <summary>A <see cref="Lowband"/> by own kernels: audio to codes of coefficients and back, and what the decoder takes from them. Immutable; any number of threads may run it.</summary>
internal sealed unsafe class LowbandRows : IDisposable
{
    private const int Lanes = RowTile.Lanes, MostRows = 64;

    private readonly LowbandConfig _lowband;
    private readonly RowLinear _analysis, _level, _spectra, _embed, _trust;
    private readonly AlignedFloats _ones;
    private readonly int _hop, _past;

    public LowbandRows(NativeConfig config, LowbandConfig lowband, NativeWeights weights)
    {
        var basis = new LowbandBasis(config, lowband);
        (_lowband, _hop, _past) = (lowband, config.HopLength, basis.Frames - 1);
        _analysis = new RowLinear(basis.Analysis, [], 2 * _hop, weights.Memory);
        _spectra = new RowLinear(basis.Spectra, [], basis.Frames * lowband.Coefficients, weights.Memory);
        _level = weights.Linear("decoder.lowband.level");
        _trust = weights.Linear("decoder.lowband.trust");
        var embed = weights["decoder.lowband.embed.weight"];
        _embed = new RowLinear(embed, [], lowband.Bins, weights.Memory);
        _ones = new AlignedFloats(_embed.Padded);
        new Span<float>(_ones.Pointer, _embed.Padded).Fill(1);
    }

    public int Coefficients => _lowband.Coefficients;

    /// <summary>Samples before a frame that its coefficients depend on.</summary>
    public int AnalysisMemory => _hop;

    /// <summary>Numbers that a stream of coefficients remembers.</summary>
    public int Memory => _past * Coefficients;

    /// <summary>Frames before a frame whose coefficients its spectra depend on.</summary>
    public int Context => _past;

    /// <summary>Coefficients as shares of the largest that each may be.</summary>
    /// <param name="samples">Whole frames.</param>
    /// <param name="past">The <see cref="AnalysisMemory"/> samples before them; receives the last ones.</param>
    /// <param name="latents">[T][D] of the codes that are kept.</param>
    /// <returns>[T][K].</returns>
    public float[] Shares(ReadOnlySpan<float> samples, float[] past, float[] latents)
    {
        var frames = samples.Length / _hop;
        var shares = Largest(latents, frames);
        using var joined = new AlignedFloats(past.Length + samples.Length);
        using var rows = new AlignedFloats(MostRows * _analysis.Padded);
        past.CopyTo(new Span<float>(joined.Pointer, past.Length));
        samples.CopyTo(new Span<float>(joined.Pointer + past.Length, samples.Length));
        new Span<float>(joined.Pointer + samples.Length, past.Length).CopyTo(past);
        for (var first = 0; first < frames; first += MostRows)
        {
            var count = Math.Min(MostRows, frames - first);
            _analysis.Run(joined.Pointer + (long)first * _hop, _hop, count, new StoreSink(rows.Pointer, _analysis.Padded));
            for (var t = 0; t < count; t++)
                for (var k = 0; k < Coefficients; k++)
                    shares[(first + t) * Coefficients + k] = rows.Pointer[t * _analysis.Padded + k] / shares[(first + t) * Coefficients + k];
        }
        return shares;
    }

    /// <summary>Coefficients that codes stand for.</summary>
    /// <param name="codes">With the low band's books last.</param>
    /// <param name="item">Batch item.</param>
    /// <param name="latents">[T][D] of the codes before them.</param>
    /// <returns>[T][K].</returns>
    public float[] Values(Codes codes, int item, float[] latents)
    {
        var values = Largest(latents, codes.Frames);
        var (first, steps) = (codes.Books - Coefficients, LowbandBooks.Steps(codes.Specs[^1]));
        for (var k = 0; k < Coefficients; k++)
        {
            var book = codes[first + k, item];
            for (var t = 0; t < codes.Frames; t++)
                values[t * Coefficients + k] *= (book[t] - steps) * (1f / steps);
        }
        return values;
    }

    /// <summary>The spectra of coefficients.</summary>
    /// <param name="values">[T][K].</param>
    /// <param name="memory">Of the stream.</param>
    /// <param name="room">Receives [T][spectra of a frame][2 bins].</param>
    public float* Spectra(ReadOnlySpan<float> values, float[] memory, RowRoom room)
    {
        var frames = values.Length / Coefficients;
        float* joined = room.Get(RowRoom.Coefficients, memory.Length + values.Length);
        memory.CopyTo(new Span<float>(joined, memory.Length));
        values.CopyTo(new Span<float>(joined + memory.Length, values.Length));
        new Span<float>(joined + values.Length, memory.Length).CopyTo(memory);
        float* spectra = room.Get(RowRoom.Lowband, (long)frames * _spectra.Outputs + _spectra.Padded);
        // Rows are written one behind the other: the padding of one is overwritten by the next, which comes later.
        if (_spectra.Padded == _spectra.Outputs)
            _spectra.Run(joined, Coefficients, frames, new StoreSink(spectra, _spectra.Outputs));
        else
            for (var t = 0; t < frames; t++)
                _spectra.Run(joined + (long)t * Coefficients, Coefficients, 1, new StoreSink(spectra + (long)t * _spectra.Outputs, _spectra.Outputs));
        return spectra;
    }

    /// <summary>Adds what the head of the decoder sees of spectra.</summary>
    /// <param name="spectra">[N][2 bins].</param>
    /// <param name="count">N.</param>
    /// <param name="head">[N][step].</param>
    /// <param name="step">Floats of a row.</param>
    /// <param name="room">Memory to work in.</param>
    public void AddEmbedded(float* spectra, int count, float* head, int step, RowRoom room)
    {
        var (bins, padded) = (_lowband.Bins, RowLinear.Pad(_lowband.Bins));
        float* seen = room.Get(RowRoom.Windows, (long)count * padded);
        for (var n = 0; n < count; n++)
            Features(spectra + (long)n * 2 * bins, bins, seen + (long)n * padded);
        _embed.Run(seen, padded, count, new ResidualSink(head, step, _ones.Pointer));
    }

    /// <summary>Goes over from the decoder's own spectra to these, as <see cref="Lowband.Mix"/> does.</summary>
    /// <param name="spectra">[N][2 bins], scaled by their share.</param>
    /// <param name="count">N.</param>
    /// <param name="head">[N][step], what the head of the decoder makes of everything.</param>
    /// <param name="step">Floats of a row.</param>
    /// <param name="polar">[N][polarStep], log-magnitudes first: lowered by what these take over.</param>
    /// <param name="polarStep">Floats of a row.</param>
    /// <param name="room">Memory to work in.</param>
    public void Mix(float* spectra, int count, float* head, int step, float* polar, int polarStep, RowRoom room)
    {
        var bins = _lowband.Bins;
        float* trust = room.Get(RowRoom.Windows, (long)count * _trust.Padded);
        _trust.Run(head, step, count, new StoreSink(trust, _trust.Padded));
        for (var n = 0; n < count; n++)
            Mix(spectra + (long)n * 2 * bins, trust + (long)n * _trust.Padded, polar + (long)n * polarStep, bins, (float)_lowband.Smoothing);
    }

    public void Dispose()
    {
        foreach (var part in (IDisposable[])[_analysis, _level, _spectra, _embed, _trust, _ones])
            part.Dispose();
    }

    /// <summary>The largest that each coefficient may be, [T][K].</summary>
    private float[] Largest(float[] latents, int frames)
    {
        var result = new float[frames * Coefficients];
        var dimension = _level.Inputs;
        using var rows = new AlignedFloats(MostRows * _level.Padded);
        fixed (float* from = latents)
            for (var first = 0; first < frames; first += MostRows)
            {
                var count = Math.Min(MostRows, frames - first);
                _level.Run(from + (long)first * dimension, dimension, count, new StoreSink(rows.Pointer, _level.Padded));
                for (var i = 0; i < count * _level.Padded; i += Lanes)
                    Vector512.Store(VectorMath.Exp(Vector512.Load(rows.Pointer + i) * Vector512.Create((float)_lowband.Shape)) * Vector512.Create((float)_lowband.Range), rows.Pointer + i);
                for (var t = 0; t < count; t++)
                    new Span<float>(rows.Pointer + (long)t * _level.Padded, Coefficients).CopyTo(result.AsSpan((first + t) * Coefficients));
            }
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Features(float* spectrum, int bins, float* seen)
    {
        var i = 0;
        var (least, half, shift) = (Vector512.Create(Lowband.Floor * Lowband.Floor), Vector512.Create(Lowband.FeatureScale / 2), Vector512.Create(-MathF.Log(Lowband.Floor) * Lowband.FeatureScale));
        for (; i + Lanes <= bins; i += Lanes)
        {
            var (re, im) = (Vector512.Load(spectrum + i), Vector512.Load(spectrum + bins + i));
            var power = Vector512.Max(re * re + im * im, least);
            Vector512.Store(VectorMath.Log(power) * half + shift, seen + i);
        }
        for (; i < bins; i++)
        {
            var (re, im) = (spectrum[i], spectrum[bins + i]);
            var power = MathF.Max(re * re + im * im, Lowband.Floor * Lowband.Floor);
            seen[i] = (VectorMath.Log(Vector512.Create(power)) * half + shift)[0];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Mix(float* spectrum, float* trust, float* polar, int bins, float smoothing)
    {
        var i = 0;
        for (; i + Lanes <= bins; i += Lanes)
        {
            var (re, im, own) = (Vector512.Load(spectrum + i), Vector512.Load(spectrum + bins + i), Vector512.Load(polar + i));
            var gain = Mix(re * re + im * im, Vector512.Load(trust + i), Vector512.Load(trust + bins + i), smoothing, ref own);
            Vector512.Store(re * gain, spectrum + i);
            Vector512.Store(im * gain, spectrum + bins + i);
            Vector512.Store(own, polar + i);
        }
        for (; i < bins; i++)
        {
            var own = Vector512.Create(polar[i]);
            var gain = Mix(Vector512.Create(spectrum[i] * spectrum[i] + spectrum[bins + i] * spectrum[bins + i]), Vector512.Create(trust[i]), Vector512.Create(trust[bins + i]), smoothing, ref own)[0];
            (spectrum[i], spectrum[bins + i], polar[i]) = (spectrum[i] * gain, spectrum[bins + i] * gain, own[0]);
        }
    }

    /// <returns>The gain of the spectra.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Mix(Vector512<float> power, Vector512<float> trust, Vector512<float> logGain, float smoothing, ref Vector512<float> own)
    {
        var least = Vector512.Create(Lowband.Floor * Lowband.Floor);
        var stronger = VectorMath.Log(Vector512.Max(power, least)) * Vector512.Create(0.5f) - Vector512.Min(own, Vector512.Create(NativeDecoder.MaxLogMagnitude));
        var share = Vector512.Max(Vector512.Min(trust + stronger * Vector512.Create(Lowband.Slope), Vector512.Create(Lowband.MostTrust)), Vector512.Create(-Lowband.MostTrust));
        var known = Vector512.GreaterThan(power, least);
        logGain = logGain * (1 - smoothing) - stronger * smoothing;
        own = Vector512.ConditionalSelect(known, own + VectorMath.Log(VectorMath.Sigmoid(-share)), own);
        return Vector512.ConditionalSelect(known, VectorMath.Sigmoid(share) * VectorMath.Exp(Vector512.Min(logGain, Vector512.Create(Lowband.MostLogGain))), Vector512<float>.Zero);
    }
}
