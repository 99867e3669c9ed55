namespace Codec.Core.Bitstream;

/// <summary>
/// Writes a compressed file in one pass; the stream need not seek. Codes may come in pieces of any length.
/// The header waits for the second block: a file that has none is written in the brief form. A file up to half a block longer than one
/// becomes one block, too.
/// </summary>
public sealed class CodecFileWriter : IDisposable
{
    private readonly Stream _stream;
    private readonly bool _leaveOpen;
    private readonly BlockCoder _coder;
    private readonly int _groupBlocks;
    private readonly List<Codes> _pending = [];
    private readonly List<long> _offsets = [];
    private readonly ByteWriter _bytes = new();
    private PackedBlock? _first;
    private Codes? _firstCodes;
    private int _pendingFrames;
    private long _position;
    private long _frames;
    private uint _seed;
    private bool _ended;     // a block shorter than the others was written

    /// <param name="stream">Receives the file.</param>
    /// <param name="header">Samples may be null: they are then written where they become known.</param>
    /// <param name="groupBlocks">Blocks from one reset of the predictor to the next: 1 = every block stands alone;
    /// more saves bits, and damage costs the rest of the group.</param>
    /// <param name="models">Makes predictors; by default those of this library.</param>
    /// <param name="leaveOpen">True: <see cref="Dispose"/> leaves the stream open.</param>
    public CodecFileWriter(Stream stream, CodecFileHeader header, int groupBlocks = 1,
        Func<CodecFileHeader, ISymbolModel>? models = null, bool leaveOpen = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(groupBlocks);
        Header = header.Validate();
        _stream = stream;
        _groupBlocks = groupBlocks;
        _leaveOpen = leaveOpen;
        _coder = new BlockCoder(header, models ?? SymbolModels.Create);
    }

    public CodecFileHeader Header { get; private set; }

    /// <summary>Blocks so far.</summary>
    public long Blocks { get; private set; }

    /// <summary>Bytes so far, of all kinds.</summary>
    public long Bytes => _position;

    /// <summary>Bytes so far that hold codes: all but header, framing, side data and trailer.</summary>
    public long PayloadBytes { get; private set; }

    /// <summary>Adds frames.</summary>
    /// <param name="codes">One batch item per stream; more books than the header has are left out. Not to be changed afterwards.
    /// Only the last piece may end within a stride.</param>
    public void Write(Codes codes)
    {
        Check(codes);
        if (codes.Frames == 0)
            return;
        _pending.Add(codes.Take(Header.Books.Count));
        _pendingFrames += codes.Frames;
        if (_pendingFrames < Header.BlockFrames)
            return;
        var all = Codes.Concat(_pending);
        var start = 0;
        for (; all.Frames - start >= Header.BlockFrames; start += Header.BlockFrames)
            Emit(all.Slice(start, Header.BlockFrames), default);
        _pending.Clear();
        _pendingFrames = all.Frames - start;
        if (_pendingFrames > 0)
            _pending.Add(all.Slice(start, _pendingFrames));
    }

    /// <summary>Adds exactly one block with bytes of its own, e.g. a scale.</summary>
    /// <param name="codes">As many frames as a block has; fewer only in the last.</param>
    /// <param name="sideData">At most 65536 bytes.</param>
    public void WriteBlock(Codes codes, ReadOnlyMemory<byte> sideData)
    {
        Check(codes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sideData.Length, BlockFormat.MostSideBytes, nameof(sideData));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(codes.Frames, Header.BlockFrames, nameof(codes));
        if (_pendingFrames > 0)
            throw new InvalidOperationException("frames of an unfinished block wait; a block with side data must start on a block boundary");
        if (codes.Frames > 0)
            Emit(codes.Take(Header.Books.Count), sideData.ToArray());
    }

    /// <summary>Writes what waits, and the trailer.</summary>
    /// <param name="samples">Exact samples per channel at the original rate.</param>
    public void Finish(long samples)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(samples);
        if (_pendingFrames > 0 && !TryMerge())
            Emit(Codes.Concat(_pending), default);
        _pending.Clear();
        _pendingFrames = 0;
        if (Blocks <= 1)
            Header = Header with { Samples = samples };
        if (Blocks == 1 && _first is { Reset: true, Side.Length: 0 })
            PutBrief(_first);
        Start();
        if (Blocks > 1)
            Put(new Trailer(samples, _frames, Blocks, _offsets).Write(_seed));
        _stream.Flush();
    }

    /// <summary>Makes the first block and a few frames that follow one block, if no other has been written.</summary>
    private bool TryMerge()
    {
        if (_firstCodes is null || _pendingFrames > Header.BlockFrames / 2)
            return false;
        var merged = Header with { BlockFrames = CodecFileHeader.WholeFrames(Header.Books, _firstCodes.Frames + _pendingFrames) };
        if (HeaderFormat.Problem(merged) is not null)
            return false;
        Header = merged;
        _first = Pack(Codes.Concat([_firstCodes, .. _pending]), default, reset: true);
        _frames = _first.Frames;
        return true;
    }

    private void PutBrief(PackedBlock block)
    {
        Header = Header with { BlockFrames = CodecFileHeader.WholeFrames(Header.Books, block.Frames) };
        PayloadBytes += block.Sections.Length;
        Put(BriefFormat.Write(Header, block));
    }

    public void Dispose()
    {
        if (!_leaveOpen)
            _stream.Dispose();
    }

    private void Check(Codes codes)
    {
        if (codes.Batch != Header.Streams || codes.Books < Header.Books.Count || !codes.Specs.Take(Header.Books.Count).SequenceEqual(Header.Books))
            throw new ArgumentException("codes have other books or streams than the header", nameof(codes));
    }

    /// <summary>Leaves out a block that the source of a copy has lost: its number stays free.</summary>
    internal void Skip(int frames) => Append(null, frames);

    /// <summary>Adds a block as it stands in a file with these books.</summary>
    internal void Append(PackedBlock block) => Append(block, block.Frames);

    /// <summary>Codes a block.</summary>
    internal PackedBlock Pack(Codes codes, ReadOnlyMemory<byte> side, bool reset)
    {
        if (reset)
            _coder.Reset();
        var lengths = new int[_coder.Sections];
        var sections = new ByteWriter();
        _coder.Encode(codes, lengths, sections);
        return new PackedBlock(codes.Frames, reset, side, lengths, sections.Written.ToArray());
    }

    private void Emit(Codes codes, ReadOnlyMemory<byte> side)
    {
        _firstCodes = Blocks == 0 && side.IsEmpty ? codes : null;
        Append(Pack(codes, side, Blocks % _groupBlocks == 0));
    }

    private void Append(PackedBlock? block, int frames)
    {
        if (_ended)
            throw new InvalidOperationException("only the last block may be shorter than the others");
        _ended = frames < Header.BlockFrames;
        _frames += frames;
        Blocks++;
        if (Blocks == 1)
        {
            _first = block;
            return;
        }
        Start();
        Put(block, Blocks - 1);
    }

    /// <summary>Header and first block, which waited to see whether the file is longer.</summary>
    private void Start()
    {
        if (_position > 0)
            return;
        var header = HeaderFormat.Write(Header);
        _seed = HeaderFormat.Seed(header);
        Put(header);
        if (Blocks > 0)
            Put(_first, 0);
        _first = null;
    }

    private void Put(PackedBlock? block, long index)
    {
        if (index % Trailer.Every == 0)
            _offsets.Add(_position);
        if (block is null)
            return;
        PayloadBytes += block.Sections.Length;
        _bytes.Clear();
        BlockFormat.Write(_bytes, Header, _seed, index, block);
        Put(_bytes.Written);
    }

    private void Put(ReadOnlySpan<byte> bytes)
    {
        _stream.Write(bytes);
        _position += bytes.Length;
    }
}
