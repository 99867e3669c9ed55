using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Codec.Core.Bitstream;
using Codec.Core.Kernels;
using Codec.Core.Quantizers;
using Codec.Core.Runtime;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Native.Inference;

/// <summary>
/// A native model by own float32 kernels: a snapshot of its weights. Codes and samples have the same bits however the signal is
/// cut, batched or spread over threads. Immutable; any number of threads may run it.
/// </summary>
internal sealed unsafe class NativeKernels : IDisposable
{
    private readonly NativeConfig _config;
    private readonly EncoderRows _encoder;
    private readonly DecoderRows _decoder;
    private readonly LowbandRows? _lowband;
    private readonly QuantizerRows? _books;
    private readonly IQuantizer? _quantizer;
    private readonly WeightMemory _memory;
    private readonly ConcurrentBag<RowRoom> _rooms = [];

    /// <param name="config">Of the model.</param>
    /// <param name="weights">Of the model.</param>
    /// <param name="quantizer">Runs where the kernels do not know the config's quantizer.</param>
    public NativeKernels(NativeConfig config, NativeWeights weights, IQuantizer? quantizer)
    {
        (_config, _memory) = (config, weights.Memory);
        _encoder = new EncoderRows(config, weights);
        _lowband = config.Lowband is { } lowband ? new LowbandRows(config, lowband, weights) : null;
        _decoder = new DecoderRows(config, weights, _lowband);
        (_books, _quantizer) = NativeShapes.Covers(config) ? (new QuantizerRows(config, weights), (IQuantizer?)null) : (null, quantizer);
    }

    /// <summary>Whether codes can be searched for with more effort than by nearest entries.</summary>
    public bool Searches => _books is not null;

    /// <summary>Entries of a book, where <see cref="Searches"/>: [V][D].</summary>
    public float[] Entries(int book) => _books!.Entries(book);

    /// <summary>Frames before a frame that its codes depend on.</summary>
    public int EncoderContext => _encoder.Context;

    /// <summary>Frames before a frame that its samples depend on.</summary>
    public int DecoderContext => _decoder.Context;

    /// <param name="samples_BS">Items one after the other; whole frames each.</param>
    /// <param name="batch">B.</param>
    /// <param name="books">How many to code.</param>
    /// <param name="state">Stream memory; null = offline.</param>
    /// <param name="effort">0 to 3; above 0 needs <see cref="Searches"/>.</param>
    /// <param name="priced">Chooses among the codes that were found by their price; frames begin a block.</param>
    public Codes Encode(ReadOnlySpan<float> samples_BS, int batch, int books, StreamState? state, int effort = 0, RateAwareSearch? priced = null)
    {
        var samples = batch == 0 ? 0 : samples_BS.Length / batch;
        var frames = samples / _config.HopLength;
        var specs = _config.Quantizer.BookSpecs();
        var codes = new int[effort == 0 ? books : ResidualSearch.Searched(books, specs.Count)][][];
        for (var book = 0; book < codes.Length; book++)
            codes[book] = [.. Enumerable.Range(0, batch).Select(_ => new int[frames])];
        var histories = Histories(state, "encoder", batch, _encoder.Start);
        var rooms = Rent(frames);
        for (var item = 0; item < batch; item++)
            Encode(samples_BS.Slice(item * samples, samples), histories[item], rooms, [.. codes.Select(book => book[item])], books, effort, priced);
        Return(rooms);
        return new Codes([.. specs.Take(books)], codes[..books], frames);
    }

    /// <summary>Codes of the low band behind those of the first books.</summary>
    /// <param name="samples_BS">As for the codes.</param>
    /// <param name="codes">Of the books that are kept.</param>
    /// <param name="steps">See <see cref="LowbandBooks"/>.</param>
    /// <param name="state">Stream memory; null = offline.</param>
    public Codes WithLowband(ReadOnlySpan<float> samples_BS, Codes codes, int steps, StreamState? state)
    {
        var samples = codes.Frames * _config.HopLength;
        var past = Histories(state, "lowband", codes.Batch, () => new RowHistory([_lowband!.AnalysisMemory]));
        var shares = new float[codes.Batch][];
        for (var item = 0; item < shares.Length; item++)
            shares[item] = _lowband!.Shares(samples_BS.Slice(item * samples, samples), past[item][0], Sums(codes, item, codes.Books));
        return LowbandBooks.Join(codes, shares, _lowband!.Coefficients, steps);
    }

    /// <summary>See <see cref="LowbandRows.Shares"/>.</summary>
    public float[] LowbandShares(ReadOnlySpan<float> samples, Codes codes)
        => _lowband!.Shares(samples, new float[_lowband.AnalysisMemory], Sums(codes, 0, codes.Books));

    /// <summary>As <see cref="Decode(Codes, StreamState?, NestedEntries?)"/>, of codes with a low band.</summary>
    public float[] DecodeLowband(Codes codes, StreamState? state)
    {
        var first = codes.Take(codes.Books - _lowband!.Coefficients);
        return Decode(codes.Batch, codes.Frames, state, item => Latents(first, item, null), item => _lowband.Values(codes, item, Sums(first, item, first.Books)));
    }

    /// <summary>Sums of code vectors, [T][D].</summary>
    private float[] Sums(Codes codes, int item, int books)
    {
        var sums = new float[codes.Frames * _config.LatentDim];
        fixed (float* to = sums)
            _books!.Decode(codes.Take(books), item, 0, codes.Frames, to, null);
        return sums;
    }

    /// <param name="codes">Every code within its book.</param>
    /// <param name="state">Stream memory; null = offline.</param>
    /// <param name="nested">The last book, where it is shrunk.</param>
    /// <returns>Items one after the other.</returns>
    public float[] Decode(Codes codes, StreamState? state, NestedEntries? nested = null) => Decode(codes.Batch, codes.Frames, state, item => Latents(codes, item, nested));

    /// <summary>The same from latents.</summary>
    /// <param name="latent_BTD">[B][T][D].</param>
    /// <param name="batch">B.</param>
    /// <param name="frames">T.</param>
    /// <param name="state">Stream memory; null = offline.</param>
    public float[] Decode(float[] latent_BTD, int batch, int frames, StreamState? state) => Decode(batch, frames, state, item => (first, count, latents) =>
        latent_BTD.AsSpan((item * frames + first) * _config.LatentDim, count * _config.LatentDim).CopyTo(new Span<float>(latents, count * _config.LatentDim)));

    public void Dispose()
    {
        _encoder.Dispose();
        _decoder.Dispose();
        _lowband?.Dispose();
        _books?.Dispose();
        _memory.Dispose();
        while (_rooms.TryTake(out var room))
            room.Dispose();
    }

    private void Encode(ReadOnlySpan<float> samples, RowHistory history, RowRoom[] rooms, int[][] codes, int books, int effort, RateAwareSearch? priced)
    {
        var step = _encoder.LatentStep;
        var dimension = _config.LatentDim;
        var kept = new float[priced is null ? 0 : codes[0].Length * dimension]; // quantizing overwrites the latents
        _encoder.Run(samples, history, rooms, (first, count, latents, room) =>
        {
            for (var row = 0; row < count && priced is not null; row++)
                new Span<float>(latents + (long)row * step, dimension).CopyTo(kept.AsSpan((first + row) * dimension));
            if (_books is not null)
                _books.Encode(latents, step, count, room, codes, first, effort);
            else
                Search(latents, step, count, codes, first);
        });
        priced?.Improve(kept, codes[..books]);
    }

    private float[] Decode(int batch, int frames, StreamState? state, Func<int, LatentSink> latents, Func<int, float[]>? lowband = null)
    {
        var samples = frames * _config.HopLength;
        var result = new float[batch * samples];
        var histories = Histories(state, "decoder", batch, _decoder.Start);
        var rooms = Rent(frames);
        for (var item = 0; item < batch; item++)
            _decoder.Run(frames, histories[item], rooms, latents(item), _config.LatentDim, result.AsMemory(item * samples, samples), lowband?.Invoke(item));
        Return(rooms);
        return result;
    }

    private LatentSink Latents(Codes codes, int item, NestedEntries? nested)
    {
        if (_books is not null)
            return (first, count, latents) => _books.Decode(codes, item, first, count, latents, nested);
        return (first, count, latents) =>
        {
            using var mode = inference_mode();
            using var scope = NewDisposeScope();
            using var codes_BKT = CodeTensors.ToTensor(codes.Row(item).Slice(first, count), CPU);
            var latent_BTD = _quantizer!.Decode(codes_BKT).contiguous();
            MemoryMarshal.Cast<byte, float>(latent_BTD.bytes).CopyTo(new Span<float>(latents, count * _config.LatentDim));
        };
    }

    /// <summary>Codes by the operators of a quantizer.</summary>
    private void Search(float* latents, int step, int count, int[][] codes, int first)
    {
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        var rows = new float[count * _config.LatentDim];
        for (var row = 0; row < count; row++)
            new Span<float>(latents + (long)row * step, _config.LatentDim).CopyTo(rows.AsSpan(row * _config.LatentDim));
        var found = CodeTensors.ToCodes(_quantizer!.Encode(tensor(rows, [1, count, _config.LatentDim]), codes.Length), _config.Quantizer.BookSpecs());
        for (var book = 0; book < codes.Length; book++)
            found[book].CopyTo(codes[book].AsSpan(first));
    }

    /// <summary>Memory for as many threads as may work at once; the operators of a quantizer bring their own.</summary>
    private RowRoom[] Rent(int frames)
        => [.. Enumerable.Range(0, frames > 1 && _books is not null ? TorchRuntime.Threads : 1).Select(_ => _rooms.TryTake(out var room) ? room : new RowRoom())];

    private void Return(RowRoom[] rooms)
    {
        foreach (var room in rooms)
            _rooms.Add(room);
    }

    private RowHistory[] Histories(StreamState? state, string name, int batch, Func<RowHistory> start)
    {
        RowHistory[] Create() => [.. Enumerable.Range(0, batch).Select(_ => start())];
        if (state is null)
            return Create();
        var items = state.Slot(this, () => new BatchHistory(Create()), name).Items;
        ArgumentOutOfRangeException.ThrowIfNotEqual(items.Length, batch);
        return items;
    }

    private sealed class BatchHistory(RowHistory[] items) : IStreamSlot
    {
        public RowHistory[] Items => items;

        public IStreamSlot Fork() => new BatchHistory([.. items.Select(item => (RowHistory)item.Fork())]);

        public void Dispose()
        {
        }
    }
}
