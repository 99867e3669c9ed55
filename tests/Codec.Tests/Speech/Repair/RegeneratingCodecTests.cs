using Codec.Core;
using Codec.Speech.Repair;
using static TorchSharp.torch;

namespace Codec.Tests.Speech.Repair;

public sealed class RegeneratingCodecTests : IDisposable
{
    private readonly SmallRepair _small = new(RepairKind.Fine);

    public void Dispose() => _small.Dispose();

    [Theory, NoTensorLeaks]
    [InlineData(1, 7)] // books, frames a piece
    [InlineData(2, 1)]
    [InlineData(2, 40)]
    public void Streamed_is_offline(int books, int piece)
    {
        using var scope = NewDisposeScope();
        var codec = new RegeneratingCodec(_small.Codec, _small.Model);
        var codes = _small.Draw(60, seed: 1, books);
        var whole = codec.Decode(codes);
        using var state = new StreamState();
        var pieces = new List<Tensor>();
        for (var start = 0; start < 60; start += piece)
            pieces.Add(codec.Decode(codes.Slice(start, Math.Min(piece, 60 - start)), null, state));
        var delay = codec.Info.DelaySamples;
        var streamed = cat(pieces, 2);
        Tensors.Close(whole, streamed.narrow(2, delay, streamed.shape[2] - delay), 1e-5);
    }

    [Fact, NoTensorLeaks]
    public void Few_books_change_and_all_books_do_not()
    {
        using var scope = NewDisposeScope();
        using var codec = new RegeneratingCodec(_small.Codec, _small.Model);
        var codes = _small.Draw(30, seed: 2);
        Tensors.Equal(_small.Codec.Decode(codes), codec.Decode(codes));
        Assert.True(Tensors.MaxDifference(_small.Codec.Decode(codes.Take(1)), codec.Decode(codes.Take(1))) > 1e-4);
        Assert.Equal(500, codec.Decode(codes.Take(1), 500).shape[2]);
    }

    [Fact]
    public void A_model_for_lost_frames_does_not_serve()
    {
        using var other = new SmallRepair(RepairKind.Masked);
        Assert.Throws<ArgumentException>(() => new RegeneratingCodec(other.Codec, other.Model));
    }
}
