using Codec.Audio;
using Codec.Core;
using Codec.Core.Bitstream;
using static TorchSharp.torch;

namespace Codec.Evaluation.Conditions;

/// <summary>One of our codecs with some of its books; the bytes are those of a compressed file.</summary>
/// <param name="family">Curve, e.g. "native".</param>
/// <param name="codec">Shared by all rates; stays the caller's.</param>
/// <param name="books">Books to keep.</param>
public sealed class NeuralCodec(string family, ICodec codec, int books) : ICondition
{
    public string Name { get; } = FormattableString.Invariant($"{family}@{codec.Info.BitsPerSecond(books) / 1000:0.##}");
    public string Family { get; } = family;
    public double? NominalBitsPerSecond { get; } = codec.Info.BitsPerSecond(books);
    public string? Problem => null;

    /// <summary>As many books as come nearest to a rate.</summary>
    public static int BooksFor(CodecInfo info, double bitsPerSecond)
        => Enumerable.Range(1, info.Books.Count).MinBy(k => Math.Abs(info.BitsPerSecond(k) - bitsPerSecond));

    public Transcoded Run(AudioBuffer input, ConditionContext context, CancellationToken cancellation)
    {
        var audio = Resampler.Resample(Channels(input, codec.Info.Channels), codec.Info.SampleRate);
        var start = context.Time.GetTimestamp();
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var codes = codec.Encode(ToTensor(audio), books);
        using var file = new MemoryStream();
        using (var writer = new CodecFileWriter(file, CodecFileHeader.For(codec.Info, 0, books, input.SampleRate, audio.Channels), leaveOpen: true))
        {
            writer.Write(codes);
            writer.Finish(input.Length);
        }
        var encoded = context.Time.GetTimestamp();
        var decoded = ToAudio(codec.Decode(codes, audio.Length), codec.Info.SampleRate);
        return new Transcoded(decoded)
        {
            Bytes = file.Length,
            EncodeTime = context.Time.GetElapsedTime(start, encoded),
            DecodeTime = context.Time.GetElapsedTime(encoded),
            MemoryBytes = System.Diagnostics.Process.GetCurrentProcess().PeakWorkingSet64,
            CodeCounts = Count(codes),
        };
    }

    private static AudioBuffer Channels(AudioBuffer input, int wanted)
    {
        if (input.Channels == wanted)
            return input;
        var mono = input.ToMono();
        return wanted == 1 ? mono : new AudioBuffer([.. Enumerable.Repeat(mono.Channel(0), wanted)], mono.SampleRate);
    }

    private Tensor ToTensor(AudioBuffer audio)
        => stack(Enumerable.Range(0, audio.Channels).Select(c => tensor(audio.Channel(c)))).unsqueeze(0).to(codec.Device);

    private static AudioBuffer ToAudio(Tensor audio_BCS, int sampleRate)
    {
        var planes = audio_BCS[0].cpu().contiguous();
        return new AudioBuffer([.. Enumerable.Range(0, (int)planes.shape[0]).Select(c => planes[c].data<float>().ToArray())], sampleRate);
    }

    private static List<int[]> Count(Codes codes)
    {
        var counts = new List<int[]>();
        for (var book = 0; book < codes.Books; book++)
        {
            var used = new int[codes.Specs[book].Size];
            for (var item = 0; item < codes.Batch; item++)
                foreach (var code in codes[book, item])
                    used[code]++;
            counts.Add(used);
        }
        return counts;
    }
}
