using System.Globalization;
using Codec.Core;
using static TorchSharp.torch;

namespace Codec.Benchmarks;

/// <summary>What layers of 16-bit products cost: codes that stay equal to those of float32, and the noise that they add to the decoded audio of the same codes.</summary>
internal static class PrecisionReport
{
    public static void Run(Func<ISpeedCase> create, double seconds)
    {
        using ISpeedCase exact = create(), half = create(); // the same seed, so the same weights
        if (half.Codec is not IReducedPrecision reduced)
        {
            Console.WriteLine($"{half.Name}: computes in float32 only");
            return;
        }
        reduced.UseBFloat16();
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        var info = exact.Codec.Info;
        var frame = info.HopLength * Math.Max(info.FrameMultiple, 1);
        var audio_BCS = randn(1, info.Channels, (long)(seconds * info.SampleRate) / frame * frame) * 0.1;
        Codes codes = exact.Codec.Encode(audio_BCS), other = half.Codec.Encode(audio_BCS);
        Tensor expected = exact.Codec.Decode(codes), actual = half.Codec.Decode(codes);
        var noise = 20 * Math.Log10((expected.norm() / (actual - expected).norm()).item<float>());
        var perBook = string.Join(", ", Enumerable.Range(0, codes.Books).Select(k => Share(codes[k], other[k])));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{exact.Name}, {seconds} s, bf16 {(IReducedPrecision.IsSupportedByProcessor ? "by 16-bit products" : "not possible here, so float32")}: codes equal {PlainPath.Agreement(codes, other):p1} (by book: {perBook}); decoded audio {noise:0.0} dB above the noise that bf16 adds"));

        static string Share(ReadOnlySpan<int> a, ReadOnlySpan<int> b)
        {
            var equal = 0;
            for (var t = 0; t < a.Length; t++)
                equal += a[t] == b[t] ? 1 : 0;
            return ((double)equal / a.Length).ToString("p0", CultureInfo.InvariantCulture);
        }
    }
}
