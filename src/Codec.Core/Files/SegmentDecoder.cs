using Codec.Core.Bitstream;
using Codec.Core.Concealment;
using static TorchSharp.torch;

namespace Codec.Core.Files;

/// <summary>
/// Codes of a codec that codes overlapping segments one by one, to audio, some segments at a time: those of a block that reach into the next one
/// are decoded once more before it, so that blocks join as they do in one piece.
/// </summary>
internal sealed class SegmentDecoder
{
    private readonly ICodec _codec;
    private readonly int _block, _stride, _frames, _reach;
    private readonly List<Codes> _pending = [];
    private int _waiting; // segments
    private int _played;  // how many of them were played before

    /// <param name="codec">Stays the caller's; has segments.</param>
    /// <param name="block">Segments per block.</param>
    public SegmentDecoder(ICodec codec, int block)
    {
        (_codec, _block, _stride) = (codec, block, codec.Info.SegmentStride!.Value);
        _reach = (codec.Info.SegmentLength!.Value - 1) / _stride;
        _frames = (codec.Info.SegmentLength!.Value + codec.Info.HopLength - 1) / codec.Info.HopLength;
    }

    /// <summary>What a block of a file gives to play: segments are independent, so that what is lost of them is silent and not guessed.</summary>
    public static IEnumerable<PlayedFrames> Pieces(CodecInfo info, CodecBlock block, Concealer concealer)
        => info.SegmentLength is null
            ? concealer.Push(block)
            : [new PlayedFrames(block.StartFrame, block.Frames, block.Lost ? null : SegmentSide.Apply(block), null, default)];

    /// <param name="codes">Whole segments.</param>
    /// <returns>Pieces of audio [B, C, S], the caller's.</returns>
    public IReadOnlyList<Tensor> Push(Codes codes)
    {
        _pending.Add(codes);
        _waiting += codes.Segments!.Count;
        var pieces = new List<Tensor>();
        while (_waiting > _block + _played)
            pieces.Add(Decode(_block + _played, ends: false));
        return pieces;
    }

    /// <summary>Segments that are lost: silence of their length, after what waits.</summary>
    public IReadOnlyList<Tensor> PushLost(int frames)
    {
        var streams = _pending.Count > 0 ? _pending[0].Batch : 1;
        var pieces = new List<Tensor>();
        if (_waiting > _played)
            pieces.Add(Decode(_waiting, ends: false));
        _pending.Clear();
        (_waiting, _played) = (0, 0);
        pieces.Add(zeros(streams, _codec.Info.Channels, Math.Max(1, (frames + _frames / 2) / _frames) * (long)_stride));
        return pieces;
    }

    /// <summary>What waits, to the end of the last segment.</summary>
    public IReadOnlyList<Tensor> Finish() => _waiting == 0 ? [] : [Decode(_waiting, ends: true)];

    /// <summary>Decodes the first segments that wait; they are then forgotten, but for those that reach further.</summary>
    private Tensor Decode(int count, bool ends)
    {
        using var scope = NewDisposeScope();
        var joined = Codes.Concat(_pending);
        var audio_BCS = _codec.Decode(joined.SliceSegments(0, count));
        var start = _played * (long)_stride;
        var end = ends ? audio_BCS.shape[2] : Math.Min(count * (long)_stride, audio_BCS.shape[2]);
        var kept = Math.Max(0, count - _reach);
        _pending.Clear();
        if (kept < _waiting)
            _pending.Add(joined.SliceSegments(kept, _waiting - kept));
        (_waiting, _played) = (_waiting - kept, count - kept);
        return audio_BCS.narrow(2, start, Math.Max(0, end - start)).contiguous().MoveToOuterDisposeScope();
    }
}
