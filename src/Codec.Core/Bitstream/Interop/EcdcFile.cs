using System.Buffers.Binary;
using System.Text;
using System.Text.Json;

namespace Codec.Core.Bitstream.Interop;

/// <summary>A segment of an <c>.ecdc</c> file.</summary>
/// <param name="Codes">One item, all books.</param>
/// <param name="Scale">The level by which the segment was divided; null for models without.</param>
public sealed record EcdcSegment(Codes Codes, float? Scale);

/// <summary>
/// EnCodec's own file format: "ECDC", version 0, a JSON object, then per segment a scale and the codes frame by frame, packed in
/// fixed width or under the arithmetic coder with a language model.
/// </summary>
public sealed record EcdcFile
{
    private const int MostJson = 1 << 16;

    /// <summary>As published: "encodec_24khz" or "encodec_48khz".</summary>
    public required string ModelName { get; init; }

    /// <summary>Samples per channel.</summary>
    public required long Samples { get; init; }

    public required int Books { get; init; }

    /// <summary>The codes are under the language model's arithmetic code.</summary>
    public bool UsesLanguageModel { get; init; }

    public required IReadOnlyList<EcdcSegment> Segments { get; init; }

    /// <param name="bytes">The whole file.</param>
    /// <param name="models">What a model name means; by default <see cref="EcdcModel.Find"/>.</param>
    /// <param name="languageModel">Needed for files that use one.</param>
    /// <exception cref="BitstreamException">Damaged, not this format, or a language model is missing.</exception>
    public static EcdcFile Read(ReadOnlyMemory<byte> bytes, Func<string, EcdcModel>? models = null, IEcdcLanguageModel? languageModel = null)
    {
        var (file, start) = ReadHeader(bytes.Span);
        var model = (models ?? EcdcModel.Find)(file.ModelName);
        if (file.UsesLanguageModel && languageModel is null)
            throw new BitstreamException("codes", start, "codes without language model", "codes that need the language model they were written with");
        var segments = new List<EcdcSegment>();
        foreach (var frames in model.SegmentFrames(file.Samples))
        {
            float? scale = null;
            if (model.HasScale)
            {
                scale = BinaryPrimitives.ReadSingleBigEndian(Part(bytes, start, 4, "scale").Span);
                start += 4;
            }
            var codes = file.UsesLanguageModel
                ? Pull(bytes[start..], frames, file.Books, model, languageModel!, out var length)
                : Unpack(bytes, start, frames, file.Books, model, out length);
            start += length;
            segments.Add(new EcdcSegment(codes, scale));
        }
        return file with { Segments = segments };
    }

    /// <param name="languageModel">Codes are written under it; null: in fixed width.</param>
    /// <param name="models">What the model name means; by default <see cref="EcdcModel.Find"/>.</param>
    /// <exception cref="ArgumentException">The segments do not fit the model and the length.</exception>
    public byte[] ToBytes(IEcdcLanguageModel? languageModel = null, Func<string, EcdcModel>? models = null)
    {
        var model = (models ?? EcdcModel.Find)(ModelName);
        if (!model.SegmentFrames(Samples).SequenceEqual(Segments.Select(s => s.Codes.Frames)))
            throw new ArgumentException("the segments hold other frames than the length asks for");
        using var stream = new MemoryStream();
        var json = Encoding.UTF8.GetBytes(
            $"{{\"m\": {JsonSerializer.Serialize(ModelName)}, \"al\": {Samples}, \"nc\": {Books}, \"lm\": {(languageModel is null ? "false" : "true")}}}");
        Span<byte> number = stackalloc byte[4];
        stream.Write("ECDC\0"u8);
        BinaryPrimitives.WriteInt32BigEndian(number, json.Length);
        stream.Write(number);
        stream.Write(json);
        foreach (var segment in Segments)
        {
            if (model.HasScale)
            {
                BinaryPrimitives.WriteSingleBigEndian(number, segment.Scale ?? 1);
                stream.Write(number);
            }
            stream.Write(languageModel is null ? BitPacking.Pack(Interleave(segment.Codes), model.BitsPerCode) : Push(segment.Codes, languageModel));
        }
        return stream.ToArray();
    }

    /// <summary>Codes frame by frame, book by book.</summary>
    private static int[] Interleave(Codes codes)
    {
        var values = new int[codes.Frames * codes.Books];
        for (var t = 0; t < codes.Frames; t++)
            for (var book = 0; book < codes.Books; book++)
                values[t * codes.Books + book] = codes[book][t];
        return values;
    }

    private static Codes Deinterleave(ReadOnlySpan<int> values, int frames, int books, EcdcModel model)
    {
        var codes = new int[books][][];
        for (var book = 0; book < books; book++)
        {
            var item = new int[frames];
            for (var t = 0; t < frames; t++)
                item[t] = values[t * books + book];
            codes[book] = [item];
        }
        return new Codes([.. Enumerable.Repeat(new CodebookSpec(1 << model.BitsPerCode), books)], codes, frames);
    }

    private static byte[] Push(Codes codes, IEcdcLanguageModel model)
    {
        var encoder = new EcdcEncoder();
        var previous = new int[codes.Books];
        model.Reset();
        for (var t = 0; t < codes.Frames; t++)
        {
            var probabilities = model.Next(previous);
            for (var book = 0; book < codes.Books; book++)
            {
                var cumulative = EcdcArithmetic.Quantize(probabilities[book]);
                var code = codes[book][t];
                encoder.Push(code == 0 ? 0 : cumulative[code - 1], cumulative[code]);
                previous[book] = code + 1;
            }
        }
        return encoder.Finish();
    }

    private static Codes Pull(ReadOnlyMemory<byte> bytes, int frames, int books, EcdcModel model, IEcdcLanguageModel languageModel, out int length)
    {
        var decoder = new EcdcDecoder(bytes);
        var values = new List<int>();
        var previous = new int[books];
        languageModel.Reset();
        for (var t = 0; t < frames; t++)
        {
            var probabilities = languageModel.Next(previous);
            for (var book = 0; book < books; book++)
            {
                values.Add(decoder.Pull(EcdcArithmetic.Quantize(probabilities[book])));
                previous[book] = values[^1] + 1;
            }
        }
        length = decoder.BytesRead;
        return Deinterleave(values.ToArray(), frames, books, model);
    }

    private static Codes Unpack(ReadOnlyMemory<byte> bytes, int start, int frames, int books, EcdcModel model, out int length)
    {
        var bits = (long)frames * books * model.BitsPerCode;
        length = (int)Math.Min(int.MaxValue, (bits + 7) / 8);
        var packed = Part(bytes, start, length, "codes").Span;
        return Deinterleave(BitPacking.Unpack(packed, model.BitsPerCode, frames * books), frames, books, model);
    }

    private static ReadOnlyMemory<byte> Part(ReadOnlyMemory<byte> bytes, int start, int length, string field)
        => length <= bytes.Length - start
            ? bytes.Slice(start, length)
            : throw new BitstreamException(field, start, $"{length} bytes", $"{bytes.Length - start}");

    private static (EcdcFile File, int Start) ReadHeader(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 9 || !bytes.StartsWith("ECDC"u8))
            throw new BitstreamException("magic", 0, "ECDC", Convert.ToHexString(bytes[..Math.Min(4, bytes.Length)]));
        if (bytes[4] != 0)
            throw new BitstreamException("version", 4, "0", $"{bytes[4]}");
        var length = BinaryPrimitives.ReadUInt32BigEndian(bytes[5..]);
        if (length > MostJson || length > bytes.Length - 9)
            throw new BitstreamException("header length", 5, $"at most {Math.Min(MostJson, bytes.Length - 9)}", $"{length}");
        try
        {
            using var document = JsonDocument.Parse(bytes.Slice(9, (int)length).ToArray(), new JsonDocumentOptions { MaxDepth = 8 });
            var root = document.RootElement;
            var file = new EcdcFile
            {
                ModelName = root.GetProperty("m").GetString() ?? "",
                Samples = root.GetProperty("al").GetInt64(),
                Books = root.GetProperty("nc").GetInt32(),
                UsesLanguageModel = root.GetProperty("lm").GetBoolean(),
                Segments = [],
            };
            // Every segment takes some bytes: a length far beyond them is a lie, whatever the model.
            if (file.Samples < 0 || file.Samples > 1L << 36 || file.Books is < 1 or > 128)
                throw new BitstreamException("header", 9, "a length and 1 to 128 books", $"{file.Samples} samples, {file.Books} books");
            return (file, 9 + (int)length);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new BitstreamException("header", 9, "a JSON object with m, al, nc and lm", e.Message);
        }
    }
}
