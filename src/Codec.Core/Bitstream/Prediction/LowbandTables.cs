namespace Codec.Core.Bitstream.Prediction;

/// <summary>Frequencies of the low band's sizes and signs in the contexts of <see cref="LowbandBlock"/>.</summary>
internal sealed class LowbandTables
{
    /// <summary>Sizes with a frequency of their own; the last stands for itself and all above.</summary>
    public const int Symbols = 16;

    /// <summary>Highest frequency: sums stay far below what the range coder takes.</summary>
    private const int MostFrequency = 1 << 16;

    private readonly uint[] _cumulative; // [table][Symbols + 1]
    private readonly int[] _expected;
    private readonly byte[] _signs;

    /// <param name="frequencies">[level * <see cref="LowbandBlock.Ratios"/> + ratio][<see cref="Symbols"/>], from 1 to 65536.</param>
    /// <param name="expected">Mean size of each level in units of 2^-<see cref="LowbandBlock.ExpectedBits"/>.</param>
    /// <param name="signs">For each context, in 256 parts, how often a coefficient is positive.</param>
    public LowbandTables(ReadOnlySpan<uint> frequencies, int[] expected, byte[] signs)
    {
        (_expected, _signs) = (expected, signs);
        _cumulative = new uint[Count * (Symbols + 1)];
        for (var table = 0; table < Count; table++)
            for (var symbol = 0; symbol < Symbols; symbol++)
                _cumulative[table * (Symbols + 1) + symbol + 1] = _cumulative[table * (Symbols + 1) + symbol] + frequencies[table * Symbols + symbol];
    }

    private static int Count => LowbandBlock.Levels * LowbandBlock.Ratios;

    /// <summary>Mean size of a level in units of 2^-<see cref="LowbandBlock.ExpectedBits"/>.</summary>
    public int Expected(int level) => _expected[level];

    /// <summary>Frequencies of the sizes, cumulated.</summary>
    public ReadOnlySpan<uint> Sizes(int table) => _cumulative.AsSpan(table * (Symbols + 1), Symbols + 1);

    /// <summary>Probability that a coefficient is positive, in units of 2^-16.</summary>
    public uint Positive(int context) => _signs[context] * 256u + 128;

    public void Write(ByteWriter bytes)
    {
        foreach (var size in _expected)
            bytes.Varint((ulong)size);
        for (var table = 0; table < Count; table++)
            for (var symbol = 0; symbol < Symbols; symbol++)
                bytes.Varint(Sizes(table)[symbol + 1] - Sizes(table)[symbol]);
        bytes.Bytes(_signs);
    }

    public static LowbandTables Read(ref ByteReader reader)
    {
        var expected = new int[LowbandBlock.Levels];
        foreach (ref var size in expected.AsSpan())
            size = (int)reader.Varint("expected size", 0, 1 << 20);
        var frequencies = new uint[Count * Symbols];
        foreach (ref var frequency in frequencies.AsSpan())
            frequency = (uint)reader.Varint("frequency", 1, MostFrequency);
        return new LowbandTables(frequencies, expected, reader.Bytes(LowbandBlock.SignContexts, "signs").ToArray());
    }
}
