using System.Text.Json;
using System.Text.Json.Serialization;
using Codec.Audio;
using Codec.Core.Quantizers;

namespace Codec.Core.Codecs.Native;

/// <summary>
/// Our own codec family: log-magnitude STFT in, causal ConvNeXt blocks at frame rate, a quantizer,
/// causal blocks again, inverse STFT with magnitude and phase out (the head of Vocos, Siuzdak 2023).
/// </summary>
public sealed record NativeConfig
{
    /// <summary>Name in catalogues and file headers.</summary>
    public string Name { get; init; } = "native/16khz";

    /// <summary>Hz.</summary>
    public int SampleRate { get; init; } = 16000;

    /// <summary>Samples per codec frame: a multiple of <see cref="StftHop"/>.</summary>
    public int HopLength { get; init; } = 320;

    /// <summary>Samples per analysis and synthesis window: a multiple of <see cref="StftHop"/>.</summary>
    public int WindowLength { get; init; } = 640;

    /// <summary>Samples between spectra.</summary>
    public int StftHop { get; init; } = 160;

    /// <summary>
    /// Samples by which the output lags the input. All layers are strictly causal; what lies between the lag and the
    /// synthesis window's own WindowLength - StftHop samples is the model's look-ahead.
    /// </summary>
    public int DelaySamples { get; init; } = 960;

    public int EncoderWidth { get; init; } = 256;
    public int EncoderBlocks { get; init; } = 4;
    public int LatentDim { get; init; } = 64;
    public int DecoderWidth { get; init; } = 320;
    public int DecoderBlocks { get; init; } = 6;
    public int HeadWidth { get; init; } = 256;

    /// <summary>Blocks at the rate of the spectra, after upsampling.</summary>
    public int HeadBlocks { get; init; } = 2;

    /// <summary>Width of the block's inner layer as a multiple of its width.</summary>
    public int Expansion { get; init; } = 3;

    /// <summary>Frames that a depthwise convolution sees.</summary>
    public int Kernel { get; init; } = 7;

    public QuantizerConfig Quantizer { get; init; } = new();

    /// <summary>Phases that follow the pitch; null: the decoder makes all phases itself.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ExcitationConfig? Excitation { get; init; }

    /// <summary>The waveform's low band as a second input of the decoder; null: it has codes only.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public LowbandConfig? Lowband { get; init; }

    /// <summary>Spectra per codec frame.</summary>
    [JsonIgnore]
    public int SpectraPerFrame => HopLength / StftHop;

    /// <summary>Bins of a spectrum.</summary>
    [JsonIgnore]
    public int Bins => WindowLength / 2 + 1;

    internal static JsonSerializerOptions Json { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };

    /// <exception cref="ConfigException">A value is out of range or two contradict each other.</exception>
    public NativeConfig Validate()
    {
        Require.InRange(SampleRate, 4000, 192000);
        Require.Positive(StftHop);
        Require.That(HopLength > 0 && HopLength % StftHop == 0, nameof(HopLength), $"a multiple of {nameof(StftHop)} ({StftHop})", HopLength);
        Require.That(WindowLength >= 2 * StftHop && WindowLength % (2 * StftHop) == 0, nameof(WindowLength),
            $"a multiple of twice {nameof(StftHop)} ({2 * StftHop})", WindowLength);
        Require.That(DelaySamples >= WindowLength - StftHop, nameof(DelaySamples),
            $"at least {nameof(WindowLength)} - {nameof(StftHop)} ({WindowLength - StftHop})", DelaySamples);
        foreach (var (name, width) in new[] { (nameof(EncoderWidth), EncoderWidth), (nameof(DecoderWidth), DecoderWidth), (nameof(HeadWidth), HeadWidth), (nameof(LatentDim), LatentDim) })
            Require.InRange(width, 1, 8192, name);
        foreach (var (name, blocks) in new[] { (nameof(EncoderBlocks), EncoderBlocks), (nameof(DecoderBlocks), DecoderBlocks), (nameof(HeadBlocks), HeadBlocks) })
            Require.InRange(blocks, 0, 128, name);
        Require.InRange(Expansion, 1, 16);
        Require.InRange(Kernel, 1, 255);
        Quantizer.Validate();
        Excitation?.Validate(this);
        Lowband?.Validate(this);
        return this;
    }

    /// <summary>Reads a validated config; unknown members are refused.</summary>
    /// <exception cref="ConfigException">Not JSON, or not a config of this family.</exception>
    public static NativeConfig FromJson(string json, string source = "config")
    {
        try
        {
            return (JsonSerializer.Deserialize<NativeConfig>(json, Json) ?? throw new ConfigException($"{source}: empty")).Validate();
        }
        catch (JsonException e)
        {
            throw new ConfigException($"{source}: {e.Message}", e);
        }
    }

    public string ToJson() => JsonSerializer.Serialize(this, Json);
}
