using System.Text.Json;
using Codec.Audio;

namespace Codec.Core.Codecs.Snac;

/// <summary>Shape of a SNAC model (Siuzdak et al. 2024, arXiv 2410.14411).</summary>
public sealed record SnacConfig
{
    /// <summary>Hz.</summary>
    public required int SampleRate { get; init; }

    /// <summary>Channels of the first encoder layer; every stride doubles them.</summary>
    public int EncoderDim { get; init; } = 48;

    /// <summary>Strides, finest first.</summary>
    public IReadOnlyList<int> EncoderRates { get; init; } = [2, 4, 8, 8];

    /// <summary>Channels of the latent; null: EncoderDim x 2^strides.</summary>
    public int? LatentDim { get; init; }

    /// <summary>Channels of the first decoder layer; every stride halves them.</summary>
    public int DecoderDim { get; init; } = 1024;

    /// <summary>Strides, coarsest first.</summary>
    public IReadOnlyList<int> DecoderRates { get; init; } = [8, 8, 4, 2];

    /// <summary>Frames per attention window; null: no attention.</summary>
    public int? AttentionWindow { get; init; }

    public int CodebookSize { get; init; } = 4096;

    public int CodebookDim { get; init; } = 8;

    /// <summary>Frames per code of each book, coarse first.</summary>
    public IReadOnlyList<int> Strides { get; init; } = [4, 2, 1];

    /// <summary>Decoder blocks add noise scaled by a learned map of their features.</summary>
    public bool Noise { get; init; } = true;

    /// <summary>One filter per channel in the residual units.</summary>
    public bool Depthwise { get; init; } = true;

    /// <summary>Samples per base frame.</summary>
    public int HopLength => EncoderRates.Aggregate(1, (a, b) => a * b);

    /// <summary>Channels of the latent.</summary>
    public int Latent => LatentDim ?? EncoderDim << EncoderRates.Count;

    /// <summary>Encoded audio is padded to a multiple of this many base frames.</summary>
    public int FrameMultiple
    {
        get
        {
            var window = AttentionWindow ?? 1;
            return Strides[0] / (int)System.Numerics.BigInteger.GreatestCommonDivisor(Strides[0], window) * window;
        }
    }

    /// <exception cref="ConfigException">A value is out of range or contradicts another.</exception>
    public SnacConfig Validate()
    {
        Require.InRange(SampleRate, 1000, 768_000);
        Require.InRange(EncoderDim, 1, 4096);
        Require.InRange(DecoderDim, 1 << DecoderRates.Count, 65_536);
        Require.InRange(Latent, 1, 65_536);
        Require.That(EncoderRates.Count is > 0 and <= 16 && EncoderRates.All(r => r is > 0 and <= 1024), nameof(EncoderRates), "1 to 16 strides from 1 to 1024", string.Join(",", EncoderRates));
        Require.That(DecoderRates.Aggregate(1L, (a, b) => a * b) == HopLength, nameof(DecoderRates), $"a product of {HopLength}", string.Join(",", DecoderRates));
        Require.That(AttentionWindow is null or > 0 and <= 65_536, nameof(AttentionWindow), "1 to 65536", AttentionWindow);
        Require.InRange(CodebookSize, 2, 1 << 20);
        Require.InRange(CodebookDim, 1, 65_536);
        Require.That(Strides.Count is > 0 and <= 64 && Strides.All(s => s > 0 && Strides[0] % s == 0), nameof(Strides), "divisors of the first", string.Join(",", Strides));
        return this;
    }

    /// <summary>Reads the constructor arguments of the published code (its config.json).</summary>
    /// <exception cref="ConfigException">A value is missing or out of range.</exception>
    public static SnacConfig Read(JsonElement json)
    {
        var fields = new JsonFields(json);
        return new SnacConfig
        {
            SampleRate = fields.Int("sampling_rate", 44_100),
            EncoderDim = fields.Int("encoder_dim", 64),
            EncoderRates = fields.Ints("encoder_rates", [3, 3, 7, 7]),
            LatentDim = fields.IntOrNull("latent_dim"),
            DecoderDim = fields.Int("decoder_dim", 1536),
            DecoderRates = fields.Ints("decoder_rates", [7, 7, 3, 3]),
            AttentionWindow = fields.IntOrNull("attn_window_size"),
            CodebookSize = fields.Int("codebook_size", 4096),
            CodebookDim = fields.Int("codebook_dim", 8),
            Strides = fields.Ints("vq_strides", [8, 4, 2, 1]),
            Noise = fields.Flag("noise", true),
            Depthwise = fields.Flag("depthwise", true),
        }.Validate();
    }
}
