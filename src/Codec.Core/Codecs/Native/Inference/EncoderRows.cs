using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Codec.Core.Kernels;

namespace Codec.Core.Codecs.Native.Inference;

/// <summary>A <see cref="NativeEncoder"/> by own kernels, some frames at a time so that all fits the caches. Immutable; any number of threads may run it.</summary>
internal sealed unsafe class EncoderRows : IDisposable
{
    private const int MostFrames = 160;

    // As in NativeEncoder.
    private const float Floor = 1e-4f, Offset = 2, Scale = 0.4f;

    private readonly NativeConfig _config;
    private readonly RowLinear _embed, _project;
    private readonly RowNorm _embedNorm, _norm;
    private readonly ConvNeXtRowStack _stack;
    private readonly AlignedFloats _window;

    public EncoderRows(NativeConfig config, NativeWeights weights)
    {
        _config = config;
        _embed = weights.Linear("encoder.embed");
        _embedNorm = weights.Norm("encoder.embed_norm");
        _stack = new ConvNeXtRowStack(weights, "encoder.stack.", config.EncoderWidth, config.EncoderBlocks, config.Kernel);
        _norm = weights.Norm("encoder.norm");
        _project = weights.Linear("encoder.project");
        _window = HannWindow.Of(config.WindowLength);
    }

    /// <summary>Floats of a latent row: the dimension of the latent, padded.</summary>
    public int LatentStep => _project.Padded;

    /// <summary>Frames before a frame that its latent depends on.</summary>
    public int Context => _stack.Context + (_config.WindowLength - _config.StftHop + _config.HopLength - 1) / _config.HopLength;

    public RowHistory Start() => new([.. _stack.Histories, _config.WindowLength - _config.StftHop]);

    /// <summary>Encodes whole frames.</summary>
    /// <param name="samples">A multiple of the hop.</param>
    /// <param name="history">What came before.</param>
    /// <param name="rooms">Memory to work in: one for every thread.</param>
    /// <param name="done">Gets latents piece by piece, perhaps from several threads at once.</param>
    public void Run(ReadOnlySpan<float> samples, RowHistory history, RowRoom[] rooms, LatentTaker done)
    {
        var (hop, frames) = (_config.HopLength, samples.Length / _config.HopLength);
        var most = RowPipeline.PieceFrames(frames, MostFrames, rooms.Length, RowTile.Rows);
        fixed (float* first = samples)
        {
            float* from = first; // what is fixed cannot be used within a lambda
            RowPipeline.Run((frames + most - 1) / most, rooms.Length, history, (piece, worker, turn) =>
            {
                var (start, count) = (piece * most, Math.Min(most, frames - piece * most));
                done(start, count, Block(new ReadOnlySpan<float>(from + (long)start * hop, count * hop), count, turn, rooms[worker]), rooms[worker]);
            });
        }
    }

    public void Dispose()
    {
        foreach (var part in (IDisposable[])[_embed, _embedNorm, _stack, _norm, _project, _window])
            part.Dispose();
    }

    /// <returns>[frames][<see cref="LatentStep"/>].</returns>
    private float* Block(ReadOnlySpan<float> samples, int frames, RowTurn turn, RowRoom room)
    {
        var width = _embed.Padded;
        var spectra = Spectra(samples, frames, turn, room);
        float* x = room.Get(RowRoom.Main, (long)frames * width);
        float* normed = room.Get(RowRoom.Normed, (long)frames * Math.Max(width, LatentStep));
        _embed.Run(spectra, _embed.Inputs, frames, new StoreSink(x, width));
        _embedNorm.Run(x, width, x, width, frames);
        _stack.Run(x, frames, turn, 0, normed, room.Get(RowRoom.Inner, (long)frames * _stack.Inner));
        _norm.Run(x, width, x, width, frames);
        _project.Run(x, width, frames, new StoreSink(normed, LatentStep));
        return normed;
    }

    /// <summary>Scaled log magnitudes, the spectra of a frame side by side.</summary>
    private float* Spectra(ReadOnlySpan<float> samples, int frames, RowTurn turn, RowRoom room)
    {
        var past = turn.Enter(_config.EncoderBlocks);
        float* joined = room.Get(RowRoom.Samples, past.Length + samples.Length);
        past.CopyTo(new Span<float>(joined, past.Length));
        samples.CopyTo(new Span<float>(joined + past.Length, samples.Length));
        new Span<float>(joined + samples.Length, past.Length).CopyTo(past);
        turn.Leave(_config.EncoderBlocks);
        var count = frames * _config.SpectraPerFrame;
        float* spectra = room.Get(RowRoom.Spectra, (long)count * _config.Bins + RowTile.Lanes);
        var transform = room.Transform(_config.WindowLength);
        for (var first = 0; first < count; first += LaneFourier.Lanes)
            transform.Magnitudes(joined + first * _config.StftHop, _config.StftHop, Math.Min(LaneFourier.Lanes, count - first),
                _window.Pointer, spectra + (long)first * _config.Bins);
        ScaledLog(spectra, (long)count * _config.Bins);
        return spectra;
    }

    /// <param name="x">Has room for a whole vector more.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ScaledLog(float* x, long count)
    {
        for (var i = 0L; i < count; i += RowTile.Lanes)
        {
            var log = VectorMath.Log(Vector512.Max(Vector512.Load(x + i), Vector512.Create(Floor)));
            Vector512.Store((log + Vector512.Create(Offset)) * Vector512.Create(Scale), x + i);
        }
    }
}

/// <summary>Fills rows with the latents of some frames.</summary>
/// <param name="first">Number of the first frame.</param>
/// <param name="count">How many.</param>
/// <param name="latents">Rows; valid during the call.</param>
internal unsafe delegate void LatentSink(int first, int count, float* latents);

/// <summary>Takes the latents of some frames.</summary>
/// <param name="first">Number of the first frame.</param>
/// <param name="count">How many.</param>
/// <param name="latents">Rows; valid during the call.</param>
/// <param name="room">Memory of the thread that calls.</param>
internal unsafe delegate void LatentTaker(int first, int count, float* latents, RowRoom room);
