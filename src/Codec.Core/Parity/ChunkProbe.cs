using Codec.Core.Files;
using static TorchSharp.torch;

namespace Codec.Core.Parity;

/// <summary>What coding in windows changes against coding in one piece.</summary>
/// <param name="Joints">Joints between windows.</param>
/// <param name="Codes">How many codes were compared.</param>
/// <param name="CodesDiffer">How many of them differ.</param>
/// <param name="AtJoints">Largest difference of the decoded signals within 20 ms of a joint, over the peak of the signal.</param>
/// <param name="Anywhere">The same over the whole signal.</param>
public sealed record ChunkDifference(int Joints, long Codes, long CodesDiffer, double AtJoints, double Anywhere);

/// <summary>
/// Codes a few seconds as files are coded, in windows with the context that files get, and as one piece. The windows are shorter than those of
/// files, so that there are joints: what a layer sees of the whole signal (norms, attention over all frames) differs more than in files.
/// </summary>
public static class ChunkProbe
{
    private const double WindowSeconds = 2, JointSeconds = 0.02;

    /// <param name="codec">Stays the caller's.</param>
    /// <param name="seed">Of the signal: tones, their level going up and down, and noise.</param>
    public static ChunkDifference Run(ICodec codec, int seed = 1)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var info = codec.Info;
        var plan = BlockPlan.For(info) is var shipped && info.Causal ? shipped with { Frames = Math.Max(1, (int)(info.FrameRate * WindowSeconds)) }
            : shipped with { Frames = (int)Math.Ceiling(info.FrameRate * WindowSeconds / shipped.Grain) * shipped.Grain };
        var joint = info.SegmentStride is { } stride ? (long)plan.Segments * stride : (long)plan.Frames * info.HopLength;
        var seconds = 2.7 * joint / info.SampleRate + 1;
        var signal = Signal(info, seconds, seed);
        var audio_BCS = tensor(signal).view(1, info.Channels, -1);
        var samples = audio_BCS.shape[2];
        var codes = codec.Encode(audio_BCS);
        var decoded = codec.Decode(codes, samples).cpu().contiguous().data<float>().ToArray();
        var windowed = Codes.Concat(Encode(codec, signal, plan));
        var again = Decode(codec, codes, plan, samples);
        var differ = Enumerable.Range(0, codes.Books).Sum(k => (long)codes[k].ToArray().Zip(windowed[k].ToArray()).Count(p => p.First != p.Second) + Math.Abs(codes[k].Length - windowed[k].Length));
        var peak = Math.Max(decoded.Max(Math.Abs), 1e-9f);
        double Largest(Func<long, bool> counts) => Enumerable.Range(0, decoded.Length).Where(i => counts(i % samples)).Select(i => (double)Math.Abs(decoded[i] - again[i])).DefaultIfEmpty(0).Max() / peak;
        return new ChunkDifference((int)((samples - 1) / joint), Enumerable.Range(0, codes.Books).Sum(k => (long)codes[k].Length), differ,
            Largest(i => i > joint / 2 && Math.Min(i % joint, joint - i % joint) <= JointSeconds * info.SampleRate), Largest(_ => true));
    }

    /// <summary>Channel after channel.</summary>
    private static float[] Signal(CodecInfo info, double seconds, int seed)
    {
        var (random, samples) = (new Random(seed), (int)(seconds * info.SampleRate));
        var signal = new float[samples * info.Channels];
        for (var i = 0; i < signal.Length; i++)
        {
            var t = (double)(i % samples) / info.SampleRate;
            var level = 0.05 + 0.25 * Math.Pow(Math.Sin(Math.PI * 1.7 * t + i / samples), 2);
            signal[i] = (float)(level * (Math.Sin(2 * Math.PI * 180 * t) + 0.5 * Math.Sin(2 * Math.PI * (700 + 60 * t) * t)) + 0.01 * (random.NextDouble() - 0.5));
        }
        return signal;
    }

    private static List<Codes> Encode(ICodec codec, float[] signal, BlockPlan plan)
    {
        var channels = codec.Info.Channels;
        var samples = signal.Length / channels;
        using var encoder = new AudioEncoder(codec, codec.Info.SampleRate, channels, null, plan);
        var interleaved = Enumerable.Range(0, signal.Length).Select(i => signal[i % channels * samples + i / channels]).ToArray();
        var parts = new List<Codes>(encoder.Push(interleaved)); // the encoder's list is valid until the next call
        parts.AddRange(encoder.Finish());
        return parts;
    }

    /// <summary>Channel after channel.</summary>
    private static float[] Decode(ICodec codec, Codes codes, BlockPlan plan, long samples)
    {
        var channels = codec.Info.Channels;
        using var decoder = new AudioDecoder(codec, codec.Info.SampleRate, channels, 0, plan);
        var interleaved = new List<float>();
        interleaved.AddRange(decoder.Push(codes));
        interleaved.AddRange(decoder.Finish(samples));
        return [.. Enumerable.Range(0, interleaved.Count).Select(i => interleaved[(int)(i % samples) * channels + (int)(i / samples)])];
    }
}
