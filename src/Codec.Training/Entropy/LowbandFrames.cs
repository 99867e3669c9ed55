using Codec.Core.Bitstream.Prediction;

namespace Codec.Training.Entropy;

/// <summary>Random frames for <see cref="LowbandPriorTrainer"/>: what the network sees of their codes, and how large their coefficients are.</summary>
internal sealed class LowbandFrames
{
    private readonly IReadOnlyList<LowbandRecording> _recordings;
    private readonly LowbandPriorConfig _config;
    private readonly float[][,] _embeddings;
    private readonly int[] _ends;       // of the recordings, counting frames
    private readonly Random _random;
    private readonly int _width;

    public LowbandFrames(IReadOnlyList<LowbandRecording> recordings, NeuralPrior neural, LowbandPriorConfig config)
    {
        (_recordings, _config, _width) = (recordings, config, neural.Width);
        if (recordings.Any(recording => recording.FewestBooks > config.FewestBooks || recording.FewestBooks + recording.Shares.Count <= config.MostBooks || recording.Codes.Books < config.MostBooks))
            throw new ArgumentException($"expected shares for {config.FewestBooks} to {config.MostBooks} books", nameof(recordings));
        _embeddings = [.. neural.Dequantize().Select(book => book.Embeddings)];
        var end = 0;
        _ends = [.. recordings.Select(recording => end += recording.Codes.Frames)];
        _random = new Random(config.Seed);
        Scale = 1;
        Scale = (float)(1 / Math.Sqrt(Draw(config.Batch).Inputs.Average(v => (double)v * v) + 1e-9));
    }

    /// <summary>What inputs are multiplied by to have a mean square of one.</summary>
    public float Scale { get; }

    /// <returns>[frame][tap][width] and [frame][coefficient]. One number of books for all.</returns>
    public (float[] Inputs, float[] Sizes) Draw(int count)
    {
        var books = _random.Next(_config.FewestBooks, _config.MostBooks + 1);
        var length = LowbandPrior.Taps * _width;
        var coefficients = _recordings[0].Coefficients;
        var (inputs, sizes) = (new float[count * length], new float[count * coefficients]);
        for (var i = 0; i < count; i++)
        {
            var at = _random.Next(_ends[^1]);
            var file = Array.BinarySearch(_ends, at + 1) is var found && found < 0 ? ~found : found;
            var recording = _recordings[file];
            var frame = recording.Codes.Frames - (_ends[file] - at);
            See(recording, frame, books, inputs.AsSpan(i * length, length));
            var shares = recording.SharesOf(books).AsSpan(frame * coefficients, coefficients);
            for (var k = 0; k < coefficients; k++)
                sizes[i * coefficients + k] = Math.Abs(shares[k]);
        }
        return (inputs, sizes);
    }

    /// <summary>Blocks may begin anywhere.</summary>
    private void See(LowbandRecording recording, int frame, int books, Span<float> input)
    {
        var place = _random.Next(_config.BlockFrames);
        var (first, end) = (Math.Max(0, frame - place), Math.Min(recording.Codes.Frames, frame - place + _config.BlockFrames));
        for (var tap = 0; tap < LowbandPrior.Taps; tap++)
        {
            var t = frame - LowbandPrior.Past + tap;
            if (t < first || t >= end)
                continue;
            for (var book = 0; book < books; book++)
            {
                var code = recording.Codes[book][t];
                for (var d = 0; d < _width; d++)
                    input[tap * _width + d] += _embeddings[book][code, d] * Scale;
            }
        }
    }
}
