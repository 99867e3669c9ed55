using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Vocos;

/// <summary>
/// Vocos (Siuzdak 2023, arXiv 2306.00814): a vocoder for log-mel features or for EnCodec codes. Keys: feature_extractor,
/// backbone, head.
/// </summary>
public sealed class VocosModel : nn.Module
{
    private const int BlockFrames = 1000;

    private readonly nn.Module feature_extractor;
    private readonly VocosBackbone backbone;
    private readonly VocosHead head;

    /// <param name="config">Shape.</param>
    /// <param name="codebookRows">Rows of the table of a model that decodes codes: codebooks x entries.</param>
    public VocosModel(VocosConfig config, int codebookRows = 0) : base(nameof(VocosModel))
    {
        (Config, CodebookRows) = (config, codebookRows);
        feature_extractor = config.Mel is { } mel ? new VocosMel(mel) : new CodeTable(codebookRows, config.Backbone.InputChannels);
        backbone = new VocosBackbone(config.Backbone);
        head = new VocosHead(config.Head);
        RegisterComponents();
    }

    public VocosConfig Config { get; }

    /// <summary>Codebooks x entries of a model that decodes codes; 0 for mel features.</summary>
    public int CodebookRows { get; }

    /// <summary>Frames on either side that a frame of audio depends on.</summary>
    private int Reach => 3 * (Config.Backbone.Layers + 1) + Config.Head.FrameLength / Config.Head.HopLength + 1;

    /// <summary>As <see cref="Decode"/>, some frames at a time with all that they depend on, so that memory stays flat.</summary>
    /// <returns>[B, samples]; every piece is the caller's.</returns>
    public IEnumerable<Tensor> DecodeLong(Tensor features_BCT, int bandwidth = 0)
    {
        var (frames, hop) = (features_BCT.shape[2], (long)Config.Head.HopLength);
        for (var start = 0L; start < frames; start += BlockFrames)
        {
            var (first, last) = (Math.Max(0, start - Reach), Math.Min(frames, start + BlockFrames + Reach));
            using var window_BCT = features_BCT.narrow(2, first, last - first);
            using var audio_BS = Decode(window_BCT, bandwidth);
            var length = start + BlockFrames < frames ? BlockFrames * hop : audio_BS.shape[1] - (start - first) * hop;
            if (length > 0)
                yield return audio_BS.narrow(1, (start - first) * hop, length).clone();
        }
    }

    /// <summary>The feature extractor of a mel model.</summary>
    /// <exception cref="InvalidOperationException">A model for codes.</exception>
    public VocosMel Mel => feature_extractor as VocosMel ?? throw new InvalidOperationException("this Vocos model decodes EnCodec codes, not mel features");

    /// <summary>Features [B, D, T] of EnCodec codes int64 [B, K, T].</summary>
    /// <exception cref="InvalidOperationException">A model for mel features.</exception>
    public Tensor FeaturesOf(Tensor codes_BKT, int entries)
        => (feature_extractor as CodeTable ?? throw new InvalidOperationException("this Vocos model decodes mel features, not codes")).Sum(codes_BKT, entries);

    /// <param name="features_BCT">[B, C, T].</param>
    /// <param name="bandwidth">Row of the adaptive norms.</param>
    /// <param name="observe">Sees path and output of every layer.</param>
    /// <returns>[B, samples].</returns>
    public Tensor Decode(Tensor features_BCT, int bandwidth = 0, Action<string, Tensor>? observe = null)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        return head.Run(Backbone(features_BCT, bandwidth, observe), observe).MoveToOuterDisposeScope();
    }

    /// <summary>The hidden states before the head [B, T, Dim].</summary>
    public Tensor Backbone(Tensor features_BCT, int bandwidth = 0, Action<string, Tensor>? observe = null)
    {
        using var inference = inference_mode();
        return backbone.Run(features_BCT, bandwidth, observe is null ? null : (path, value) => observe("backbone." + path, value));
    }

    /// <summary>All codebooks of the EnCodec model, one under the other. Key: codebook_weights.</summary>
    private sealed class CodeTable : nn.Module
    {
        private readonly Parameter codebook_weights;

        public CodeTable(int rows, int dimension) : base(nameof(CodeTable))
        {
            codebook_weights = new Parameter(zeros(rows, dimension));
            RegisterComponents();
        }

        public Tensor Sum(Tensor codes_BKT, int entries)
        {
            using var scope = NewDisposeScope();
            var offsets = arange(codes_BKT.shape[1], dtype: ScalarType.Int64, device: codes_BKT.device).view(1, -1, 1) * entries;
            var rows = codebook_weights.index_select(0, (codes_BKT + offsets).flatten());
            return rows.view(codes_BKT.shape[0], codes_BKT.shape[1], codes_BKT.shape[2], -1).sum([1L]).transpose(1, 2).MoveToOuterDisposeScope();
        }
    }
}
