using Codec.Core.Layers;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Codecs.Dac;

/// <summary>
/// The reference tool's chunked coding: all zero padding off, so that chunks join without a seam. Levels are
/// normalised before coding and restored afterwards.
/// </summary>
public sealed class DacChunkedCoder
{
    private const double TargetDb = -16;

    private readonly DacCodec _codec;
    private readonly Func<Tensor, double> _loudness;
    private readonly ConvGeometry[] _layers;

    /// <param name="codec">Stays the caller's.</param>
    /// <param name="loudness">Loudness in dB of [channels, samples]; null = <see cref="MeanSquareDb"/>.</param>
    public DacChunkedCoder(DacCodec codec, Func<Tensor, double>? loudness = null)
    {
        (_codec, _loudness) = (codec, loudness ?? MeanSquareDb);
        _layers = [.. codec.Model.encoder.Geometry, .. codec.Model.decoder.Geometry];
        var output = OutputLength(0);
        Delay = (int)((_layers.Reverse().Aggregate(output, (length, layer) => layer.Input(length)) - output) / 2);
    }

    /// <summary>Zeros added on both sides: half of what the unpadded network swallows.</summary>
    public int Delay { get; }

    /// <summary>Decoded samples of <paramref name="samples"/> samples when all padding is off.</summary>
    public long OutputLength(long samples) => _layers.Aggregate(samples, (length, layer) => layer.Output(length));

    /// <summary>10 log10 of the mean square.</summary>
    public static double MeanSquareDb(Tensor audio) => 10 * Math.Log10(audio.to(float64).square().mean().item<double>() + 1e-12);

    /// <param name="audio_CS">[channels, samples] at the codec's rate.</param>
    /// <param name="windowSeconds">Longer audio is coded in chunks of about this length.</param>
    /// <param name="books">How many; null = all.</param>
    /// <exception cref="ArgumentException">The window is shorter than what the network needs to yield one sample.</exception>
    public DacFile Compress(Tensor audio_CS, double windowSeconds = 5, int? books = null)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var (rate, hop, length) = (_codec.Info.SampleRate, _codec.Info.HopLength, audio_CS.shape[1]);
        var db = _loudness(audio_CS);
        var x = (audio_CS * Math.Pow(10, (TargetDb - db) / 20)).unsqueeze(1);
        x = x / Math.Max(1, x.abs().max().item<float>());
        var padded = length <= windowSeconds * rate;
        var (window, advance) = (length, length);
        if (!padded)
        {
            x = F.pad(x, [Delay, Delay]);
            window = (int)(windowSeconds * rate);
            window = (window + hop - 1) / hop * hop;
            advance = OutputLength(window);
            if (advance < 1)
                throw new ArgumentException($"a window of {windowSeconds} s is shorter than the network's reach of {window - advance} samples", nameof(windowSeconds));
        }
        var chunks = new List<Codes>();
        for (var start = 0L; start < length; start += advance)
            chunks.Add(EncodeChunk(x.narrow(-1, start, Math.Min(window, x.shape[2] - start)), window, padded, books));
        return new DacFile
        {
            Codes = Codes.Concat(chunks), InputDb = [(float)db], OriginalLength = length, SampleRate = rate,
            ChunkLength = chunks[0].Frames, Channels = (int)audio_CS.shape[0], Padding = padded,
        };
    }

    /// <returns>[channels, samples], as long as the original.</returns>
    public Tensor Decompress(DacFile file)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var raw = DecodeRaw(file).squeeze(1);
        var rows = raw.unbind(0).Select((row, r) =>
            row * Math.Pow(10, (file.InputDb[r / file.Channels] - _loudness(row.unsqueeze(0))) / 20)).ToArray();
        return OfflineCall.Fit(stack(rows), file.OriginalLength).MoveToOuterDisposeScope();
    }

    /// <summary>The decoded chunks joined, before any change of level [rows, 1, samples].</summary>
    public Tensor DecodeRaw(DacFile file)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var parts = new List<Tensor>();
        for (var start = 0; start < file.Codes.Frames; start += file.ChunkLength)
        {
            var codes = file.Codes.Slice(start, Math.Min(file.ChunkLength, file.Codes.Frames - start));
            var quantized_BTD = _codec.Model.quantizer.Decode(CodeTensors.ToTensor(codes, _codec.Info.Books, _codec.Device));
            parts.Add(_codec.RunDecoder(quantized_BTD.transpose(1, 2), file.Padding));
        }
        return cat(parts, -1).MoveToOuterDisposeScope();
    }

    private Codes EncodeChunk(Tensor x, long window, bool padded, int? books)
    {
        using var scope = NewDisposeScope();
        var filled = OfflineCall.PadToMultiple(F.pad(x, [0, window - x.shape[2]]), _codec.Info.HopLength);
        var latent_BDT = _codec.RunEncoder(filled.to(_codec.Device), padded);
        var codes_BKT = _codec.Model.quantizer.Encode(latent_BDT.transpose(1, 2).contiguous(), books);
        return CodeTensors.ToCodes(codes_BKT, _codec.Info.Books);
    }
}
