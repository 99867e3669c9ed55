namespace Codec.Core.Bitstream;

// Going to a place in the file.
public sealed partial class CodecFileReader
{
    private const int MostHeld = 64;

    /// <summary>Goes to the block that holds a frame, so that <see cref="Read"/> returns it next. Without seek table the
    /// file is scanned; in a stream that cannot seek, blocks are skipped, decoded only where a later one needs them.</summary>
    /// <exception cref="NotSupportedException">The stream cannot seek and the frame has passed.</exception>
    public void Seek(long frame)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(frame);
        _ready.Clear();
        if (!_stream.CanSeek)
        {
            SkipTo(frame / Header.BlockFrames);
            return;
        }
        ReadTrailer();
        var target = frame / Header.BlockFrames;
        if (Trailer is not null)
            target = Math.Min(target, Trailer.Blocks);
        for (var entry = Math.Min(target / Trailer.Every, (Trailer?.Offsets.Count ?? 1) - 1); ; entry--)
        {
            GoTo(Math.Max(entry, 0));
            if (StartGroup(target) || entry <= 0)
                break;
        }
        while (_next < target && Read() is not null) { }
    }

    private void SkipTo(long target)
    {
        if (target < _next)
            throw new NotSupportedException("the compressed stream cannot seek back");
        var needed = new List<(BlockLayout Layout, byte[] Bytes)>(); // blocks since the predictor's reset, if it has to see them
        while (_next < target && Step(out _, out var whole))
        {
            if (!whole || _scanner.Layout.Reset)
            {
                _learned = whole;
                needed.Clear();
            }
            if (!whole)
                continue;
            if (_learned)
                needed.Add((_scanner.Layout, _source.Window[.._scanner.Layout.Length].ToArray()));
            if (needed.Count == MostHeld)
                Learn(needed);
            _scanner.Consume();
        }
        if (!_waiting && !_ended)
            Advance();
        if (_waiting && _missing == 0 && !_scanner.Layout.Reset)
            Learn(needed);
    }

    private void Learn(List<(BlockLayout Layout, byte[] Bytes)> blocks)
    {
        foreach (var (layout, bytes) in blocks)
        {
            if (layout.Reset)
                _coder.Reset();
            var start = layout.Start + layout.SideBytes;
            _coder.Decode(layout.Frames, layout.Sections, bytes.AsMemory(start));
        }
        blocks.Clear();
    }

    private void GoTo(long entry)
    {
        var offset = Trailer is null || Trailer.Offsets.Count == 0 ? _headerBytes : Trailer.Offsets[(int)entry];
        Place(offset, entry * Trailer.Every);
    }

    private void Place(long offset, long block)
    {
        _source.Jump(_origin + offset, offset);
        _scanner = new BlockScanner(_source, Header, _coder, _seed, _brief) { Expected = block };
        _next = block;
        _missing = 0;
        _waiting = _ended = _learned = _last = false;
    }

    /// <summary>Walks from here to the last block up to the target that resets the predictor; false if there is none.</summary>
    private bool StartGroup(long target)
    {
        (long Offset, long Block)? start = null;
        while (_scanner.Expected <= target && _scanner.Next() && _scanner.Index <= target)
        {
            if (_scanner.Layout.Reset)
                start = (_source.Position, _scanner.Index);
            _scanner.Consume();
        }
        if (start is not { } found)
            return false;
        Place(found.Offset, found.Block);
        return true;
    }
}
