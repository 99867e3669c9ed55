using Codec.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Support;

/// <summary>
/// A codec without weights whose codes are the samples in 16 bits: two books of 256 for every sample of a frame. What
/// comes back wrong was lost around it. Causal with a delay, or with windows that must have context.
/// </summary>
internal sealed class PcmCodec(int sampleRate = 8000, int hop = 4, int channels = 1, bool causal = true, int delay = 0) : ICodec
{
    private const double Scale = 16384;

    /// <summary>Frames on both sides of a window that come out as noise: context that a caller must throw away.</summary>
    public int Edge { get; init; }

    public CodecInfo Info { get; } = new()
    {
        Name = "test/pcm",
        SampleRate = sampleRate,
        HopLength = hop,
        Channels = channels,
        Causal = causal,
        DelaySamples = delay,
        Books = [.. Enumerable.Repeat(new CodebookSpec(256), 2 * hop * channels)],
    };

    public Device Device => CPU;

    /// <summary>The longest piece seen, in frames.</summary>
    public int LongestCall { get; private set; }

    public Codes Encode(Tensor audio_BCS, int? books = null, StreamState? state = null)
    {
        var (batch, samples) = ((int)audio_BCS.shape[0], (int)audio_BCS.shape[2]);
        var frames = state is null ? Info.FramesFor(samples) : samples / hop;
        if (state is not null && samples % hop != 0)
            throw new ArgumentException("no whole frames");
        LongestCall = Math.Max(LongestCall, frames);
        var audio = audio_BCS.contiguous().data<float>().ToArray();
        var codes = NewCodes(batch, frames);
        for (var b = 0; b < batch; b++)
            for (var c = 0; c < channels; c++)
                for (var i = 0; i < Math.Min(samples, frames * hop); i++)
                {
                    var value = (ushort)Math.Clamp(Math.Round(audio[(b * channels + c) * samples + i] * Scale) + 32768, 0, 65535);
                    var book = 2 * (c * hop + i % hop);
                    codes[book][b][i / hop] = value >> 8;
                    codes[book + 1][b][i / hop] = value & 255;
                }
        return new Codes(Info.Books, codes, frames).Take(books ?? Info.Books.Count);
    }

    public Tensor Decode(Codes codes, long? samples = null, StreamState? state = null)
    {
        var (batch, frames) = (codes.Batch, codes.Frames);
        var audio = new float[batch * channels * frames * hop];
        for (var b = 0; b < batch; b++)
            for (var c = 0; c < channels; c++)
                for (var i = 0; i < frames * hop; i++)
                {
                    var book = 2 * (c * hop + i % hop);
                    var value = (codes[book, b][i / hop] << 8) + codes[book + 1, b][i / hop];
                    var spoiled = !causal && frames > 2 * Edge && (i / hop < Edge || i / hop >= frames - Edge);
                    audio[(b * channels + c) * frames * hop + i] = spoiled ? 0.9f : (float)((value - 32768) / Scale);
                }
        using var all_BCS = tensor(audio, [batch, channels, frames * hop]);
        if (state is null)
            return all_BCS.narrow(2, delay, Math.Min(samples ?? long.MaxValue, frames * hop - delay)).contiguous();
        var slot = state.Slot(this, () => { using var silence = zeros(batch, channels, delay); return new TensorSlot(silence); });
        using var joined_BCS = cat([slot.Value, all_BCS], 2);
        using var tail_BCS = joined_BCS.narrow(2, frames * hop, delay);
        slot.Set(tail_BCS);
        return joined_BCS.narrow(2, 0, frames * hop).contiguous();
    }

    public void Dispose() { }

    private int[][][] NewCodes(int batch, int frames)
        => [.. Info.Books.Select(_ => Enumerable.Range(0, batch).Select(_ => new int[frames]).ToArray())];
}
