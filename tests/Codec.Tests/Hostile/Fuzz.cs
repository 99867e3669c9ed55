using System.Globalization;

namespace Codec.Tests.Hostile;

/// <summary>Feeds damaged files to a reader, which may refuse them with its own exception and nothing else.</summary>
public static class Fuzz
{
    /// <summary>CODEC_FUZZ_ITERATIONS, else the suite's own number.</summary>
    public static int Iterations(int inSuite)
        => int.TryParse(Environment.GetEnvironmentVariable("CODEC_FUZZ_ITERATIONS"), CultureInfo.InvariantCulture, out var set) ? set : inSuite;

    /// <param name="seeds">Small valid files.</param>
    /// <param name="iterations">Inputs in the suite.</param>
    /// <param name="read">Reads all that there is.</param>
    /// <param name="refusal">The exception that damaged input may throw, with one line of message.</param>
    /// <returns>How many inputs were read and how many refused: both should happen often.</returns>
    public static (int Read, int Refused) Run(IReadOnlyList<byte[]> seeds, int iterations, Action<byte[]> read, Type refusal)
    {
        var mutator = new Mutator(seeds);
        var refused = 0;
        iterations = Iterations(iterations);
        for (var number = 0; number < iterations; number++)
        {
            var bytes = mutator.Make(number);
            try
            {
                read(bytes);
            }
            catch (Exception e) when (refusal.IsInstanceOfType(e))
            {
                refused++;
                Assert.False(e.Message.Contains('\n'), $"input {number}: message of several lines: {e.Message}");
            }
            catch (Exception e)
            {
                Assert.Fail($"input {number} ({bytes.Length} bytes: {Convert.ToHexString(bytes.AsSpan(0, Math.Min(100, bytes.Length)))}): {e}");
            }
        }
        return (iterations - refused, refused);
    }
}
