namespace Codec.Core.Bitstream.Prediction;

/// <summary>
/// Low-band coefficients of one block, with what is known around each before it is coded. They come row by row, a row being one coefficient of
/// all frames. Outside the block they are 0, and expected to be.
/// </summary>
internal sealed class LowbandBlock
{
    /// <summary>Quarter octaves of the expected size, the first around 2^-4 steps.</summary>
    public const int Levels = 40;

    /// <summary>How large the neighbours are beside what was expected of them.</summary>
    public static readonly int Ratios = Bounds.Length + 1;

    /// <summary>Contexts of a sign: signs of the neighbours but for turning all of them around, odd rows, larger coefficients.</summary>
    public const int SignContexts = 4 * (NoSigns + 1);

    /// <summary>Fraction bits of expected sizes.</summary>
    public const int ExpectedBits = 6;

    private const int FirstLevel = -4, LevelsInOctave = 4;
    private const int Margin = 2;
    private const int NoSigns = (2187 - 1) / 2; // 3^7 patterns, this one without any sign
    private const int CommonSize = 2 << ExpectedBits, BoundUnit = 20;

    private int[] _values = [], _expected = []; // [row + Margin][frame + Margin]
    private byte[] _levels = [];
    private int _stride;

    private static ReadOnlySpan<byte> Bounds => [7, 12, 17, 24, 34, 50]; // in units of 1 / BoundUnit

    /// <param name="frames">Of the block.</param>
    /// <param name="rows">Coefficients of a frame.</param>
    public void Begin(int frames, int rows)
    {
        _stride = frames + 2 * Margin;
        var length = (rows + Margin) * _stride;
        if (_values.Length < length)
            (_values, _expected, _levels) = (new int[length], new int[length], new byte[length]);
        Array.Clear(_values, 0, length);
        Array.Clear(_expected, 0, length);
    }

    /// <summary>Says what size is expected at a place, for all places before any other call.</summary>
    public void Expect(int row, int frame, int level, int expected) => (_levels[At(row, frame)], _expected[At(row, frame)]) = ((byte)level, expected);

    public void Set(int row, int frame, int value) => _values[At(row, frame)] = value;

    public int Level(int row, int frame) => _levels[At(row, frame)];

    /// <summary>Which table the size of a coefficient has: level * <see cref="Ratios"/> + ratio.</summary>
    public int Table(int row, int frame)
    {
        var at = At(row, frame);
        long found = 0, expected = CommonSize;
        void Add(int place, int weight)
        {
            found += weight * Math.Abs(_values[place]);
            expected += (long)weight * _expected[place];
        }
        Add(at - _stride, 2);
        Add(at - 2 * _stride, 1);
        Add(at - _stride - 1, 1);
        Add(at - _stride + 1, 1);
        Add(at - 1, 3);
        Add(at - 2, 1);
        found = (found << ExpectedBits) + CommonSize;
        var ratio = 0;
        while (ratio < Bounds.Length && BoundUnit * found >= Bounds[ratio] * expected)
            ratio++;
        return _levels[at] * Ratios + ratio;
    }

    /// <summary>Which context the sign of a coefficient has, and whether it is to be turned around.</summary>
    public (int Context, bool Turned) Sign(int row, int frame, int size)
    {
        var at = At(row, frame);
        ReadOnlySpan<int> places = [at - _stride, at - 2 * _stride, at - 1, at - _stride - 1, at - 2, at - _stride + 1, at - _stride - 2];
        var pattern = 0;
        foreach (var place in places)
            pattern = 3 * pattern + Math.Sign(_values[place]) + 1;
        var context = Math.Abs(pattern - NoSigns);
        return ((2 * context + row % 2) * 2 + (size > 1 ? 1 : 0), pattern < NoSigns);
    }

    /// <summary>The level of an expected size.</summary>
    /// <param name="log">Of the share, in units of 2^-10 of a factor of two.</param>
    /// <param name="steps">As <see cref="LogOf"/> gives it for the steps.</param>
    public static int LevelOf(int log, int steps)
    {
        const int unit = (1 << FixedPointSoftmax.FractionBits) / LevelsInOctave;
        var level = (Math.Clamp(log, short.MinValue, short.MaxValue) + steps - (FirstLevel << FixedPointSoftmax.FractionBits) + unit / 2) >> int.Log2(unit);
        return Math.Clamp(level, 0, Levels - 1);
    }

    /// <summary>Steps that a level stands for.</summary>
    public static double SizeOf(int level) => Math.Pow(2, FirstLevel + level / (double)LevelsInOctave);

    /// <summary>1024 log2(steps), rounded down.</summary>
    public static int LogOf(int steps)
    {
        var log = int.Log2(steps) << FixedPointSoftmax.FractionBits;
        while (FixedPointSoftmax.PowerOfTwo(log + 1) <= (ulong)steps << 32)
            log++;
        return log;
    }

    private int At(int row, int frame) => (row + Margin) * _stride + frame + Margin;
}
