using System.Text;
using Codec.Audio;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>Turns transcripts, speakers and reference frames into <see cref="LmConditions"/>. What is absent has an embedding of its own.</summary>
public sealed class ConditionEncoder : nn.Module
{
    private const int EndOfText = 256;
    private readonly TokenEmbedding? text_emb, speaker_emb, reference_end;
    private readonly ConditionConfig _config;
    private readonly TransformerConfig _transformer;

    public ConditionEncoder(ConditionConfig config, TransformerConfig transformer) : base(nameof(ConditionEncoder))
    {
        (_config, _transformer) = (config.Validate(), transformer);
        text_emb = config.Text ? new TokenEmbedding(EndOfText, transformer.Dim) : null;
        speaker_emb = config.Speakers > 0 ? new TokenEmbedding(config.Speakers, transformer.Dim) : null;
        reference_end = config.ReferenceFrames > 0 ? new TokenEmbedding(0, transformer.Dim) : null;
        RegisterComponents();
    }

    /// <summary>Prefix positions of a row.</summary>
    public int PrefixLength(LmCondition row)
        => (TextIsPrefix ? Encoding.UTF8.GetByteCount(row.Text ?? "") + 1 : 0) + (reference_end is null ? 0 : ReferenceLength(row) + 1);

    private bool TextIsPrefix => text_emb is not null && !_transformer.CrossAttention;

    /// <param name="rows">One per row of the batch.</param>
    /// <param name="embed">[1, K, n] codes to [1, n, D]: the model's own embedding.</param>
    /// <param name="project">[B, L, D] and [B, L] to keys and values of cross-attention.</param>
    /// <exception cref="ConfigException">A speaker, a text or a reference that the model cannot take.</exception>
    internal LmConditions Encode(IReadOnlyList<LmCondition> rows, Func<Tensor, Tensor> embed, Func<Tensor, Tensor, CrossCondition> project)
    {
        using var scope = NewDisposeScope();
        foreach (var row in rows)
            Check(row);
        CrossCondition? cross = null;
        if (text_emb is not null && _transformer.CrossAttention)
        {
            var (text, mask) = Pad(rows.Select(row => Text(row.Text)).ToArray(), right: true);
            var places = arange(text.shape[1], ScalarType.Int64, text.device).unsqueeze(0);
            cross = project(text + Transformer.Sinusoids(places, _transformer.Dim, _transformer.MaxPeriod), mask);
        }
        Tensor? sum = null, prepend = null, exists = null;
        if (speaker_emb is not null)
            sum = speaker_emb.forward(tensor(rows.Select(row => (long)(row.Speaker ?? _config.Speakers)).ToArray(), device: Device)).unsqueeze(1).MoveToOuterDisposeScope();
        if (TextIsPrefix || reference_end is not null)
        {
            (prepend, exists) = Pad(rows.Select(row => Prefix(row, embed)).ToArray(), right: false);
            prepend.MoveToOuterDisposeScope();
            exists.MoveToOuterDisposeScope();
        }
        return new LmConditions(sum, prepend, cross, PrependMask_BP: exists);
    }

    private Device Device => parameters().First().device;

    private int ReferenceLength(LmCondition row) => Math.Min(row.Reference?[0].Length ?? 0, _config.ReferenceFrames);

    private void Check(LmCondition row)
    {
        Require.That(row.Text is null || _config.Text, "text", "a model that takes text", "none");
        Require.That(row.Speaker is null || (row.Speaker >= 0 && row.Speaker < _config.Speakers), "speaker", $"an index below {_config.Speakers}", row.Speaker);
        Require.That(row.Reference is null || _config.ReferenceFrames > 0, "reference", "a model that takes reference frames", "none");
    }

    private Tensor Text(string? text)
        => text_emb!.forward(tensor(Encoding.UTF8.GetBytes(text ?? "").Select(b => (long)b).Append(EndOfText).ToArray(), device: Device));

    // [P, D].
    private Tensor Prefix(LmCondition row, Func<Tensor, Tensor> embed)
    {
        List<Tensor> parts = [];
        if (TextIsPrefix)
            parts.Add(Text(row.Text));
        if (reference_end is not null)
        {
            var frames = ReferenceLength(row);
            if (frames > 0)
                parts.Add(embed(tensor(row.Reference!.SelectMany(book => book.Take(frames).Select(c => (long)c)).ToArray(), device: Device).view(1, -1, frames)).squeeze(0));
            parts.Add(reference_end.forward(zeros([1], ScalarType.Int64, Device)));
        }
        return cat(parts, 0);
    }

    private static (Tensor Joined_BPD, Tensor Mask_BP) Pad(Tensor[] rows, bool right)
    {
        var longest = rows.Max(r => r.shape[0]);
        var padded = rows.Select(r => nn.functional.pad(r, right ? [0, 0, 0, longest - r.shape[0]] : [0, 0, longest - r.shape[0], 0])).ToArray();
        var mask = rows.SelectMany(r => Enumerable.Range(0, (int)longest).Select(i => right ? i < r.shape[0] : i >= longest - r.shape[0])).ToArray();
        return (stack(padded), tensor(mask, device: rows[0].device).view(rows.Length, longest));
    }
}
