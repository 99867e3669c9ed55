namespace Codec.Evaluation.Pesq;

/// <summary>What P.862 computes from the reference alone, for degraded signals up to one length.</summary>
internal sealed class PesqReference
{
    private readonly PesqSettings _settings;
    private readonly int _length; // with both margins, without the padding

    /// <param name="signal">The reference.</param>
    /// <param name="longest">Samples of the longer of the two signals.</param>
    /// <param name="settings">Constants of the sample rate.</param>
    public PesqReference(PesqSignal signal, int longest, PesqSettings settings)
    {
        (Signal, _settings, _length) = (signal, settings, longest + 2 * settings.Margin);
        Model = new double[_length + settings.Padding];
        signal.Model.CopyTo(Model, 0);
        var frames = FrameCount(out var first);
        FirstFrame = first;
        var bark = new BarkSpectrum(settings);
        Power = [.. Enumerable.Range(0, frames).Select(f => bark.Power(Model, settings.Margin + f * settings.Hop))];
    }

    public PesqSignal Signal { get; }

    /// <summary>Margin, samples, margin, padding: as long as the longer signal.</summary>
    public double[] Model { get; }

    /// <summary>The first frame that sounds.</summary>
    public int FirstFrame { get; }

    /// <summary>Band powers of the frames up to the last sound.</summary>
    public double[][] Power { get; }

    /// <summary>Frames up to the last sound of the reference; the first that sounds comes back as well.</summary>
    private int FrameCount(out int first)
    {
        int start = 0, end = 0;
        while (start < _length / 2 && Quiet(_settings.Margin + start))
            start++;
        while (end < _length / 2 && Quiet(_length - _settings.Margin + _settings.Padding - 5 - end))
            end++;
        first = start / _settings.Hop;
        return (_length - 2 * _settings.Margin + _settings.Padding - end) / _settings.Hop;
    }

    /// <summary>Five samples from an index on sum up to less than 500.</summary>
    private bool Quiet(int index)
    {
        double sum = 0;
        for (var i = 0; i < 5; i++)
            sum += Math.Abs(Model[index + i]);
        return sum < 500;
    }
}
