using Codec.Core.Bitstream;

namespace Codec.Core.Concealment;

/// <summary>What is to be decoded next.</summary>
/// <param name="StartFrame">First base frame.</param>
/// <param name="Frames">Base frames.</param>
/// <param name="Codes">Null for silence.</param>
/// <param name="Gains">As in <see cref="FilledFrames.Gains"/>; null for received frames.</param>
/// <param name="SideData">As in <see cref="CodecBlock.SideData"/>.</param>
public sealed record PlayedFrames(long StartFrame, int Frames, Codes? Codes, IReadOnlyList<float>? Gains, ReadOnlyMemory<byte> SideData);

/// <summary>Puts something in the place of lost blocks. Holds back only what is lost: received blocks are passed on at once.</summary>
/// <param name="repair">Fills gaps.</param>
/// <param name="books">Of the codes.</param>
/// <param name="streams">Batch items of the codes.</param>
public sealed class Concealer(ILostFrameRepair repair, IReadOnlyList<CodebookSpec> books, int streams)
{
    private readonly int _step = Math.Max(1, (int)CodecFileHeader.CommonStride(books));
    private Codes? _before;
    private long _gap;       // frames that are missing so far
    private long _next;      // first frame that was not handed out

    /// <summary>Takes the next block.</summary>
    /// <returns>What can be played by now, in order.</returns>
    public IEnumerable<PlayedFrames> Push(CodecBlock block)
    {
        if (_gap == 0 && block.StartFrame > _next)
            _next = block.StartFrame; // what was skipped on purpose is not a gap
        if (block.Codes is not { } codes)
        {
            _gap += block.Frames;
            yield break;
        }
        foreach (var piece in Close(codes))
            yield return piece;
        yield return new PlayedFrames(_next, codes.Frames, codes, null, block.SideData);
        _next += codes.Frames;
        Remember(codes);
    }

    /// <summary>Ends the blocks.</summary>
    public IEnumerable<PlayedFrames> Finish() => Close(null);

    private IEnumerable<PlayedFrames> Close(Codes? after)
    {
        if (_gap == 0)
            yield break;
        var next = after is null ? null : Head(after);
        var longest = repair.LongestGap / _step * _step;
        if (_gap <= longest)
            yield return Fill((int)_gap, _before, next);
        else
        {
            var head = _before is null ? 0 : longest;
            var tail = next is null ? 0 : (int)Math.Min(longest, _gap - head) / _step * _step;
            if (head > 0)
                yield return Fill(head, _before, null);
            while (_gap > tail)
                yield return Hand((int)Math.Min(_gap - tail, 1 << 12), null);
            if (tail > 0)
                yield return Fill(tail, null, next);
        }
        _before = null;
    }

    private PlayedFrames Fill(int frames, Codes? before, Codes? after)
    {
        var filled = repair.Fill(new LostFrames(books, streams, frames, before, after));
        if (filled.Codes.Frames != frames || filled.Gains.Count != frames)
            throw new InvalidOperationException($"a repair of {frames} frames gave {filled.Codes.Frames} frames and {filled.Gains.Count} gains");
        return Hand(frames, filled);
    }

    private PlayedFrames Hand(int frames, FilledFrames? filled)
    {
        _gap -= frames;
        _next += frames;
        return new PlayedFrames(_next - frames, frames, filled?.Codes, filled?.Gains, default);
    }

    private void Remember(Codes codes)
    {
        var wanted = (repair.ContextFrames + _step - 1) / _step * _step;
        if (_before is not null && codes.Frames < wanted)
            codes = Codes.Concat([_before.WithSegments(null), codes.WithSegments(null)]);
        var count = Math.Min(codes.Frames / _step * _step, wanted);
        // Only the last block of a file may end within a stride, and nothing can be missing after it.
        _before = codes.Frames % _step == 0 && count > 0 ? codes.Slice(codes.Frames - count, count) : null;
    }

    private Codes? Head(Codes codes)
    {
        var count = Math.Min(codes.Frames, (repair.ContextFrames + _step - 1) / _step * _step);
        return count > 0 ? codes.Slice(0, count) : null;
    }
}
