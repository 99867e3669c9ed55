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
    private readonly ISymbolModel[] _models;
    private readonly RangeEncoder _encoder = new();

    public BlockCoder(CodecFileHeader header, Func<CodecFileHeader, ISymbolModel> models)
    {
        _header = header;
        _models = [.. Enumerable.Range(0, header.Streams).Select(_ => models(header))];
    }

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

    /// <summary>Decodes a block whose checksum was right.</summary>
    public Codes Decode(int frames, ReadOnlySpan<int> lengths, ReadOnlyMemory<byte> bytes)
    {
        var codes = new int[_header.Books.Count][][];
        for (var book = 0; book < codes.Length; book++)
        {
            var stride = _header.Books[book].Stride;
            codes[book] = [.. Enumerable.Range(0, _header.Streams).Select(_ => new int[(frames + stride - 1) / stride])];
        }
        var block = new Codes(_header.Books, codes, frames);
        var decoder = new RangeDecoder(bytes[..lengths[0]]);
        bytes = bytes[lengths[0]..];
        var section = 0;
        for (var stream = 0; stream < _models.Length; stream++)
        {
            var row = block.Row(stream);
            for (var book = 0; book < row.Books; book++)
            {
                if (_header.Layered && section > 0)
                {
                    decoder = new RangeDecoder(bytes[..lengths[section]]);
                    bytes = bytes[lengths[section]..];
                }
                section++;
                _models[stream].Code(decoder, row, book);
            }
        }
        return block;
    }
}
