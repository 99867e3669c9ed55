using System.Text.Json;
using Codec.Core.Bitstream;

namespace Codec.Tests.Core.Bitstream;

public sealed class RangeCoderTests
{
    [Theory]
    [InlineData(2, 8, 20_000)]      // symbols, log2 of the total, length
    [InlineData(3, 16, 20_000)]
    [InlineData(1024, 16, 20_000)]
    [InlineData(1000, 24, 20_000)]
    [InlineData(256, 24, 7)]
    public void Any_tables_round_trip_near_the_ideal_length(int size, int bits, int count)
    {
        var random = new Random(size * 31 + bits);
        var tables = Enumerable.Range(0, 5).Select(_ => Skewed(random, size, 1u << bits)).ToArray();
        var symbols = new int[count];
        double ideal = 0;
        var encoder = new RangeEncoder();
        for (var i = 0; i < count; i++)
        {
            var table = tables[i % 5];
            symbols[i] = Draw(random, table);
            ideal -= Math.Log2((table[symbols[i] + 1] - (double)table[symbols[i]]) / table[^1]);
            encoder.Code(symbols[i], table);
        }
        var bytes = encoder.Finish().ToArray();
        Assert.InRange(bytes.Length, 0, ideal / 8 * 1.001 + 2);
        var decoder = new RangeDecoder(bytes);
        for (var i = 0; i < count; i++)
            Assert.Equal(symbols[i], decoder.Code(0, tables[i % 5]));
    }

    [Fact]
    public void Mixed_calls_round_trip_and_the_coder_starts_afresh_after_each_code()
    {
        var random = new Random(5);
        var encoder = new RangeEncoder();
        for (var round = 0; round < 200; round++)
        {
            var length = random.Next(60);
            var calls = Enumerable.Range(0, length).Select(_ => (Size: random.Next(1, 3000), One: (uint)random.Next(1, 65536), Kind: random.Next(2))).ToArray();
            var values = calls.Select(c => c.Kind == 0 ? random.Next(c.Size) : random.Next(65536) < c.One ? 1 : 0).ToArray();
            for (var i = 0; i < length; i++)
                _ = calls[i].Kind == 0 ? encoder.CodeUniform(values[i], calls[i].Size) : encoder.CodeBit(values[i], calls[i].One);
            var decoder = new RangeDecoder(encoder.Finish().ToArray());
            for (var i = 0; i < length; i++)
                Assert.Equal(values[i], calls[i].Kind == 0 ? decoder.CodeUniform(0, calls[i].Size) : decoder.CodeBit(0, calls[i].One));
        }
    }

    /// <summary>Long runs of the most and least likely symbol drive low against the carry.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Carries_run_through_held_bytes(int bit)
    {
        var encoder = new RangeEncoder();
        var random = new Random(9);
        var bits = Enumerable.Range(0, 5000).Select(i => random.Next(997) == 0 ? 1 - bit : bit).ToArray();
        uint One(int i) => i % 3 == 0 ? 65535u : 1u;
        for (var i = 0; i < bits.Length; i++)
            encoder.CodeBit(bits[i], One(i));
        var decoder = new RangeDecoder(encoder.Finish().ToArray());
        for (var i = 0; i < bits.Length; i++)
            Assert.Equal(bits[i], decoder.CodeBit(0, One(i)));
    }

    [Fact]
    public void Any_bytes_decode_to_valid_symbols()
    {
        var random = new Random(11);
        var table = Skewed(random, 37, 1 << 12);
        for (var round = 0; round < 300; round++)
        {
            var bytes = new byte[random.Next(12)];
            random.NextBytes(bytes);
            var decoder = new RangeDecoder(bytes);
            for (var i = 0; i < 40; i++)
            {
                var symbol = decoder.Code(0, table);
                Assert.True(table[symbol] < table[symbol + 1]);
                Assert.InRange(decoder.CodeUniform(0, 10), 0, 9);
            }
        }
    }

    [Fact]
    public void Recorded_streams_stay_within_two_bytes_of_the_shortest_code()
    {
        using var document = JsonDocument.Parse(File.ReadAllText(SharedFolder.Require("lm", "entropy_coding.json")));
        foreach (var item in document.RootElement.GetProperty("cases").EnumerateArray())
        {
            var tables = item.GetProperty("freqs").EnumerateArray().Select(row => Cumulate(row.EnumerateArray().Select(v => v.GetUInt32()))).ToArray();
            var contexts = item.GetProperty("context").EnumerateArray().Select(v => v.GetInt32()).ToArray();
            var tokens = item.GetProperty("tokens").EnumerateArray().Select(v => v.GetInt32()).ToArray();
            var encoder = new RangeEncoder();
            for (var i = 0; i < tokens.Length; i++)
                encoder.Code(tokens[i], tables[contexts[i]]);
            var bytes = encoder.Finish().ToArray();
            Assert.InRange(8 * bytes.Length, 0, item.GetProperty("shortest_bits").GetInt32() + 16);
            Assert.InRange(bytes.Length, 0, item.GetProperty("quantised_bits").GetDouble() / 8 * 1.001 + 2);
            var decoder = new RangeDecoder(bytes);
            Assert.Equal(tokens, contexts.Select(c => decoder.Code(0, tables[c])));
        }
    }

    private static uint[] Cumulate(IEnumerable<uint> frequencies)
    {
        var cumulative = new List<uint> { 0 };
        foreach (var frequency in frequencies)
            cumulative.Add(cumulative[^1] + frequency);
        return [.. cumulative];
    }

    private static uint[] Skewed(Random random, int size, uint total)
    {
        var weights = Enumerable.Range(0, size).Select(_ => Math.Pow(random.NextDouble(), 6)).ToArray();
        var scale = (total - size) / weights.Sum();
        var frequencies = weights.Select(w => 1 + (uint)(w * scale)).ToArray();
        frequencies[Array.IndexOf(weights, weights.Max())] += total - (uint)frequencies.Sum(f => f);
        return Cumulate(frequencies);
    }

    private static int Draw(Random random, uint[] cumulative)
    {
        var target = (uint)random.NextInt64(cumulative[^1]);
        var symbol = Array.BinarySearch(cumulative, target);
        return symbol >= 0 ? symbol : ~symbol - 1;
    }
}
