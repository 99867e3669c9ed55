namespace Codec.Audio;

/// <summary>Audio whose beginning can be looked at before it is read. The beginning is held in memory.</summary>
public sealed class ProbedReader : AudioReader
{
    private readonly AudioReader _audio;
    private readonly float[] _beginning;
    private int _taken;

    /// <param name="audio">At its start; stays the caller's.</param>
    /// <param name="seconds">Of the beginning.</param>
    /// <exception cref="AudioFileException">The audio cannot be read.</exception>
    public ProbedReader(AudioReader audio, double seconds)
    {
        _audio = audio;
        _beginning = new float[checked((int)(seconds * audio.SampleRate) * audio.Channels)];
        var filled = 0;
        for (int count; filled < _beginning.Length && (count = audio.Read(_beginning.AsSpan(filled))) > 0;)
            filled += count;
        Whole = filled < _beginning.Length;
        Array.Resize(ref _beginning, filled);
    }

    public override int SampleRate => _audio.SampleRate;

    public override int Channels => _audio.Channels;

    public override long? Length => _audio.Length;

    public override IReadOnlyList<string> Warnings => _audio.Warnings;

    /// <summary>The beginning by itself; nothing of this reader is taken.</summary>
    public AudioReader Beginning() => new Memory(_beginning, Channels, SampleRate);

    /// <summary>Whether the beginning was seen to be all there is.</summary>
    public bool Whole { get; }

    /// <summary>What is read next lies behind the beginning.</summary>
    public void SkipBeginning() => _taken = _beginning.Length;

    public override int Read(Span<float> interleaved)
    {
        if (_taken == _beginning.Length)
            return _audio.Read(interleaved);
        var count = Math.Min(interleaved.Length / Channels * Channels, _beginning.Length - _taken);
        _beginning.AsSpan(_taken, count).CopyTo(interleaved);
        _taken += count;
        return count;
    }

    private sealed class Memory(float[] samples, int channels, int sampleRate) : AudioReader
    {
        private int _taken;

        public override int SampleRate => sampleRate;

        public override int Channels => channels;

        public override long? Length => samples.Length / channels;

        public override int Read(Span<float> interleaved)
        {
            var count = Math.Min(interleaved.Length / channels * channels, samples.Length - _taken);
            samples.AsSpan(_taken, count).CopyTo(interleaved);
            _taken += count;
            return count;
        }
    }
}
