using System.Text;
using Codec.Speech.Lm;

namespace Codec.Tests.Speech.Lm;

public sealed class Utf8ConstraintTests
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    [Fact]
    public void Accepts_exactly_what_the_strict_decoder_accepts()
    {
        // All sequences of up to 4 bytes over the bytes where the rules change.
        byte[] edges = [0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF];
        for (var n = 0; n < edges.Length * edges.Length * edges.Length * edges.Length; n++)
        {
            var bytes = new[] { edges[n % 21], edges[n / 21 % 21], edges[n / 441 % 21], edges[n / 9261] };
            Assert.Equal(IsValid(bytes), Accepts(bytes));
        }
    }

    [Fact]
    public void Random_masked_bytes_are_always_text_of_the_given_length()
    {
        var random = new Random(3);
        for (var round = 0; round < 300; round++)
        {
            var constraint = new Utf8Constraint();
            var bytes = new byte[9];
            for (var i = 0; i < bytes.Length; i++)
            {
                var logits = Enumerable.Range(0, 256).Select(_ => (float)random.NextDouble()).ToArray();
                constraint.Mask(logits, bytes.Length - i);
                bytes[i] = (byte)Codec.Speech.Sampling.Sampler.ArgMax(logits);
                constraint.Advance(bytes[i]);
            }
            Strict.GetString(bytes);
        }
    }

    [Fact]
    public void Specials_stand_between_characters_only()
    {
        var constraint = new Utf8Constraint();
        Assert.True(constraint.Allows(256));
        constraint.Advance(0xE2);
        Assert.False(constraint.Allows(256));
        Assert.Throws<ArgumentException>(() => constraint.Advance(0x41));
    }

    private static bool Accepts(byte[] bytes)
    {
        var constraint = new Utf8Constraint();
        foreach (var b in bytes)
        {
            if (!constraint.Allows(b))
                return false;
            constraint.Advance(b);
        }
        return constraint.IsComplete;
    }

    private static bool IsValid(byte[] bytes)
    {
        try
        {
            Strict.GetString(bytes);
            return true;
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
    }
}
