using Codec.Core.Bitstream.Prediction;

namespace Codec.Core.Bitstream;

/// <summary>Codes of one block to the bytes of its sections and back. Holds what the predictors have learned.</summary>
internal sealed class BlockCoder
{
    /// <summary>A section of n bytes holds at most this times n + 1 symbols; writers pad with zeros.
    /// Bounds the work that a few hostile bytes can ask for.</summary>
    public const int SymbolsPerByte = 512;

    /// <summary>Bytes that a section of n symbols has at most: this times n + 16.</summary>
    public const int BytesPerSymbol = 32;

    private readonly CodecFileHeader _header;
    private readonly Func<CodecFileHeader, ISymbolModel> _makeModel;
    private readonly ISymbolModel[] _models;        // of each stream
    private readonly List<ISymbolModel[]> _beside = []; // for blocks that are decoded beside another
    private readonly RangeEncoder _encoder = new();

    public BlockCoder(CodecFileHeader header, Func<CodecFileHeader, ISymbolModel> models)
    {
        _header = header;
        _makeModel = models;
        _models = MakeModels();
    }

    private ISymbolModel[] MakeModels() => [.. Enumerable.Range(0, _header.Streams).Select(_ => _makeModel(_header))];

    /// <summary>Sections per block: one, or one per stream and book where the file is layered.</summary>
    public int Sections => _header.Layered ? _header.Streams * _header.Books.Count : 1;

    public void Reset()
    {
        foreach (var model in _models)
            model.Reset();
    }

    /// <summary>Symbols in a section of a block.</summary>
    public long Symbols(int section, int frames)
    {
        if (!_header.Layered)
            return _header.Symbols(frames) * _header.Streams;
        var stride = _header.Books[section % _header.Books.Count].Stride;
        return ((long)frames + stride - 1) / stride;
    }

    /// <summary>Codes a block.</summary>
    /// <param name="codes">One batch item per stream.</param>
    /// <param name="lengths">Receives the bytes of each section.</param>
    /// <param name="bytes">Receives the sections.</param>
    public void Encode(Codes codes, int[] lengths, ByteWriter bytes)
    {
        var section = 0;
        for (var stream = 0; stream < _models.Length; stream++)
        {
            var row = codes.Row(stream);
            for (var book = 0; book < row.Books; book++)
            {
                _models[stream].Code(_encoder, row, book);
                if (_header.Layered)
                    End(section++);
            }
        }
        if (!_header.Layered)
            End(0);

        void End(int index)
        {
            var start = bytes.Length;
            bytes.Bytes(_encoder.Finish());
            for (var least = Symbols(index, codes.Frames) / SymbolsPerByte - 1; bytes.Length - start < least;)
                bytes.Byte(0);
            lengths[index] = bytes.Length - start;
        }
    }

    /// <summary>Blocks that <see cref="DecodeTogether"/> takes; 1 where it would gain nothing.</summary>
    public int Together => _models[0] is NeuralModel or LowbandModel ? NeuralRows.Most : 1;

    /// <summary>Decodes a block whose checksum was right.</summary>
    public Codes Decode(int frames, ReadOnlySpan<int> lengths, ReadOnlyMemory<byte> bytes)
    {
        var block = Empty(frames);
        var sections = new SectionDecoders(_header.Layered, lengths.ToArray(), bytes);
        for (var stream = 0; stream < _models.Length; stream++)
        {
            var row = block.Row(stream);
            for (var book = 0; book < row.Books; book++)
                _models[stream].Code(sections.Next(), row, book);
        }
        return block;
    }

    /// <summary>Decodes a few blocks, each of which resets the predictor, in less time than one by one.</summary>
    /// <param name="packed">At most <see cref="Together"/>. The predictor is left as after the last.</param>
    public Codes[] DecodeTogether(IReadOnlyList<PackedBlock> packed)
    {
        while (_beside.Count < packed.Count - 1)
            _beside.Add(MakeModels());
        ISymbolModel[][] models = [.. _beside.Take(packed.Count - 1), _models];
        foreach (var model in models.SelectMany(streams => streams))
            model.Reset();
        Codes[] blocks = [.. packed.Select(block => Empty(block.Frames))];
        SectionDecoders[] sections = [.. packed.Select(block => new SectionDecoders(_header.Layered, block.Lengths, block.Sections))];
        var lanes = new NeuralModel.Lane[packed.Count];
        for (var stream = 0; stream < _models.Length; stream++)
        {
            Codes[] rows = [.. blocks.Select(block => block.Row(stream))];
            var together = models[0][stream] is LowbandModel first ? first.Kept(rows[0]) : _header.Books.Count;
            Codes[] lower = [.. rows.Select(row => row.Take(together))];
            for (var book = 0; book < together; book++)
            {
                for (var i = 0; i < lanes.Length; i++)
                    lanes[i] = new NeuralModel.Lane(models[i][stream] is LowbandModel model ? model.Lower : (NeuralModel)models[i][stream], sections[i].Next(), lower[i]);
                NeuralModel.CodeTogether(lanes, book);
            }
            for (var book = together; book < _header.Books.Count; book++)
                for (var i = 0; i < lanes.Length; i++)
                    models[i][stream].Code(sections[i].Next(), rows[i], book);
        }
        return blocks;
    }

    private Codes Empty(int frames)
    {
        var codes = new int[_header.Books.Count][][];
        for (var book = 0; book < codes.Length; book++)
        {
            var stride = _header.Books[book].Stride;
            codes[book] = [.. Enumerable.Range(0, _header.Streams).Select(_ => new int[(frames + stride - 1) / stride])];
        }
        return new Codes(_header.Books, codes, frames);
    }

    /// <summary>The decoder for each book in turn: of its own section, or of the only one.</summary>
    private sealed class SectionDecoders(bool layered, int[] lengths, ReadOnlyMemory<byte> bytes)
    {
        private RangeDecoder? _decoder;
        private int _section, _start;

        public RangeDecoder Next()
        {
            if (_decoder is not null && !layered)
                return _decoder;
            _decoder = new RangeDecoder(bytes.Slice(_start, lengths[_section]));
            _start += lengths[_section++];
            return _decoder;
        }
    }
}
