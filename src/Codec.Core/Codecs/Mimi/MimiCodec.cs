using Codec.Core.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Mimi;

/// <summary>
/// Mimi as a codec: causal, 12.5 frames/s as published. Streams any number of samples per call; long signals are coded in the same way, so that memory
/// stays flat. The signal is filled with zeros to whole frames.
/// </summary>
public sealed class MimiCodec : ICodec, IReducedPrecision
{
    private const int ChunkFrames = 64; // about five seconds: the transformers read 100 MB of weights for every chunk
    private readonly MimiModel _model;

    /// <param name="model">Owned from now on.</param>
    /// <param name="config">The model's.</param>
    /// <param name="info">What callers see.</param>
    public MimiCodec(MimiModel model, MimiConfig config, CodecInfo info)
    {
        (_model, Config, Info) = (model, config, info);
        model.eval();
    }

    public MimiConfig Config { get; }

    public CodecInfo Info { get; }

    public Device Device => CPU;

    /// <summary>The network, for comparisons and training.</summary>
    public MimiModel Model => _model;

    public Codes Encode(Tensor audio_BCS, int? books = null, StreamState? state = null)
    {
        if (audio_BCS.dim() != 3 || audio_BCS.shape[1] != Info.Channels)
            throw new ArgumentException($"audio: expected [B, {Info.Channels}, S], found [{string.Join(", ", audio_BCS.shape)}]", nameof(audio_BCS));
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var audio_BSC = audio_BCS.to(ScalarType.Float32).cpu().transpose(1, 2).contiguous();
        if (state is not null)
            return Quantize(_model.Encode(FillStream(audio_BSC, state), state, Config.RingBufferStreams), books);
        return Codes.Concat([.. EncodeWhole(Fill(audio_BSC, audio_BSC.shape[1]), books)]);
    }

    public void UseBFloat16() => ReducedLayers.Use(_model); // the quantizer has no such layers

    public Tensor Decode(Codes codes, long? samples = null, StreamState? state = null)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var audio_BSC = state is not null ? DecodeFrames(codes, state, Config.RingBufferStreams) : DecodeWhole(codes);
        if (state is null && samples is { } wanted)
            audio_BSC = audio_BSC.shape[1] >= wanted ? audio_BSC.narrow(1, 0, wanted) : nn.functional.pad(audio_BSC, [0, 0, 0, wanted - audio_BSC.shape[1]]);
        return audio_BSC.transpose(1, 2).contiguous().MoveToOuterDisposeScope();
    }

    public void Dispose() => _model.Dispose();

    private IEnumerable<Codes> EncodeWhole(Tensor audio_BSC, int? books)
    {
        using var state = new StreamState();
        var (start, chunk, length) = (0L, (long)ChunkFrames * Info.HopLength, audio_BSC.shape[1]);
        do
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(chunk, length - start);
            state.Ending = start + count == length;
            yield return Quantize(_model.Encode(audio_BSC.narrow(1, start, count).contiguous(), state, ringBuffer: false), books);
            start += count;
        }
        while (start < length);
    }

    private Tensor DecodeWhole(Codes codes)
    {
        using var state = new StreamState();
        var audio_BSC = empty(codes.Batch, (long)codes.Frames * Info.HopLength, Info.Channels);
        for (var (start, written) = (0, 0L); start < codes.Frames; start += ChunkFrames)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(ChunkFrames, codes.Frames - start);
            state.Ending = start + count == codes.Frames;
            var part_BSC = DecodeFrames(codes.Slice(start, count), state, ringBuffer: false);
            audio_BSC.narrow(1, written, part_BSC.shape[1]).copy_(part_BSC);
            written += part_BSC.shape[1];
        }
        return audio_BSC;
    }

    private Tensor DecodeFrames(Codes codes, StreamState state, bool ringBuffer)
    {
        var latent_BTD = codes.Frames == 0
            ? empty(codes.Batch, 0, Config.Seanet.Dimension)
            : _model.Quantizer.Decode(CodeTensors.ToTensor(codes, CPU));
        return _model.Decode(latent_BTD, state, ringBuffer);
    }

    private Codes Quantize(Tensor latent_BTD, int? books)
    {
        var count = books ?? Config.Books;
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1, nameof(books));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Config.Books, nameof(books));
        using var codes_BKT = latent_BTD.shape[1] == 0
            ? empty([latent_BTD.shape[0], count, 0], dtype: ScalarType.Int64)
            : _model.Quantizer.Encode(latent_BTD, count);
        return CodeTensors.ToCodes(codes_BKT, Info.Books);
    }

    /// <summary>Zeros up to a whole number of frames of a signal of <paramref name="length"/> samples.</summary>
    private Tensor Fill(Tensor audio_BSC, long length)
    {
        var missing = (Info.HopLength - length % Info.HopLength) % Info.HopLength;
        return missing == 0 ? audio_BSC : nn.functional.pad(audio_BSC, [0, 0, 0, missing]);
    }

    /// <summary>At the end of a stream, fills its last frame.</summary>
    private Tensor FillStream(Tensor audio_BSC, StreamState state)
    {
        var counter = state.Slot(this, () => new SampleCounter());
        counter.Samples += audio_BSC.shape[1];
        return state.Ending ? Fill(audio_BSC, counter.Samples) : audio_BSC;
    }

    private sealed class SampleCounter : IStreamSlot
    {
        public long Samples { get; set; }

        public IStreamSlot Fork() => new SampleCounter { Samples = Samples };

        public void Dispose()
        {
        }
    }
}
