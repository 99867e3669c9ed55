namespace Codec.Core.Bitstream;

/// <summary>
/// Reads a compressed file, from a pipe as it arrives or from a file with seeking. Damage costs the blocks that are hurt:
/// they come as blocks without codes, in their place, and <see cref="Lost"/> lists them. What is missing at the end of a cut
/// file is in that list only.
/// </summary>
public sealed partial class CodecFileReader : IDisposable
{
    private readonly Stream _stream;
    private readonly bool _leaveOpen;
    private readonly long _origin;
    private readonly int _headerBytes;
    private readonly uint _seed;
    private readonly int? _brief;   // frames of the only block
    private readonly ByteSource _source;
    private readonly BlockCoder _coder;
    private readonly List<(long Start, long Frames)> _lost = [];
    private readonly Queue<(CodecBlock Block, bool Reset)> _ready = []; // decoded ahead
    private BlockScanner _scanner;
    private long _next;             // number of the block that is returned next
    private long _missing;          // blocks before the scanner's block that are to be returned as lost
    private bool _waiting;          // the scanner stands on a block that was not returned yet
    private bool _learned;          // the predictor has seen all blocks since its reset
    private bool _last;             // that block is shorter than the others
    private bool _ended;

    /// <param name="stream">At the first byte of the file.</param>
    /// <param name="models">Makes predictors; by default those of this library.</param>
    /// <param name="leaveOpen">True: <see cref="Dispose"/> leaves the stream open.</param>
    /// <exception cref="BitstreamException">The header is damaged or not ours; or anything in a file of one block.</exception>
    public CodecFileReader(Stream stream, Func<CodecFileHeader, ISymbolModel>? models = null, bool leaveOpen = false)
    {
        _stream = stream;
        _leaveOpen = leaveOpen;
        _origin = stream.CanSeek ? stream.Position : 0;
        _source = new ByteSource(stream);
        Header = HeaderFormat.Read(_source, out _headerBytes, out _brief);
        var bytes = _source.Window[.._headerBytes];
        _seed = _brief is null ? HeaderFormat.Seed(bytes) : Crc32C.Compute(bytes);
        _source.Skip(_headerBytes);
        if (_brief is not null && !BriefFormat.IsWhole(_source, Header, _seed))
            throw new BitstreamException("checksum", _source.Position, "that of a whole file of one block", "a damaged or cut one");
        _coder = new BlockCoder(Header, models ?? SymbolModels.Create);
        _scanner = new BlockScanner(_source, Header, _coder, _seed, _brief);
    }

    public CodecFileHeader Header { get; }

    /// <summary>Exact samples per channel at the original rate: from the trailer once it was read, else from the header;
    /// null where neither is there (yet).</summary>
    public long? Samples => Trailer?.Samples ?? Header.Samples;

    /// <summary>Base frames in the whole file; null while unknown.</summary>
    public long? Frames => Trailer?.Frames;

    /// <summary>What could not be read, in base frames, in order and joined.</summary>
    public IReadOnlyList<(long Start, long Frames)> Lost => _lost;

    /// <summary>Bytes that belong to no block.</summary>
    public long SkippedBytes { get; private set; }

    /// <summary>True where a file of several blocks has come to its end without a trailer: it was cut, or the writer did not finish.</summary>
    public bool Truncated { get; private set; }

    private Trailer? Trailer { get; set; }

    /// <summary>The next block in file order; null at the end.</summary>
    public CodecBlock? Read()
    {
        if (!_ready.TryDequeue(out var ready))
            ready = Step(out var index, out var whole) ? Taken(index, whole) : default;
        LastReset = ready.Reset;
        return ready.Block;
    }

    /// <summary>The next block as bytes, null for one that is lost; false at the end.</summary>
    internal bool ReadPacked(out PackedBlock? block)
    {
        block = null;
        if (!Step(out var index, out var whole))
            return false;
        if (!whole)
            LostBlock(index);
        else
            block = TakePacked();
        return true;
    }

    /// <summary>The predictor starts anew with the block that was read last.</summary>
    internal bool LastReset { get; private set; }

    /// <summary>All blocks from here on. Of a file that can seek, some are decoded at once, which takes less time: what the reader tells of
    /// the file is then ahead of the block by as many. From a pipe each comes when it has arrived.</summary>
    public IEnumerable<CodecBlock> ReadAll()
    {
        while (true)
        {
            if (_ready.Count == 0 && _stream.CanSeek && _coder.Together > 1)
                ReadTogether();
            if (Read() is not { } block)
                yield break;
            yield return block;
        }
    }

    /// <summary>Learns length and seek table from the end of a file; nothing happens to a stream that cannot seek, and the next block stays
    /// the next.</summary>
    public void ReadTrailer()
    {
        if (Trailer is not null || !_stream.CanSeek || _brief is not null)
            return;
        var place = _stream.Position;
        Trailer = SeekTable.ReadTrailer(_stream, _origin, _seed);
        _stream.Position = place;
    }

    public void Dispose()
    {
        if (!_leaveOpen)
            _stream.Dispose();
    }

    /// <summary>Walks to the end by the blocks' checksums and decodes nothing: what the reader tells of the file is then as after reading it.</summary>
    /// <param name="cancellation">Looked at between blocks.</param>
    /// <returns>The blocks and base frames from here on, lost ones included.</returns>
    public (long Blocks, long Frames) Check(CancellationToken cancellation = default)
    {
        var (blocks, frames) = ((long)_ready.Count, _ready.Sum(ready => (long)ready.Block.Frames));
        _ready.Clear();
        for (; Step(out var index, out var whole); blocks++)
        {
            cancellation.ThrowIfCancellationRequested();
            _learned = whole && (_scanner.Layout.Reset || _learned);
            frames += _learned ? _scanner.Layout.Frames : LostBlock(index).Frames;
            if (whole)
                _scanner.Consume();
        }
        return (blocks, frames);
    }

    /// <summary>Decodes the next few blocks at once, up to one that is lost or does not stand alone.</summary>
    private void ReadTogether()
    {
        var some = new List<(long Index, PackedBlock Block)>();
        while (some.Count < _coder.Together && Step(out var index, out var whole))
        {
            if (whole && _scanner.Layout.Reset)
            {
                some.Add((index, TakePacked()));
                continue;
            }
            Decode(some); // whose last one that block may need
            _ready.Enqueue(Taken(index, whole));
            return;
        }
        Decode(some);
    }

    private void Decode(List<(long Index, PackedBlock Block)> blocks)
    {
        if (blocks.Count == 0)
            return;
        foreach (var ((index, block), codes) in blocks.Zip(_coder.DecodeTogether([.. blocks.Select(item => item.Block)])))
            _ready.Enqueue((new CodecBlock(index, index * Header.BlockFrames, block.Frames, codes, block.Side), true));
        _learned = true;
        blocks.Clear();
    }

    private (CodecBlock Block, bool Reset) Taken(long index, bool whole)
    {
        var reset = whole && _scanner.Layout.Reset;
        var block = (whole ? Decode(index) : null) ?? LostBlock(index);
        if (whole)
            _scanner.Consume();
        return (block, reset);
    }

    /// <summary>The block that the scanner stands on, as bytes.</summary>
    private PackedBlock TakePacked()
    {
        var layout = _scanner.Layout;
        var start = layout.Start + layout.SideBytes;
        var block = new PackedBlock(layout.Frames, layout.Reset, _source.Window.Slice(layout.Start, layout.SideBytes).ToArray(),
            layout.Sections, _source.Window[start..layout.Length].ToArray());
        _scanner.Consume();
        return block;
    }

    /// <summary>Moves on by one block: a whole one, which the scanner stands on, or the place of a lost one.</summary>
    private bool Step(out long index, out bool whole)
    {
        if (!_waiting && !_ended)
            Advance();
        whole = _missing == 0 && _waiting;
        index = _next;
        if (whole)
            _waiting = false;
        else if (_missing > 0)
            _missing--;
        else
            return false;
        _next++;
        return true;
    }

    private void Advance()
    {
        var skipped = _scanner.SkippedBytes;
        _waiting = _scanner.Next();
        SkippedBytes += _scanner.SkippedBytes - skipped;
        // Nothing can follow a short block but the trailer.
        _waiting &= !_last;
        if (_waiting)
        {
            _missing = _scanner.Index - _next;
            _last = _scanner.Layout.Frames < Header.BlockFrames;
        }
        else
            End();
    }

    /// <summary>Frames that should still have come are lost. No blocks stand for them: a declared length is only a claim.</summary>
    private void End()
    {
        _ended = true;
        Trailer = _scanner.Trailer ?? Trailer;
        Truncated = Trailer is null && (_next > 1 || Header.Samples is null);
        var start = _next * Header.BlockFrames;
        var frames = Trailer?.Frames
            ?? (long)Math.Min(1L << 52, Math.Ceiling((Header.Samples ?? 0) * ((double)Header.SampleRate / Header.OriginalRate) / Header.HopLength));
        if (frames > start && (Trailer is null || Trailer.Blocks > _next))
            AddLost(start, frames - start);
    }

    private CodecBlock LostBlock(long index)
    {
        var start = index * Header.BlockFrames;
        _learned = false;
        AddLost(start, Header.BlockFrames);
        return new CodecBlock(index, start, Header.BlockFrames, null, default);
    }

    private void AddLost(long start, long frames)
    {
        if (_lost.Count > 0 && _lost[^1].Start + _lost[^1].Frames == start)
            _lost[^1] = (_lost[^1].Start, _lost[^1].Frames + frames);
        else
            _lost.Add((start, frames));
    }

    /// <summary>Null where the predictor needs a block that is lost.</summary>
    private CodecBlock? Decode(long index)
    {
        var layout = _scanner.Layout;
        if (layout.Reset)
        {
            _coder.Reset();
            _learned = true;
        }
        if (!_learned)
            return null;
        var side = _source.Window.Slice(layout.Start, layout.SideBytes).ToArray();
        var start = layout.Start + layout.SideBytes;
        var codes = _coder.Decode(layout.Frames, layout.Sections, _source.Memory(start, layout.Length - start));
        return new CodecBlock(index, index * Header.BlockFrames, layout.Frames, codes, side);
    }
}
