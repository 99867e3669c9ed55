using Codec.Audio;
using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Codecs.Native;
using Codec.Speech.Repair;

namespace Codec.Evaluation.Repair;

/// <summary>Decodes few books with and without the model that makes up the rest.</summary>
/// <param name="codec">The one that made the codes.</param>
/// <param name="fine">Model for its codes.</param>
public sealed class RegenerationStudy(NativeCodec codec, RepairModel fine)
{
    private readonly RegeneratingCodec _regenerating = new(codec, fine);

    /// <summary>Decodes the codes as they are.</summary>
    public float[] Plain(Codes codes, int samples) => Decode(codec, codes, samples);

    /// <summary>Decodes them with the books that are missing made up.</summary>
    public float[] Regenerated(Codes codes, int samples) => Decode(_regenerating, codes, samples);

    /// <summary>Bits of a file that holds the codes, with all overhead.</summary>
    public long Bits(Codes codes, int samples)
    {
        using var writer = new CodecFileWriter(Stream.Null, CodecFileHeader.For(codec.Info, codec.Info.CatalogueId, codes.Books, codec.Info.SampleRate, 1), leaveOpen: true);
        writer.Write(codes);
        writer.Finish(samples);
        return writer.Bytes * 8;
    }

    private static float[] Decode(ICodec codec, Codes codes, int samples)
    {
        using var audio_BCS = codec.Decode(codes, samples);
        return audio_BCS.cpu().data<float>().ToArray();
    }
}
