using System.Text.Json;
using Codec.Audio;

namespace Codec.Core.Codecs.Dac;

/// <summary>Shape of a DAC model (Kumar et al. 2023, arXiv 2306.06546).</summary>
public sealed record DacConfig
{
    /// <summary>Hz.</summary>
    public required int SampleRate { get; init; }

    /// <summary>Channels of the first encoder layer; every stride doubles them.</summary>
    public int EncoderDim { get; init; } = 64;

    /// <summary>Strides, finest first.</summary>
    public IReadOnlyList<int> EncoderRates { get; init; } = [2, 4, 8, 8];

    /// <summary>Channels of the latent; null: EncoderDim x 2^strides.</summary>
    public int? LatentDim { get; init; }

    /// <summary>Channels of the first decoder layer; every stride halves them.</summary>
    public int DecoderDim { get; init; } = 1536;

    /// <summary>Strides, coarsest first.</summary>
    public IReadOnlyList<int> DecoderRates { get; init; } = [8, 8, 4, 2];

    public int Codebooks { get; init; } = 9;

    public int CodebookSize { get; init; } = 1024;

    /// <summary>D of the entries of each codebook.</summary>
    public IReadOnlyList<int> CodebookDims { get; init; } = [8, 8, 8, 8, 8, 8, 8, 8, 8];

    /// <summary>Share of training items with fewer codebooks.</summary>
    public double QuantizerDropout { get; init; }

    /// <summary>Samples per frame.</summary>
    public int HopLength => EncoderRates.Aggregate(1, (a, b) => a * b);

    /// <summary>Channels of the latent.</summary>
    public int Latent => LatentDim ?? EncoderDim << EncoderRates.Count;

    /// <exception cref="ConfigException">A value is out of range or contradicts another.</exception>
    public DacConfig Validate()
    {
        Require.InRange(SampleRate, 1000, 768_000);
        Require.InRange(EncoderDim, 1, 4096);
        Require.InRange(DecoderDim, 1 << DecoderRates.Count, 65_536);
        Require.InRange(Latent, 1, 65_536);
        Require.That(EncoderRates.Count is > 0 and <= 16 && EncoderRates.All(r => r is > 0 and <= 1024), nameof(EncoderRates), "1 to 16 strides from 1 to 1024", string.Join(",", EncoderRates));
        Require.That(DecoderRates.Aggregate(1L, (a, b) => a * b) == HopLength, nameof(DecoderRates), $"a product of {HopLength}", string.Join(",", DecoderRates));
        Require.InRange(Codebooks, 1, 256);
        Require.InRange(CodebookSize, 2, 1 << 20);
        Require.That(CodebookDims.Count == Codebooks && CodebookDims.All(d => d is > 0 and <= 65_536), nameof(CodebookDims), $"{Codebooks} positive numbers", string.Join(",", CodebookDims));
        return this;
    }

    /// <summary>Reads the constructor arguments of the published code, or the config of the Hugging Face conversion.</summary>
    /// <exception cref="ConfigException">A value is missing or out of range.</exception>
    public static DacConfig Read(JsonElement json)
    {
        var fields = new JsonFields(json);
        var books = fields.Int("n_codebooks", 9);
        var rates = fields.Ints(["encoder_rates", "downsampling_ratios"], [2, 4, 8, 8]);
        return new DacConfig
        {
            SampleRate = fields.Int(["sample_rate", "sampling_rate"], 44_100),
            EncoderDim = fields.Int(["encoder_dim", "encoder_hidden_size"], 64),
            EncoderRates = rates,
            LatentDim = fields.IntOrNull(["latent_dim", "hidden_size"]),
            DecoderDim = fields.Int(["decoder_dim", "decoder_hidden_size"], 1536),
            DecoderRates = fields.Ints(["decoder_rates", "upsampling_ratios"], [.. rates.Reverse()]),
            Codebooks = books,
            CodebookSize = fields.Int("codebook_size", 1024),
            CodebookDims = fields.IntOrInts("codebook_dim", 8, books),
            QuantizerDropout = fields.Double("quantizer_dropout", 0),
        }.Validate();
    }
}
