using System.Diagnostics;
using System.Globalization;
using Codec.Core;
using static TorchSharp.torch;

namespace Codec.Benchmarks;

/// <summary>Peak resident memory of one run of one path. One process per number: peaks do not go down.</summary>
internal static class PeakMemory
{
    public static void Run(ISpeedCase speedCase, bool plain, bool encode, double seconds)
    {
        set_num_threads(2);
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        var info = speedCase.Codec.Info;
        var frame = info.HopLength * Math.Max(info.FrameMultiple, 1);
        var samples = (long)(seconds * info.SampleRate) / frame * frame;
        var audio_BCS = randn(1, info.Channels, samples) * 0.1;
        var codes = RandomCodes(info.Books.Take(speedCase.Books).ToArray(), (int)(samples / info.HopLength));
        var before = Peak();
        if (plain)
            Plain();
        else if (encode)
            speedCase.Codec.Encode(audio_BCS, speedCase.Books);
        else
            speedCase.Codec.Decode(codes).Dispose();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{speedCase.Name}, {seconds} s, {(plain ? "plain" : "ours")} {(encode ? "encode" : "decode")}: peak {Peak() >> 20} MB, {(Peak() - before) >> 20} MB above the loaded model"));

        void Plain()
        {
            if (encode)
                speedCase.EncodePlain(audio_BCS);
            else
                speedCase.DecodePlain(codes).Dispose();
        }
    }

    private static Codes RandomCodes(CodebookSpec[] books, int frames)
    {
        var random = new Random(1);
        return new Codes(books, [.. books.Select(book => new[] { Enumerable.Range(0, (frames + book.Stride - 1) / book.Stride).Select(_ => random.Next(book.Size)).ToArray() })], frames);
    }

    private static long Peak()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }
}
