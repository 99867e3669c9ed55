using Codec.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Support;

/// <summary>Says what is asked of the low band of a codec; its codes are all alike, its coefficients the first samples of a frame.</summary>
internal sealed class LowbandCodec(IReadOnlyList<CodebookSpec> books, int coefficients) : ILowbandCodec
{
    public CodecInfo Info { get; } = new() { Name = "test/lowband", SampleRate = 16000, HopLength = 320, Books = books, TokenHash = "00000009" };

    public Device Device => CPU;

    public int LowbandCoefficients => coefficients;

    /// <summary>What <see cref="WithLowband"/> was asked for last.</summary>
    public (int Books, int Steps) Given { get; private set; }

    public ICodec WithLowband(int books, int steps)
    {
        Given = (books, steps);
        return this;
    }

    public float[] LowbandShares(ReadOnlySpan<float> samples, Codes codes)
    {
        var shares = new float[codes.Frames * coefficients];
        for (var i = 0; i < shares.Length; i++)
            shares[i] = samples[i / coefficients * Info.HopLength + i % coefficients] / codes.Books;
        return shares;
    }

    public Codes Encode(Tensor audio_BCS, int? books = null, StreamState? state = null)
    {
        var frames = Info.FramesFor((int)audio_BCS.shape[2]);
        return new Codes(Info.Books, [.. Info.Books.Select(_ => new[] { new int[frames] })], frames).Take(books ?? Info.Books.Count);
    }

    public Tensor Decode(Codes codes, long? samples = null, StreamState? state = null) => throw new NotSupportedException();

    public void Dispose()
    {
    }
}
