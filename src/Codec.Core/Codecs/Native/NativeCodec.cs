using System.Runtime.InteropServices;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Prediction;
using Codec.Core.Codecs.Native.Inference;
using Codec.Core.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Native;

/// <summary>
/// A native model behind <see cref="ICodec"/>: inference only. On the CPU it runs by own kernels, packed when they are first
/// needed; the weights must not change afterwards. On other devices it runs the model's operators.
/// </summary>
public sealed class NativeCodec : ISampleCodec, ISearchingCodec, INestingCodec, IVariableCodec, ILowbandCodec
{
    private readonly Lazy<NativeModel> _model;
    private readonly Lazy<NativeKernels>? _kernels;
    private readonly bool _borrowed; // another codec owns model and kernels
    private readonly int _effort;
    private readonly NestedEntries? _nested;
    private readonly Quantizers.RateAwareSearch? _priced;
    private readonly BookThinning? _thinning; // frames may lack books
    private readonly (int Books, int Steps)? _low; // the low band behind so many books

    /// <param name="model">Owned from here on; switched to evaluation mode.</param>
    /// <param name="weightHash">Lower-case hex SHA-256 of the weight file.</param>
    /// <param name="tokenHash">See <see cref="CodecInfo.TokenHash"/>.</param>
    public NativeCodec(NativeModel model, string weightHash = "", string tokenHash = "") : this(model.Config, weightHash, tokenHash)
    {
        model.eval();
        _model = new Lazy<NativeModel>(model);
        if (model.parameters().First() is { device_type: DeviceType.CPU, dtype: ScalarType.Float32 })
            _kernels = new Lazy<NativeKernels>(() => new NativeKernels(model.Config, NativeWeights.Of(model), model.Quantizer));
    }

    /// <summary>A codec of kernels; the model is built if someone asks for it.</summary>
    internal NativeCodec(NativeConfig config, NativeKernels kernels, Func<NativeModel> model, string weightHash, string tokenHash) : this(config, weightHash, tokenHash)
    {
        _kernels = new Lazy<NativeKernels>(kernels);
        _model = new Lazy<NativeModel>(model);
    }

    private NativeCodec(NativeCodec owner, int effort, NestedEntries? nested, Quantizers.RateAwareSearch? priced)
    {
        (_model, _kernels, _borrowed, _effort, _nested, _priced) = (owner._model, owner._kernels, true, effort, nested, priced);
        Info = nested?.Describe(owner.Info) ?? owner.Info;
    }

    private NativeCodec(NativeCodec owner, BookThinning thinning) : this(owner, owner._effort, null, owner._priced)
        => (_thinning, Info) = (thinning, owner.Info with { Books = VariableBooks.Of(owner.Info.Books) });

    private NativeCodec(NativeCodec owner, int books, int steps) : this(owner, owner._effort, null, owner._priced)
        => (_low, Info) = ((books, steps), owner.Info with { Books = LowbandBooks.Of(owner.Info.Books, books, owner.LowbandCoefficients, steps) });

    private NativeCodec(NativeConfig config, string weightHash, string tokenHash)
    {
        _model = null!;
        Info = InfoOf(config, NativeFamily.PresetOf(config), weightHash) with { TokenHash = tokenHash };
    }

    public CodecInfo Info { get; }

    public NativeModel Model => _model.Value;

    public Device Device => TakesSamples ? CPU : Model.parameters().First().device;

    /// <inheritdoc/>
    public bool TakesSamples => _kernels is not null;

    /// <inheritdoc/>
    public int EncoderContextFrames => Own.EncoderContext;

    /// <inheritdoc/>
    public int DecoderContextFrames => Own.DecoderContext;

    /// <inheritdoc/>
    public bool Searches => TakesSamples && Own.Searches;

    /// <inheritdoc/>
    public ICodec WithEffort(int effort)
    {
        _ = Quantizers.ResidualSearch.Width(effort);
        return effort == 0 || Searches ? new NativeCodec(this, effort, _nested, _priced)
            : throw new NotSupportedException($"{Info.Name}: codes of its quantizer cannot be searched for{(TakesSamples ? "" : $" on {Device}")}");
    }

    /// <inheritdoc/>
    public ICodec WithRateAwareness(double share)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(share);
        if (share == 0)
            return new NativeCodec(this, _effort, _nested, null);
        if (_nested is not null || !Searches)
            throw new NotSupportedException($"{Info.Name}: codes of its quantizer cannot be searched for");
        if (EntropyPriors.For(CodecFileHeader.HashPrefix(Info.TokenHash)) is not NeuralPrior prior || !prior.Fits(Info.Books))
            throw new NotSupportedException($"{Info.Name}: no trained tables say what its codes cost");
        var frames = CodecFileHeader.DefaultBlockFrames(Info.Books, Info.FrameRate);
        return new NativeCodec(this, _effort, null, new Quantizers.RateAwareSearch([.. Info.Books.Select((_, book) => Own.Entries(book))], prior, share, frames));
    }

    /// <summary>What the last book is shrunk to; null: it is whole.</summary>
    public NestedBook? Nested => _nested?.Book;

    /// <inheritdoc/>
    public ICodec WithNested(NestedBook nested)
    {
        if (_nested is not null || _low is not null || nested.Book >= Info.Books.Count || nested.Map.Length != Info.Books[nested.Book].Size)
            throw new ArgumentException($"expected clusters of a whole book of {Info.Name}, found {nested.Map.Length} codes of book {nested.Book}", nameof(nested));
        if (_kernels is { Value.Searches: true } kernels)
            return new NativeCodec(this, _effort, new NestedEntries(nested, kernels.Value.Entries(nested.Book)), _priced);
        if (Model.Quantizer is not Quantizers.ResidualVectorQuantizer quantizer)
            throw new NotSupportedException($"{Info.Name}: its quantizer has no entries to average");
        using var scope = NewDisposeScope();
        return new NativeCodec(this, _effort, new NestedEntries(nested, quantizer.Codebooks.ElementAt(nested.Book).Entries.detach().to(float32).cpu().contiguous().data<float>().ToArray()), _priced);
    }

    /// <inheritdoc/>
    public ICodec WithVariableBooks(double share)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(share);
        if (_nested is not null || _thinning is not null || _low is not null || !Searches || Info.Books.Count <= VariableBooks.First)
            throw new NotSupportedException($"{Info.Name}: its frames cannot lack books{(TakesSamples ? "" : $" on {Device}")}");
        return new NativeCodec(this, new BookThinning([.. Info.Books.Select((_, book) => Own.Entries(book))], Info.Books, share));
    }

    /// <inheritdoc/>
    public int LowbandCoefficients => Info.LowbandCoefficients;

    /// <inheritdoc/>
    public ICodec WithLowband(int books, int steps)
    {
        RequireLowband();
        return new NativeCodec(this, books, steps);
    }

    /// <inheritdoc/>
    public float[] LowbandShares(ReadOnlySpan<float> samples, Codes codes)
    {
        RequireLowband();
        RequireFrames(samples.Length, nameof(samples));
        return Own.LowbandShares(samples, codes);
    }

    private void RequireLowband()
    {
        if (LowbandCoefficients == 0 || _nested is not null || _thinning is not null || _low is not null || !Searches)
            throw new NotSupportedException($"{Info.Name}: has no low band{(TakesSamples ? "" : $" on {Device}")}");
    }

    private NativeKernels Own => _kernels?.Value ?? throw new NotSupportedException($"{Info.Name} runs on {Device} and takes tensors only");

    /// <inheritdoc/>
    public Codes EncodeSamples(ReadOnlySpan<float> samples_BS, int batch, int? books = null, StreamState? state = null)
    {
        RequireFrames(batch == 0 ? 0 : samples_BS.Length / batch, nameof(samples_BS));
        if (_thinning is not null)
            return _thinning.Thin(Own.Encode(samples_BS, batch, Info.Books.Count, state, _effort, _priced), samples_BS, state).Take(Math.Min(books ?? Info.Books.Count, Info.Books.Count));
        if (_low is { } low)
            return Own.WithLowband(samples_BS, Own.Encode(samples_BS, batch, low.Books, state, _effort, _priced), low.Steps, state).Take(Math.Min(books ?? Info.Books.Count, Info.Books.Count));
        return Nest(Own.Encode(samples_BS, batch, Math.Min(books ?? Info.Books.Count, Info.Books.Count), state, _effort, _priced));
    }

    /// <inheritdoc/>
    public float[] DecodeSamples(Codes codes, StreamState? state = null)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(codes.Books, Info.Books.Count, nameof(codes));
        for (var book = 0; book < codes.Books; book++)
            for (var item = 0; item < codes.Batch; item++)
                foreach (var code in codes[book, item])
                    if ((uint)code >= (uint)Info.Books[book].Size)
                        throw new ArgumentException($"book {book}: expected a code in [0, {Info.Books[book].Size}), found {code}", nameof(codes));
        if (_low is not null && codes.Books > _low.Value.Books)
            return codes.Books == Info.Books.Count ? Own.DecodeLowband(codes, state)
                : throw new ArgumentException($"expected all {LowbandCoefficients} coefficients of the low band, found {codes.Books - _low.Value.Books}", nameof(codes));
        return Own.Decode(codes, state, _nested);
    }

    private Codes Nest(Codes codes) => codes.Books == _nested?.Books ? _nested.Book.Shrink(codes) : codes;

    /// <inheritdoc/>
    public Codes Encode(Tensor audio_BCS, int? books = null, StreamState? state = null)
    {
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        var audio_BS = audio_BCS.to(Device).squeeze(1);
        var samples = audio_BS.shape[1];
        if (state is null)
            audio_BS = nn.functional.pad(audio_BS, [0, (long)Info.FramesFor(samples) * Info.HopLength - samples]);
        else
            RequireFrames(samples, nameof(audio_BCS));
        if (TakesSamples)
        {
            var flat_BS = audio_BS.to(float32).contiguous();
            return EncodeSamples(MemoryMarshal.Cast<byte, float>(flat_BS.bytes), (int)flat_BS.shape[0], books, state);
        }
        var codes_BKT = Model.Quantizer.Encode(Model.Encoder.forward(audio_BS, state), books ?? Info.Books.Count);
        return Nest(CodeTensors.ToCodes(codes_BKT, Model.Quantizer.Books));
    }

    /// <inheritdoc/>
    public Tensor Decode(Codes codes, long? samples = null, StreamState? state = null)
    {
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        var audio_BS = TakesSamples
            ? tensor(DecodeSamples(codes, state), [codes.Batch, (long)codes.Frames * Info.HopLength])
            : Model.Decoder.forward(LatentOf(codes), state);
        return Cut(audio_BS, samples, state).MoveToOuterDisposeScope();
    }

    /// <summary>The sums of code vectors that the decoder reads.</summary>
    /// <param name="codes">All books or a prefix.</param>
    /// <returns>[B, T, D].</returns>
    /// <exception cref="NotSupportedException">Frames may lack books.</exception>
    public Tensor LatentOf(Codes codes)
    {
        if (_thinning is not null || _low is not null)
            throw new NotSupportedException($"{Info.Name}: latents of frames that may lack books or have a low band");
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        if (codes.Books != _nested?.Books)
            return Model.Quantizer.Decode(CodeTensors.ToTensor(codes, Device)).MoveToOuterDisposeScope();
        var latent_BTD = _nested.Vectors(codes).to(Device);
        if (codes.Books > 1)
            latent_BTD += Model.Quantizer.Decode(CodeTensors.ToTensor(codes.Take(codes.Books - 1), Device));
        return latent_BTD.MoveToOuterDisposeScope();
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
        var (batch, frames) = ((int)latent_BTD.shape[0], (int)latent_BTD.shape[1]);
        var audio_BS = TakesSamples
            ? tensor(Own.Decode(ChannelPattern.Values(latent_BTD), batch, frames, state), [batch, (long)frames * Info.HopLength])
            : Model.Decoder.forward(latent_BTD, state);
        return Cut(audio_BS, samples, state).MoveToOuterDisposeScope();
    }

    /// <summary>Offline: without the delay, and no longer than wanted.</summary>
    private Tensor Cut(Tensor audio_BS, long? samples, StreamState? state)
    {
        if (state is not null)
            return audio_BS.unsqueeze(1);
        var start = Math.Min(Info.DelaySamples, audio_BS.shape[1]);
        var available = audio_BS.shape[1] - start;
        return audio_BS.narrow(1, start, Math.Min(samples ?? available, available)).unsqueeze(1);
    }

    internal static CodecInfo InfoOf(NativeConfig config, CodecPreset preset, string weightHash = "") => new()
    {
        Name = preset.Name,
        CatalogueId = preset.Id,
        SampleRate = config.SampleRate,
        HopLength = config.HopLength,
        Books = config.Quantizer.BookSpecs(),
        Causal = true,
        PieceSeconds = 20,
        DelaySamples = config.DelaySamples,
        DecoderMemoryFrames = config.DecoderBlocks * (config.Kernel - 1)
            + (config.HeadBlocks * (config.Kernel - 1) * config.StftHop + config.WindowLength + config.DelaySamples) / config.HopLength + 2
            + (config.Excitation is { } excitation ? (excitation.PeriodSpectra + Excitation.Ramp) / config.SpectraPerFrame + 1 : 0),
        DecoderGridFrames = config.Excitation is null ? 1 : config.Excitation.PeriodSpectra / config.SpectraPerFrame,
        LowbandCoefficients = config.Lowband?.Coefficients ?? 0,
        WeightHash = weightHash,
    };

    public void Dispose()
    {
        if (_borrowed)
            return;
        if (_kernels is { IsValueCreated: true })
            _kernels.Value.Dispose();
        if (_model.IsValueCreated)
            _model.Value.Dispose();
    }

    private void RequireFrames(long samples, string parameter)
    {
        if (samples % Info.HopLength != 0)
            throw new ArgumentException($"a stream is fed multiples of {Info.HopLength} samples, found {samples}", parameter);
    }
}
