using Codec.Audio;
using Codec.Speech.Lm;
using Codec.Speech.Sampling;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Speech.Drafting;

/// <summary>A language model that verifies drafts: text, or codes in the flat pattern.</summary>
public sealed class LmVerifier : IVerifier, IDisposable
{
    private readonly FlatStream _stream;
    private readonly KvCache _cache;
    private Tensor? _hidden;

    /// <param name="model">In evaluation mode.</param>
    /// <param name="capacity">Tokens, drafts included.</param>
    public LmVerifier(SpeechLm model, int capacity)
    {
        _stream = new FlatStream(model);
        _cache = new KvCache(model.Config.Transformer, 1, capacity + 1, device: model.Device);
        using var mode = inference_mode();
        _stream.Read(_cache, [0], [[-1]], [-1]).Dispose();
    }

    public SpeechLm Model => _stream.Model;

    /// <summary>Outputs of the last call, [n, D].</summary>
    internal Tensor Hidden => _hidden ?? throw new InvalidOperationException("nothing was read yet");

    /// <inheritdoc/>
    public float[][] Read(ReadOnlySpan<int> tokens)
    {
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        var first = (int)_cache.Length(0) - 1;
        _hidden?.Dispose();
        _hidden = _stream.Read(_cache, [0], [tokens.ToArray()], [first]).squeeze(0).DetachFromDisposeScope();
        return Enumerable.Range(0, tokens.Length).Select(i => _stream.Logits(_hidden[i], first + i + 1)).ToArray();
    }

    /// <inheritdoc/>
    public void Rewind(int length) => _cache.Rewind(0, length + 1);

    public void Dispose()
    {
        _hidden?.Dispose();
        _cache.Dispose();
    }
}

/// <summary>Blockwise drafts (arXiv 1811.03115): the model's own <see cref="DraftHeads"/>, from the output that gave the last token.</summary>
public sealed class BlockwiseDrafter : IDrafter
{
    private readonly LmVerifier _verifier;
    private int _at = -1;

    /// <param name="verifier">Its model must have draft heads.</param>
    /// <exception cref="ConfigException">It has none.</exception>
    public BlockwiseDrafter(LmVerifier verifier)
    {
        Require.That(verifier.Model.Draft is not null, "model", "draft heads", "none");
        _verifier = verifier;
    }

    public int[] Propose(IReadOnlyList<int> history, int most)
    {
        if (_at < 0)
            return [];
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        var stream = new FlatStream(_verifier.Model);
        var hidden = _verifier.Hidden[_at].unsqueeze(0);
        return Enumerable.Range(0, Math.Min(most, _verifier.Model.Draft!.Count))
            .Select(i => Sampler.ArgMax(stream.Logits(_verifier.Model.Draft.Forward(hidden, i), history.Count + i))).ToArray();
    }

    // The output after the last accepted token gave the token emitted last.
    public void Learn(int accepted, int[] argmax) => _at = accepted;
}

/// <summary>Self-speculation: the model's own first layers draft, the whole model verifies (after arXiv 2309.08168, with the deeper layers left out).</summary>
public sealed class LayerSkipDrafter : IDrafter, IDisposable
{
    private readonly FlatStream _stream;
    private readonly KvCache _cache;
    private readonly int _layers;
    private readonly List<int> _read = [];

    /// <param name="model">In evaluation mode.</param>
    /// <param name="layers">Layers that draft, from the first.</param>
    /// <param name="capacity">Tokens, drafts included.</param>
    public LayerSkipDrafter(SpeechLm model, int layers, int capacity)
    {
        Require.InRange(layers, 1, model.Config.Transformer.Layers - 1);
        _stream = new FlatStream(model);
        _layers = layers;
        _cache = new KvCache(model.Config.Transformer with { Layers = layers }, 1, capacity + 1, device: model.Device);
    }

    /// <summary>Cost of a drafted token as a share of the model's step.</summary>
    public double Cost => (double)_layers / _stream.Model.Config.Transformer.Layers;

    public int[] Propose(IReadOnlyList<int> history, int most)
    {
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        var same = 0;
        while (same < _read.Count && same < history.Count - 1 && _read[same] == history[same])
            same++;
        _read.RemoveRange(same, _read.Count - same);
        _cache.Rewind(0, Math.Min(_cache.Length(0), same + 1));
        int[] next = [.. _cache.Length(0) == 0 ? [-1] : Array.Empty<int>(), .. history.Skip(same)];
        var draft = new int[most];
        for (var i = 0; i < most; i++)
        {
            var hidden = _stream.Read(_cache, [0], [next], [(int)_cache.Length(0) - 1], _layers);
            _read.AddRange(next.Where(t => t >= 0));
            draft[i] = Sampler.ArgMax(_stream.Logits(hidden[0][^1], history.Count + i));
            next = [draft[i]];
        }
        return draft;
    }

    public void Learn(int accepted, int[] argmax) { }

    public void Dispose() => _cache.Dispose();
}
