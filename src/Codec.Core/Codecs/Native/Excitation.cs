using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Codec.Core.Codecs.Native.Inference;
using Codec.Core.Kernels;

namespace Codec.Core.Codecs.Native;

/// <summary>
/// Phases that spectra have by the pitch alone, to which the network adds those of the vocal tract: a source-filter model (harmonics plus
/// noise, Stylianou 2001; sources for neural vocoders, Wang et al. 2019). The network cannot keep count of periods, so its frames would
/// cancel each other where the voice holds a tone. Here the fundamental's phase is summed up from one spectrum to the next, harmonic h of it
/// turns h times as fast, and every bin gets the phase of the harmonic that is nearest. Where there is no voice, and above <see cref="ExcitationConfig.VoicedHertz"/>,
/// phases are those of one steady noise, whose windows fit together as those of a recording do; the network's do not count there.
/// Phases are counted in whole 2^-32 turns: exact in any chunking. They are counted from 0 again every <see cref="ExcitationConfig.PeriodSpectra"/>,
/// what that changes being spread over <see cref="Ramp"/> spectra, so that nothing older than that matters.
/// </summary>
internal sealed class Excitation
{
    /// <summary>Spectra over which a new count is approached: at most half a turn, which bends the pitch by under 1 Hz at 10 ms a spectrum.</summary>
    public const int Ramp = 64;

    /// <summary>Floats that a stream remembers: place in the period, last step, count and offset in halves that floats hold exactly.</summary>
    public const int Memory = 6;

    // Steps between two classes: the mean of the likeliest class and its neighbours is rounded to these.
    private const int Fine = 16;

    // Unvoiced must be this many times likelier: noise in a voice is heard more than a tone in noise, and YIN, from which it is learned, misses weak voices.
    private const double Doubt = 8;

    private readonly uint[] _increments; // turns of the fundamental from one spectrum to the next, 2^-32
    private readonly float[] _harmonicsPerBin;
    private readonly int _classes, _period, _spectrumBins;
    private readonly Lazy<float[]> _noise; // phases [period][bins]

    public Excitation(NativeConfig config, ExcitationConfig excitation)
    {
        (_classes, _period, _spectrumBins) = (excitation.Classes, excitation.PeriodSpectra, config.Bins);
        _noise = new Lazy<float[]>(() => Noise(config, _period));
        var binHertz = (double)config.SampleRate / config.WindowLength;
        Bins = Math.Min(config.Bins, (int)Math.Ceiling(excitation.VoicedHertz / binHertz)) / RowTile.Lanes * RowTile.Lanes;
        var hertz = Enumerable.Range(0, (_classes - 1) * Fine + 1).Select(step => excitation.HertzAt((double)step / Fine)).ToArray();
        _increments = [.. hertz.Select(f => (uint)(long)Math.Round(f * config.StftHop / config.SampleRate * 4294967296.0))];
        _harmonicsPerBin = [.. hertz.Select(f => (float)(binHertz / f))];
    }

    /// <summary>Bins of voiced spectra that follow the pitch.</summary>
    public int Bins { get; }

    /// <summary>Classes and "unvoiced", the last.</summary>
    public int Outputs => _classes + 1;

    /// <summary>Adds the harmonics' phases to those of one spectrum after the other, or puts the noise's in their place.</summary>
    /// <param name="scores">Of the classes, for one spectrum.</param>
    /// <param name="memory">What the stream remembers, <see cref="Memory"/> floats, zeros at its start.</param>
    /// <param name="phases">The spectrum's phases in radians.</param>
    /// <returns>Bins, from the lowest on, that were added to: <see cref="Bins"/> or none.</returns>
    public int Add(ReadOnlySpan<float> scores, Span<float> memory, Span<float> phases)
    {
        var step = Decide(scores);
        var place = (int)memory[0];
        var turns = Advance(memory, place, step);
        if (step >= 0)
            AddHarmonics(turns, _harmonicsPerBin[step], phases);
        var first = step >= 0 ? Bins : 0;
        _noise.Value.AsSpan(place * _spectrumBins + first, _spectrumBins - first).CopyTo(phases[first..]);
        return first;
    }

    /// <summary>Step of the likeliest fundamental frequency, or -1.</summary>
    private int Decide(ReadOnlySpan<float> scores)
    {
        var best = 0;
        for (var i = 1; i < _classes; i++)
            if (scores[i] > scores[best])
                best = i;
        var (first, last) = (Math.Max(0, best - 2), Math.Min(_classes - 1, best + 2));
        double sum = 0, weighted = 0;
        for (var i = first; i <= last; i++)
        {
            var weight = Math.Exp(scores[i] - scores[best]);
            (sum, weighted) = (sum + weight, weighted + weight * (i - best));
        }
        if (Math.Exp(scores[_classes] - scores[best]) > Doubt * sum)
            return -1;
        return Math.Clamp((int)Math.Round((best + weighted / sum) * Fine), 0, _increments.Length - 1);
    }

    /// <summary>Moves the fundamental on to this spectrum.</summary>
    /// <returns>Its phase.</returns>
    private uint Advance(Span<float> memory, int place, int step)
    {
        var before = (int)memory[1] - 1;
        var (count, offset) = (Join(memory[2], memory[3]), (int)Join(memory[4], memory[5]));
        if (step >= 0)
            count += before < 0 ? _increments[step] : (uint)(((ulong)_increments[step] + _increments[before]) / 2);
        if (place == 0)
            (count, offset) = (0, (int)count);
        (memory[0], memory[1]) = ((place + 1) % _period, step + 1);
        (memory[2], memory[3], memory[4], memory[5]) = (count >> 16, count & 0xffff, (uint)offset >> 16, (uint)offset & 0xffff);
        return count + (uint)((long)offset * Math.Max(0, Ramp - place) / Ramp);
    }

    private static uint Join(float high, float low) => ((uint)high << 16) | (uint)low;

    private void AddHarmonics(uint turns, float harmonicsPerBin, Span<float> phases)
    {
        var lanes = Vector512.CreateSequence(0f, 1f);
        // A window starts half its length before its middle, by which the phase is meant: half a turn more for every bin.
        var halves = Vector512.ShiftLeft(Vector512.CreateSequence(0u, 1u), 31);
        for (var k = 0; k < Bins; k += RowTile.Lanes)
        {
            var nearest = Vector512.FusedMultiplyAdd(lanes + Vector512.Create((float)k), Vector512.Create(harmonicsPerBin), Vector512.Create(0.5f));
            var harmonic = Vector512.Max(Vector512.ConvertToInt32(nearest), Vector512<int>.One).AsUInt32();
            AddTurns(harmonic * Vector512.Create(turns) + halves, ref phases[k]);
        }
    }

    /// <summary>Phases of the windows of a noise that begins again after so many of them.</summary>
    private static unsafe float[] Noise(NativeConfig config, int windows)
    {
        var (samples, hop) = (windows * config.StftHop, config.StftHop);
        using var noise = new AlignedFloats(samples + config.WindowLength);
        for (var i = 0; i < samples + config.WindowLength; i++)
        {
            // Mixing steps of a 32-bit hash: multiply, fold the high half down.
            var hash = (uint)(i % samples + 1) * 0x9E3779B1u;
            hash = (hash ^ (hash >> 15)) * 0x85EBCA77u;
            hash = (hash ^ (hash >> 13)) * 0xC2B2AE3Du;
            noise.Pointer[i] = (int)(hash ^ (hash >> 16)) * (1f / int.MaxValue);
        }
        using var shape = HannWindow.Of(config.WindowLength);
        using var transform = new LaneSpectrum(config.WindowLength);
        var phases = new float[windows * config.Bins];
        fixed (float* p = phases)
            for (var first = 0; first < windows; first += LaneFourier.Lanes)
                transform.Phases(noise.Pointer + first * hop, hop, Math.Min(LaneFourier.Lanes, windows - first), shape.Pointer, p + first * config.Bins);
        return phases;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddTurns(Vector512<uint> turns, ref float phases)
    {
        var radians = Vector512.ConvertToSingle(turns.AsInt32()) * Vector512.Create((float)(2 * Math.PI / 4294967296.0));
        (Vector512.LoadUnsafe(ref phases) + radians).StoreUnsafe(ref phases);
    }
}
