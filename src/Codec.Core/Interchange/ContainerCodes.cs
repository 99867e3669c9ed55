using System.Globalization;
using Codec.Audio;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Prediction;
using Codec.Core.Codecs;
using Codec.Core.Tokens;

namespace Codec.Core.Interchange;

/// <summary>Codes of our own files as recordings of token files, and back: nothing is lost either way.</summary>
public static class ContainerCodes
{
    /// <param name="file">Before its first block.</param>
    /// <param name="name">The file, for messages.</param>
    /// <exception cref="AudioFileException">Damaged, or empty.</exception>
    public static TokenizedAudio Read(CodecFileReader file, string name)
    {
        var header = file.Header;
        var pieces = new List<Codes>();
        foreach (var block in file.ReadAll())
            pieces.Add(block.Lost
                ? throw new AudioFileException(name, $"damaged at frame {block.StartFrame}: codes with holes are not written")
                : SegmentSide.Apply(block));
        if (pieces.Count == 0)
            throw new AudioFileException(name, "holds no codes");
        if (file.Truncated)
            throw new AudioFileException(name, "was cut off: codes with holes are not written");
        if (pieces.Any(piece => piece.Segments is null != pieces[0].Segments is null))
            throw new AudioFileException(name, "some blocks are segments with scales and some are not");
        var codes = Codes.Concat(pieces);
        var samples = file.Samples ?? (long)(codes.Frames / header.FrameRate * header.OriginalRate);
        return TokenizedAudio.Of(codes, name, header.SampleRate, header.HopLength, header.OriginalRate, header.Channels, samples) with
        {
            Model = CodecCatalog.Find(header.CatalogueId)?.Name ?? "",
            Weights = header.WeightHash == 0 ? "" : header.WeightHash.ToString("x8", CultureInfo.InvariantCulture),
            CatalogueId = header.CatalogueId,
            Prior = header.Prior,
            Tags = header.Tags,
        };
    }

    /// <param name="recording">With codes.</param>
    /// <param name="stream">Receives the file; need not seek.</param>
    /// <param name="name">Where the recording comes from, for messages.</param>
    /// <exception cref="TokenFileException">The recording contradicts itself, or is more than a container holds.</exception>
    public static void Write(TokenizedAudio recording, Stream stream, string name)
    {
        var codes = recording.ToCodes(name);
        var header = new CodecFileHeader
        {
            CatalogueId = recording.CatalogueId,
            WeightHash = recording.WeightPrefix(name),
            Books = codes.Specs,
            SampleRate = recording.CodecRate,
            HopLength = recording.HopLength,
            OriginalRate = recording.SampleRate,
            Channels = recording.Channels,
            Streams = codes.Batch,
            BlockFrames = codes.Segments is { Count: > 0 } segments
                ? segments.Max(segment => segment.Frames)
                : CodecFileHeader.DefaultBlockFrames(codes.Specs, (double)recording.CodecRate / recording.HopLength),
            Tags = recording.Tags,
        };
        // Tables that are not here, or of other books, cannot be used: the codes are then written without.
        if (EntropyPriors.Find(recording.Prior) is { } prior && prior.Fits(header.Books))
            header = header with { Predictor = prior.Predictor, Prior = prior.Id };
        else if (EntropyPriors.Find(recording.Prior) is NeuralPrior neural && neural.FitsVariable(header.Books))
            header = header with { Predictor = Predictor.NeuralVariable, Prior = neural.Id };
        if (HeaderFormat.Problem(header) is { } problem)
            throw new TokenFileException(name, problem);
        using var writer = new CodecFileWriter(stream, header, leaveOpen: true);
        SegmentSide.Write(writer, codes);
        writer.Finish(recording.Samples);
    }
}
