using Codec.Audio;
using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Codecs.Encodec;
using Codec.Core.Files;
using Codec.Core.Layers.Seanet;
using Codec.Core.Parity;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Files;

/// <summary>Codecs that code overlapping segments, in blocks of segments as files are coded.</summary>
public sealed class SegmentFileTests : IDisposable
{
    private const int Rate = 8000;
    private readonly Dictionary<double, EncodecCodec> _codecs = new[] { 0.01, 0.6 }.ToDictionary(overlap => overlap, Create);

    public void Dispose()
    {
        foreach (var codec in _codecs.Values)
            codec.Dispose();
    }

    [Theory, NoTensorLeaks]
    [InlineData(0.01, 1)]
    [InlineData(0.01, 7920)]     // ten strides
    [InlineData(0.01, 7928)]     // nine strides and a segment
    [InlineData(0.01, 33_001)]
    [InlineData(0.6, 20_003)]    // three segments lie over each other
    public void Blocks_of_segments_equal_the_whole(double overlap, int samples)
    {
        using var scope = NewDisposeScope();
        using var random = manual_seed(4);
        var codec = _codecs[overlap];
        var audio = randn(1, 2, samples) * 0.2;
        var codes = codec.Encode(audio);
        using var encoder = new AudioEncoder(codec, Rate, 2);
        var interleaved = audio.transpose(1, 2).contiguous().data<float>().ToArray();
        var parts = new List<Codes>();
        for (var i = 0; i < interleaved.Length; i += 5000)
            parts.AddRange(encoder.Push(interleaved.AsSpan(i, Math.Min(5000, interleaved.Length - i))));
        parts.AddRange(encoder.Finish());
        var joined = Codes.Concat(parts);
        Assert.Equal(codes.Segments!.Select(s => s.Frames), joined.Segments!.Select(s => s.Frames));
        Assert.Equal(codes.Segments!.SelectMany(s => s.Scales), joined.Segments!.SelectMany(s => s.Scales));
        for (var k = 0; k < codes.Books; k++)
            Assert.Equal(codes[k].ToArray(), joined[k].ToArray());

        using var decoder = new AudioDecoder(codec, Rate, 2);
        var back = new List<float>();
        foreach (var part in Enumerable.Range(0, codes.Segments!.Count).Select(i => codes.SliceSegments(i, 1)))
            back.AddRange(decoder.Push(part));
        back.AddRange(decoder.Finish(samples));
        Tensors.Close(codec.Decode(codes, samples).transpose(1, 2).reshape(-1), tensor(back.ToArray()), 1e-6);
    }

    [Fact, NoTensorLeaks]
    public void A_lost_block_is_silent_and_what_follows_stays_in_place()
    {
        using var scope = NewDisposeScope();
        using var random = manual_seed(4);
        var codec = _codecs[0.01];
        var audio = randn(1, 2, 30 * 792) * 0.2;
        var codes = codec.Encode(audio);
        using var decoder = new AudioDecoder(codec, Rate, 2);
        var lost = codes.SliceSegments(10, 10);
        var back = new List<float>();
        back.AddRange(decoder.Push(codes.SliceSegments(0, 10)));
        back.AddRange(decoder.PushLost(lost.Frames, codes.Specs));
        back.AddRange(decoder.Push(codes.SliceSegments(20, codes.Segments!.Count - 20)));
        back.AddRange(decoder.Finish(30 * 792));
        var (whole, got) = (codec.Decode(codes, 30 * 792).squeeze(0), tensor(back.ToArray()).view(-1, 2).t());
        Tensors.Close(whole.narrow(1, 0, 10 * 792), got.narrow(1, 0, 10 * 792), 1e-6);
        Assert.Equal(0, got.narrow(1, 10 * 792, 10 * 792).abs().max().item<float>());
        Tensors.Close(whole.narrow(1, 20 * 792 + 8, 9 * 792), got.narrow(1, 20 * 792 + 8, 9 * 792), 1e-6);
    }

    [Fact, NoTensorLeaks]
    public void A_file_keeps_segments_and_scales()
    {
        using var random = manual_seed(4);
        var codec = _codecs[0.01];
        using var signal = randn(2 * 20_001);
        var audio = Array.ConvertAll(signal.data<float>().ToArray(), x => 0.2f * x);
        var (source, file, back) = (new MemoryStream(), new MemoryStream(), new MemoryStream());
        using (var writer = AudioFile.OpenWrite(source, Rate, 2, new AudioFormat(AudioContainer.Wav, SampleEncoding.Float32), length: 20_001))
        {
            writer.Write(audio);
            writer.Complete();
        }
        using (var reader = AudioFile.OpenRead(new MemoryStream(source.ToArray())))
            CodecFile.Compress(reader, codec, file);
        using (var reader = new CodecFileReader(new MemoryStream(file.ToArray())))
        using (var writer = AudioFile.OpenWrite(back, Rate, 2, new AudioFormat(AudioContainer.Wav, SampleEncoding.Float32), length: 20_001))
        {
            CodecFile.Decompress(reader, codec, writer);
            writer.Complete();
        }
        var decoded = AudioFile.ReadAll(AudioFile.OpenRead(new MemoryStream(back.ToArray())));
        using var scope = NewDisposeScope();
        var audio_BCS = tensor(audio).view(1, -1, 2).transpose(1, 2).contiguous();
        var expected = codec.Decode(codec.Encode(audio_BCS), 20_001);
        Tensors.Close(expected[0, 1], tensor(decoded.Channel(1)), 1e-6);
    }

    [Fact]
    public void Windows_show_at_no_joint()
    {
        var probe = ChunkProbe.Run(_codecs[0.01]);
        Assert.True(probe.Joints > 0);
        Assert.Equal(0, probe.CodesDiffer);
        Assert.InRange(probe.Anywhere, 0, 1e-5);
    }

    private static EncodecCodec Create(double overlap)
    {
        using var seeded = manual_seed(3);
        return EncodecFamily.Create(new EncodecConfig
        {
            Seanet = new SeanetConfig { Channels = 2, Dimension = 8, Filters = 2, Ratios = [4, 2], LstmLayers = 1, TimeGroupNorm = true },
            SampleRate = Rate, Books = 2, CodebookSize = 64, Normalize = true, SegmentSeconds = 0.1, Overlap = overlap,
        });
    }
}
