using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Native;

/// <summary>A native model behind <see cref="ICodec"/>: inference only.</summary>
public sealed class NativeCodec : ICodec
{
    private readonly NativeModel _model;

    /// <param name="model">Owned from here on; switched to evaluation mode.</param>
    /// <param name="weightHash">Lower-case hex SHA-256 of the weight file.</param>
    /// <param name="tokenHash">See <see cref="CodecInfo.TokenHash"/>.</param>
    public NativeCodec(NativeModel model, string weightHash = "", string tokenHash = "")
    {
        _model = model;
        _model.eval();
        Info = InfoOf(model.Config, NativeFamily.PresetOf(model.Config), weightHash) with { TokenHash = tokenHash };
    }

    public CodecInfo Info { get; }

    public NativeModel Model => _model;

    public Device Device => _model.parameters().First().device;

    /// <inheritdoc/>
    public Codes Encode(Tensor audio_BCS, int? books = null, StreamState? state = null)
    {
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        var audio_BS = audio_BCS.to(Device).squeeze(1);
        var samples = audio_BS.shape[1];
        if (state is null)
        {
            var frames = Info.FramesFor(samples);
            audio_BS = nn.functional.pad(audio_BS, [0, (long)frames * Info.HopLength - samples]);
        }
        else if (samples % Info.HopLength != 0)
        {
            throw new ArgumentException($"a stream is fed multiples of {Info.HopLength} samples, found {samples}", nameof(audio_BCS));
        }
        var codes_BKT = _model.Quantizer.Encode(_model.Encoder.forward(audio_BS, state), books);
        return CodeTensors.ToCodes(codes_BKT, Info.Books);
    }

    /// <inheritdoc/>
    public Tensor Decode(Codes codes, long? samples = null, StreamState? state = null)
    {
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        return DecodeLatent(LatentOf(codes), samples, state).MoveToOuterDisposeScope();
    }

    /// <summary>The sums of code vectors that the decoder reads.</summary>
    /// <param name="codes">All books or a prefix.</param>
    /// <returns>[B, T, D].</returns>
    public Tensor LatentOf(Codes codes)
    {
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        return _model.Quantizer.Decode(CodeTensors.ToTensor(codes, Device)).MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="Decode"/>, from latents that need not be sums of code vectors.</summary>
    /// <param name="latent_BTD">[B, T, D].</param>
    /// <param name="samples">Offline: wanted length; null for all that the frames hold.</param>
    /// <param name="state">What the stream remembers; null = offline.</param>
    /// <returns>[B, 1, S].</returns>
    public Tensor DecodeLatent(Tensor latent_BTD, long? samples = null, StreamState? state = null)
    {
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        var audio_BS = _model.Decoder.forward(latent_BTD, state);
        if (state is null)
        {
            var start = Math.Min(Info.DelaySamples, audio_BS.shape[1]);
            var available = audio_BS.shape[1] - start;
            audio_BS = audio_BS.narrow(1, start, Math.Min(samples ?? available, available));
        }
        return audio_BS.unsqueeze(1).MoveToOuterDisposeScope();
    }

    internal static CodecInfo InfoOf(NativeConfig config, CodecPreset preset, string weightHash = "") => new()
    {
        Name = preset.Name,
        CatalogueId = preset.Id,
        SampleRate = config.SampleRate,
        HopLength = config.HopLength,
        Books = config.Quantizer.BookSpecs(),
        Causal = true,
        DelaySamples = config.DelaySamples,
        DecoderMemoryFrames = config.DecoderBlocks * (config.Kernel - 1)
            + (config.HeadBlocks * (config.Kernel - 1) * config.StftHop + config.WindowLength + config.DelaySamples) / config.HopLength + 2,
        WeightHash = weightHash,
    };

    public void Dispose() => _model.Dispose();
}
