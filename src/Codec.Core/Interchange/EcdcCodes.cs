using Codec.Audio;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Interop;
using Codec.Core.Codecs;
using Codec.Core.Tokens;

namespace Codec.Core.Interchange;

/// <summary>EnCodec's own files as recordings of token files, and back.</summary>
public static class EcdcCodes
{
    private const int Hop = 320;

    /// <exception cref="BitstreamException">Damaged, or under a language model, whose floating-point probabilities only the machine that wrote it repeats.</exception>
    public static TokenizedAudio Read(ReadOnlyMemory<byte> bytes, string name)
    {
        var file = EcdcFile.Read(bytes);
        var model = EcdcModel.Find(file.ModelName);
        if (file.Segments.Count == 0)
            throw new AudioFileException(name, "holds no codes");
        var codes = Codes.Concat([.. file.Segments.Select(segment => segment.Codes)]);
        if (model.HasScale)
            codes = codes.WithSegments([.. file.Segments.Select(segment => new CodeSegment(segment.Codes.Frames, [segment.Scale ?? 1]))]);
        var preset = CodecCatalog.Families.SelectMany(family => family.Presets).First(preset => preset.Name == CatalogueName(model));
        return TokenizedAudio.Of(codes, name, model.SampleRate, model.SampleRate / model.FrameRate, model.SampleRate, model.Channels, file.Samples) with
        {
            Model = preset.Name,
            CatalogueId = preset.Id,
        };
    }

    /// <exception cref="TokenFileException">Codes of another codec, or such as EnCodec would not give for the length.</exception>
    public static byte[] Write(TokenizedAudio recording, string name)
    {
        var codes = recording.ToCodes(name);
        var model = new[] { EcdcModel.Mono24, EcdcModel.Stereo48 }.FirstOrDefault(model => model.SampleRate == recording.CodecRate && model.Channels == recording.Channels
            && recording.HopLength == Hop && codes.Batch == 1 && model.HasScale == codes.Segments is not null
            && codes.Specs.All(book => book == new CodebookSpec(1 << model.BitsPerCode)));
        if (model is null)
            throw new TokenFileException(name, $"an .ecdc file holds EnCodec's codes of 24 kHz mono or 48 kHz stereo, found {codes.Books} books of {codes.Specs[0].Size} "
                + $"at {recording.CodecRate} Hz, {recording.Channels} channel(s){(codes.Segments is null ? "" : " in segments")}");
        var samples = Resampler.OutputLength(recording.Samples, recording.SampleRate, recording.CodecRate);
        var frames = model.SegmentFrames(samples).ToList();
        if (!frames.SequenceEqual(codes.Segments?.Select(segment => segment.Frames) ?? [codes.Frames]))
            throw new TokenFileException(name, $"{samples} samples of {model.Name} are {frames.Sum()} frames, found {codes.Frames}");
        var start = 0;
        var segments = new List<EcdcSegment>();
        for (var i = 0; i < frames.Count; start += frames[i++])
            segments.Add(new EcdcSegment(codes.Slice(start, frames[i]), codes.Segments?[i].Scales[0]));
        return new EcdcFile { ModelName = model.Name, Samples = samples, Books = codes.Books, Segments = segments }.ToBytes();
    }

    private static string CatalogueName(EcdcModel model) => model.HasScale ? "encodec/48khz" : "encodec/24khz";
}
