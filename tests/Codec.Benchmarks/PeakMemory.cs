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
        var samples = (long)(seconds * info.SampleRate) / info.HopLength * info.HopLength;
        var audio_BCS = randn(1, info.Channels, samples) * 0.1;
        var codes_BKT = randint(speedCase.Codec.Info.Books[0].Size, [1, speedCase.Books, samples / info.HopLength]);
        var before = Peak();
        if (plain)
            (encode ? speedCase.EncodePlain(audio_BCS) : speedCase.DecodePlain(codes_BKT)).Dispose();
        else if (encode)
            speedCase.Codec.Encode(audio_BCS, speedCase.Books);
        else
            speedCase.Codec.Decode(CodeTensors.ToCodes(codes_BKT, info.Books)).Dispose();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{speedCase.Name}, {seconds} s, {(plain ? "plain" : "ours")} {(encode ? "encode" : "decode")}: peak {Peak() >> 20} MB, {(Peak() - before) >> 20} MB above the loaded model"));
    }

    private static long Peak()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }
}
