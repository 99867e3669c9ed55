using Codec.Audio;
using Codec.Core;
using Codec.Speech.Patterns;
using Codec.Speech.Sampling;
using Codec.Speech.Tokens;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>Goes on where a recording ends: codec, language model, codec.</summary>
public sealed class SpeechContinuer
{
    private readonly ICodec _codec;
    private readonly SpeechLm _model;
    private readonly SpeechLmInfo _info;

    /// <param name="codec">The codec whose tokens the model knows.</param>
    /// <param name="model">In evaluation mode.</param>
    /// <param name="info">Of the model's file.</param>
    /// <exception cref="ConfigException">The model was trained on tokens of another codec.</exception>
    public SpeechContinuer(ICodec codec, SpeechLm model, SpeechLmInfo info)
    {
        (_codec, _model, _info) = (codec, model, info);
        Require.That(info.Codec == TokenIdentity.Of(codec), "tokens", info.Codec, TokenIdentity.Of(codec));
        Require.That(codec.Info.Books.Count >= model.Streams, "books", $">= {model.Streams}", codec.Info.Books.Count);
    }

    /// <summary>The end of a recording and its continuation.</summary>
    /// <param name="prompt">Any rate and channels; mixed to mono and resampled.</param>
    /// <param name="length">Of the continuation; rounded up to frames.</param>
    /// <param name="sampler">Without guidance.</param>
    /// <param name="seed">One seed, one result.</param>
    /// <param name="context">Seconds of the recording's end that the model hears.</param>
    /// <returns>Mono at the codec's rate: the recording as the codec gives it back, and what follows.</returns>
    /// <exception cref="ConfigException">Nothing to continue, or no time to continue for.</exception>
    public AudioBuffer Continue(AudioBuffer prompt, TimeSpan length, SamplerConfig sampler, ulong seed, double context = 10)
    {
        Require.Positive(length.TotalSeconds, "length");
        Require.Positive(context);
        var info = _codec.Info;
        var audio = Resampler.Resample(prompt.ToMono(), info.SampleRate);
        Require.That(audio.Length >= info.HopLength, "recording", $"at least {info.HopLength} samples", audio.Length);
        var codes = Encode(audio);
        var stride = info.Books.Max(b => b.Stride);
        var heard = Math.Min(codes.Frames, (int)(context * info.FrameRate)) / stride * stride;
        var first = (codes.Frames - heard) / stride * stride;
        var added = (int)Math.Ceiling(length.TotalSeconds * info.FrameRate);
        var tail = Generate(codes.Slice(first, codes.Frames - first), added, sampler, seed);
        var whole = first == 0 ? tail : Codes.Concat([codes.Slice(0, first), tail]);
        using var scope = NewDisposeScope();
        return new AudioBuffer(_codec.Decode(whole).cpu().flatten().data<float>().ToArray(), info.SampleRate);
    }

    private Codes Encode(AudioBuffer audio)
    {
        using var scope = NewDisposeScope();
        return _codec.Encode(tensor(audio.Channel(0)).view(1, 1, -1), _model.Streams);
    }

    private Codes Generate(Codes prompt, int frames, SamplerConfig sampler, ulong seed)
    {
        var uniforms = new SeededUniforms(seed);
        double Uniform(int step, int row, int book) => uniforms[(long)step * prompt.Books + book];
        var total = prompt.Frames + frames;
        var known = Enumerable.Range(0, prompt.Books).Select(k => prompt[k].ToArray()).ToArray();
        using var scope = NewDisposeScope();
        var nothing = _model.Conditioner is null ? null : _model.Encode([LmCondition.None]);
        var codes = StackPlan.Of(_info.Pattern, prompt.Books, total) is { } plan
            ? new StackGenerator(_model, sampler).Generate(plan, [known], Uniform, nothing)
            : new PatternGenerator(_model, sampler).Generate(_info.Pattern.Build(prompt.Specs, total), [known], Uniform, nothing);
        nothing?.Cross?.Dispose();
        return new Codes(prompt.Specs, codes[0].Select(book => new[] { book }).ToArray(), total);
    }
}
