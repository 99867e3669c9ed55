using Codec.Core.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Encodec;

/// <summary>
/// EnCodec as a codec. The causal model streams any number of samples per call, and codes long signals in the same way, so that memory stays flat.
/// The segmented model codes independent segments; their levels travel in <see cref="Codes.Segments"/>.
/// </summary>
public sealed class EncodecCodec : ICodec, IReducedPrecision
{
    private const double ChunkSeconds = 2;
    private readonly EncodecModel _model;

    /// <param name="model">Owned from now on.</param>
    /// <param name="config">The model's.</param>
    /// <param name="info">What callers see.</param>
    public EncodecCodec(EncodecModel model, EncodecConfig config, CodecInfo info)
    {
        (_model, Config, Info) = (model, config, info);
        model.eval();
    }

    public EncodecConfig Config { get; }

    public CodecInfo Info { get; }

    public Device Device => CPU;

    /// <summary>The network, for comparisons and training.</summary>
    public EncodecModel Model => _model;

    public Codes Encode(Tensor audio_BCS, int? books = null, StreamState? state = null)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var audio_BSC = ToFrames(audio_BCS);
        if (Config.SegmentLength is not null)
            return EncodeSegments(RequireOffline(audio_BSC, state), books);
        if (state is null && Info.Causal && audio_BSC.shape[1] > 2 * ChunkSamples)
            return EncodeLong(audio_BSC, books);
        if (state is null && audio_BSC.shape[1] == 0)
            return Quantize(empty(audio_BSC.shape[0], 0, Config.Seanet.Dimension), books);
        return Quantize(_model.Encoder.Run(Streamable(audio_BSC, state), state), books);
    }

    public Tensor Decode(Codes codes, long? samples = null, StreamState? state = null)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        Tensor audio_BSC;
        if (Config.SegmentLength is not null)
            audio_BSC = DecodeSegments(RequireOffline(codes, state));
        else if (state is null && Info.Causal && codes.Frames > 2 * ChunkSamples / Info.HopLength)
            audio_BSC = DecodeLong(codes);
        else
            audio_BSC = DecodeFrames(codes, state);
        if (state is null && samples is { } wanted)
            audio_BSC = Fit(audio_BSC, wanted);
        return audio_BSC.transpose(1, 2).contiguous().MoveToOuterDisposeScope();
    }

    public void UseBFloat16() => ReducedLayers.Use(_model.Encoder, _model.Decoder);

    /// <summary>Encoder output before quantization, of a whole signal or (normalised) segment.</summary>
    /// <returns>[B, D, T].</returns>
    public Tensor Latent(Tensor audio_BCS)
    {
        using var scope = NewDisposeScope();
        return _model.Encoder.Run(ToFrames(audio_BCS)).transpose(1, 2).contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>Levels of a segment: sqrt(mean of the squared mean over channels) + 1e-8.</summary>
    /// <param name="segment_BSC">Audio.</param>
    /// <returns>[B, 1, 1].</returns>
    public static Tensor Scale(Tensor segment_BSC) => segment_BSC.mean([2], keepdim: true).square().mean([1], keepdim: true).sqrt() + 1e-8;

    public void Dispose() => _model.Dispose();

    private int ChunkSamples => Math.Max(1, (int)(ChunkSeconds * Config.SampleRate) / Info.HopLength) * Info.HopLength;

    private Codes EncodeLong(Tensor audio_BSC, int? books)
    {
        using var state = new StreamState();
        var parts = new List<Codes>();
        for (var start = 0L; start < audio_BSC.shape[1]; start += ChunkSamples)
        {
            using var scope = NewDisposeScope();
            var length = Math.Min(ChunkSamples, audio_BSC.shape[1] - start);
            state.Ending = start + length == audio_BSC.shape[1];
            parts.Add(Quantize(_model.Encoder.Run(audio_BSC.narrow(1, start, length).contiguous(), state), books));
        }
        return Codes.Concat(parts);
    }

    private Tensor DecodeLong(Codes codes)
    {
        using var state = new StreamState();
        var frames = ChunkSamples / Info.HopLength;
        var audio_BSC = empty(codes.Batch, (long)codes.Frames * Info.HopLength, Config.Seanet.Channels);
        var written = 0L;
        for (var start = 0; start < codes.Frames; start += frames)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(frames, codes.Frames - start);
            state.Ending = start + count == codes.Frames;
            var part_BSC = DecodeFrames(codes.Slice(start, count), state);
            audio_BSC.narrow(1, written, part_BSC.shape[1]).copy_(part_BSC);
            written += part_BSC.shape[1];
        }
        return audio_BSC;
    }

    private Codes EncodeSegments(Tensor audio_BSC, int? books)
    {
        var parts = new List<Codes>();
        for (var start = 0L; start < audio_BSC.shape[1]; start += Config.SegmentStride!.Value)
        {
            using var scope = NewDisposeScope();
            var segment_BSC = audio_BSC.narrow(1, start, Math.Min(Config.SegmentLength!.Value, audio_BSC.shape[1] - start)).contiguous();
            float[]? scales = null;
            if (Config.Normalize)
            {
                var scale_B11 = Scale(segment_BSC);
                scales = scale_B11.reshape(-1).data<float>().ToArray();
                segment_BSC = segment_BSC / scale_B11;
            }
            var part = Quantize(_model.Encoder.Run(segment_BSC), books);
            parts.Add(part.WithSegments([new CodeSegment(part.Frames, scales ?? Enumerable.Repeat(1f, part.Batch).ToArray())]));
        }
        return parts.Count > 0 ? Codes.Concat(parts) : Quantize(empty(audio_BSC.shape[0], 0, Config.Seanet.Dimension), books).WithSegments([]);
    }

    private Tensor DecodeSegments(Codes codes)
    {
        var segments = codes.Segments ?? throw new ArgumentException("codes of a segmented model without segments", nameof(codes));
        if (codes.Frames == 0)
            return empty(codes.Batch, 0, Config.Seanet.Channels);
        var decoded = new List<Tensor>();
        var start = 0;
        foreach (var segment in segments)
        {
            using var scope = NewDisposeScope();
            var scale_B11 = tensor(segment.Scales.ToArray()).reshape(-1, 1, 1);
            decoded.Add((DecodeFrames(codes.Slice(start, segment.Frames), null) * scale_B11).MoveToOuterDisposeScope());
            start += segment.Frames;
        }
        var items = Enumerable.Range(0, codes.Batch).Select(item => Join(decoded.Select(d => Channels(d[item])).ToArray()));
        return stack(items.Select(channels => stack(channels.Select(c => tensor(c)), 1)));
    }

    private float[][] Join(float[][][] segments) => segments.Length == 1 ? segments[0] : OverlapAdd.Join(segments, Config.SegmentStride!.Value);

    private static float[][] Channels(Tensor audio_SC)
    {
        using var scope = NewDisposeScope();
        return Enumerable.Range(0, (int)audio_SC.shape[1]).Select(c => audio_SC.select(1, c).contiguous().data<float>().ToArray()).ToArray();
    }

    private Tensor DecodeFrames(Codes codes, StreamState? state)
    {
        if (codes.Frames == 0 && state is null)
            return empty(codes.Batch, 0, Config.Seanet.Channels);
        var latent_BTD = codes.Frames == 0
            ? empty(codes.Batch, 0, Config.Seanet.Dimension)
            : _model.Quantizer.Decode(CodeTensors.ToTensor(codes, CPU)).contiguous();
        return _model.Decoder.Run(Streamable(latent_BTD, state), state);
    }

    private Codes Quantize(Tensor latent_BTD, int? books)
    {
        var count = books ?? Config.Books;
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1, nameof(books));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Config.Books, nameof(books));
        var codes_BKT = latent_BTD.shape[1] == 0
            ? empty([latent_BTD.shape[0], count, 0], dtype: ScalarType.Int64)
            : _model.Quantizer.Encode(latent_BTD, count);
        return CodeTensors.ToCodes(codes_BKT, Info.Books);
    }

    private Tensor ToFrames(Tensor audio_BCS)
    {
        if (audio_BCS.dim() != 3 || audio_BCS.shape[1] != Config.Seanet.Channels)
            throw new ArgumentException($"audio: expected [B, {Config.Seanet.Channels}, S], found [{string.Join(", ", audio_BCS.shape)}]", nameof(audio_BCS));
        return audio_BCS.to(ScalarType.Float32).cpu().transpose(1, 2).contiguous();
    }

    private T RequireOffline<T>(T input, StreamState? state) => state is null
        ? input
        : throw new NotSupportedException($"{Info.Name} codes whole segments and cannot be streamed");

    private Tensor Streamable(Tensor frames, StreamState? state) => state is null || Info.Causal
        ? frames
        : throw new NotSupportedException($"{Info.Name} looks ahead and cannot be streamed");

    /// <summary>Cuts off, or fills with zeros.</summary>
    private static Tensor Fit(Tensor audio_BSC, long samples) => audio_BSC.shape[1] >= samples
        ? audio_BSC.narrow(1, 0, samples)
        : nn.functional.pad(audio_BSC, [0, 0, 0, samples - audio_BSC.shape[1]]);
}
