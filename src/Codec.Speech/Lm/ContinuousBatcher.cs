using Codec.Audio;
using Codec.Speech.Patterns;
using Codec.Speech.Sampling;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>
/// Many generations at once: sessions come and go at any step, prompts are read in chunks between the steps of the others, and every
/// session gives what it would give alone. Running sessions lie in neighbouring slots, so that a step reads the cache in place.
/// One thread; a server puts queues around it.
/// </summary>
public sealed class ContinuousBatcher : IDisposable
{
    private readonly SpeechLm _model;
    private readonly KvCache _cache;
    private readonly int _chunk;
    private readonly List<LmSession> _running = [];
    private readonly Queue<LmSession> _waiting = [];
    private KvPrefix? _prefix;

    /// <param name="model">In evaluation mode, with K direct heads of one vocabulary.</param>
    /// <param name="sessions">Most sessions at a time; one more waits with its prompt being read.</param>
    /// <param name="maxSteps">Steps of the longest session.</param>
    /// <param name="chunk">Prompt steps read between two steps of the running sessions: their frame budget decides.</param>
    public ContinuousBatcher(SpeechLm model, int sessions, int maxSteps, int chunk = 32)
    {
        Require.Positive(chunk);
        (_model, _chunk) = (model, chunk);
        _cache = new KvCache(model.Config.Transformer, sessions, maxSteps, chunk, model.Device);
    }

    /// <summary>Sessions that take part in every step.</summary>
    public int Running => _running.Count;

    /// <summary>Sessions whose prompt is not read yet.</summary>
    public int Waiting => _waiting.Count;

    /// <summary>Bytes of keys and values, the shared prompt not counted.</summary>
    public long CacheBytes => _cache.Bytes;

    /// <summary>Stores a prompt once, under all later sessions: it is prepended to theirs. Only while there is none.</summary>
    /// <param name="embeddings_PD">[1, P, D]: a condition in front (text, speaker).</param>
    public void SharePrompt(Tensor embeddings_PD)
    {
        if (_running.Count + _waiting.Count > 0)
            throw new InvalidOperationException("a shared prompt cannot change under sessions");
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        using var cache = new KvCache(_model.Config.Transformer, 1, (int)embeddings_PD.shape[1], (int)embeddings_PD.shape[1], _model.Device);
        var nothing = zeros([1, _model.Streams, 0], ScalarType.Int64, _model.Device);
        _model.Hidden(nothing, cache, [0], new LmConditions(Prepend: embeddings_PD));
        _prefix?.Dispose();
        _prefix = cache.Share(0);
    }

    /// <summary>Puts a session in line.</summary>
    /// <param name="pattern">Plan for its length, with a start step.</param>
    /// <param name="sampler">Without guidance.</param>
    /// <param name="seed">One seed, one result.</param>
    /// <param name="prompt">[K][..] known codes; null = none.</param>
    public LmSession Add(Pattern pattern, SamplerConfig sampler, ulong seed, int[][]? prompt = null)
    {
        Require.That(sampler.GuidanceScale == 1, nameof(sampler.GuidanceScale), "1", sampler.GuidanceScale);
        Require.That(pattern.StartsWithSpecial, "pattern", "a start step", "none");
        var session = new LmSession(new GenerationState(pattern, _model.Config.Vocabulary, prompt), sampler, seed, _model.Streams);
        _waiting.Enqueue(session);
        return session;
    }

    /// <summary>Ends a session early.</summary>
    public void Remove(LmSession session)
    {
        if (_running.Contains(session))
            Leave(session);
        else
        {
            var others = _waiting.Where(s => s != session).ToArray();
            _waiting.Clear();
            foreach (var other in others)
            {
                // The first in line may hold a slot that is only valid while it stays first.
                other.StepsRead = other.Slot >= 0 && others[0] != other ? 0 : other.StepsRead;
                _waiting.Enqueue(other);
            }
        }
    }

    /// <summary>One prompt chunk of the first in line, then one step of every running session.</summary>
    /// <returns>Sessions that are finished now; they have left.</returns>
    public IReadOnlyList<LmSession> Step()
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        ReadPrompt();
        if (_running.Count == 0)
            return [];
        var logits = Forward(_running, 1);
        var books = _model.Streams;
        var vocabulary = _model.Config.Vocabulary[0];
        for (var i = 0; i < _running.Count; i++)
            _running[i].Sample(logits.AsSpan(i * books * vocabulary, books * vocabulary), vocabulary);
        var finished = _running.Where(s => s.IsFinished).ToArray();
        foreach (var session in finished)
            Leave(session);
        return finished;
    }

    public void Dispose()
    {
        _cache.Dispose();
        _prefix?.Dispose();
    }

    private void ReadPrompt()
    {
        if (_waiting.Count == 0 || _running.Count == _cache.Slots)
            return;
        var session = _waiting.Peek();
        if (session.StepsRead == 0)
            _cache.Reset(session.Slot = _running.Count, _prefix);
        else if (session.Slot != _running.Count)
        {
            // Sessions left meanwhile: the slot moves with the end of the running ones.
            _cache.Copy(session.Slot, _running.Count);
            session.Slot = _running.Count;
        }
        // The last known step is read by the common step, which samples from it.
        var count = Math.Min(_chunk, session.State.PromptSteps - 1 - session.StepsRead);
        if (count > 0)
            Forward([session], count, wantLogits: false);
        if (session.StepsRead < session.State.PromptSteps - 1)
            return;
        _waiting.Dequeue();
        if (session.IsFinished)
            return;
        _running.Add(session);
    }

    private float[] Forward(List<LmSession> sessions, int steps, bool wantLogits = true)
    {
        var books = _model.Streams;
        var tokens = new long[sessions.Count * books * steps];
        var step = new int[books];
        for (var i = 0; i < sessions.Count; i++)
            for (var s = 0; s < steps; s++)
            {
                sessions[i].State.Read(sessions[i].StepsRead + s, step);
                for (var k = 0; k < books; k++)
                    tokens[(i * books + k) * steps + s] = step[k];
            }
        var hidden = _model.Hidden(tensor(tokens, device: _model.Device).view(sessions.Count, books, steps), _cache, sessions.Select(s => s.Slot).ToArray());
        foreach (var session in sessions)
            session.StepsRead += steps;
        return wantLogits ? _model.Logits(hidden.narrow(1, steps - 1, 1)).cpu().contiguous().data<float>().ToArray() : [];
    }

    private void Leave(LmSession session)
    {
        var last = _running[^1];
        if (last != session)
        {
            _cache.Copy(last.Slot, session.Slot);
            last.Slot = session.Slot;
            _running[_running.IndexOf(session)] = last;
        }
        _running.RemoveAt(_running.Count - 1);
        session.Slot = -1;
    }
}
