using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Codecs;

/// <summary>What every codec without streaming does at the edges of a call.</summary>
internal static class OfflineCall
{
    /// <exception cref="NotSupportedException">A state was given.</exception>
    public static void RefuseState(StreamState? state, CodecInfo info)
    {
        if (state is not null)
            throw new NotSupportedException($"{info.Name} is not causal: it cannot be streamed; code long audio in chunks instead");
    }

    /// <summary>Checks [B, channels, S] and moves it to the device.</summary>
    public static Tensor Input(Tensor audio_BCS, CodecInfo info, Device device)
    {
        var shape = audio_BCS.shape;
        if (shape.Length != 3 || shape[1] != info.Channels || shape[2] == 0)
            throw new ArgumentException($"expected audio [batch, {info.Channels}, samples > 0], found [{string.Join(", ", shape)}]", nameof(audio_BCS));
        return audio_BCS.to(ScalarType.Float32).to(device);
    }

    /// <summary>Books to code: null = all.</summary>
    public static int Books(int? books, CodecInfo info)
    {
        var count = books ?? info.Books.Count;
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count, nameof(books));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, info.Books.Count, nameof(books));
        return count;
    }

    /// <summary>Zeros on the right up to a multiple of <paramref name="multiple"/>.</summary>
    public static Tensor PadToMultiple(Tensor audio_BCS, int multiple)
    {
        var missing = (multiple - audio_BCS.shape[^1] % multiple) % multiple;
        return missing == 0 ? audio_BCS.alias() : F.pad(audio_BCS, [0, missing]);
    }

    /// <summary>Exactly <paramref name="samples"/> samples, cut or filled with zeros at the end; null = as it is.</summary>
    public static Tensor Fit(Tensor audio_BCS, long? samples)
    {
        var length = audio_BCS.shape[^1];
        if (samples is not { } wanted || wanted == length)
            return audio_BCS.alias();
        return wanted < length ? audio_BCS.narrow(-1, 0, wanted).contiguous() : F.pad(audio_BCS, [0, wanted - length]);
    }
}
