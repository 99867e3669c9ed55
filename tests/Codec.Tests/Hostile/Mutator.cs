using System.Buffers.Binary;

namespace Codec.Tests.Hostile;

/// <summary>
/// Damages valid files: bit flips, cuts, splices of two seeds, repeated and deleted runs, interesting integers.
/// The same seed number gives the same damage, so a failure is reproduced by its number alone.
/// </summary>
/// <remarks>
/// How to fuzz another reader: make a few small valid files that together use every feature, then
/// <code>
/// Fuzz.Run(seeds, iterations: 3000, bytes => MyFormat.Read(new MemoryStream(bytes)), typeof(MyFormatException));
/// </code>
/// The action must read all that there is; any exception but the named family fails the test with the number of the
/// input, which <c>new Mutator(seeds).Make(number)</c> gives back. CODEC_FUZZ_ITERATIONS sets another number of inputs.
/// </remarks>
public sealed class Mutator(IReadOnlyList<byte[]> seeds)
{
    private static readonly ulong[] Interesting =
    [
        0, 1, 2, 3, 4, 7, 8, 16, 31, 32, 64, 100, 127, 128, 255, 256, 1000, 1024, 4096, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF, 0x10000,
        0x7FFFFFFF, 0x80000000, 0xFFFFFFF7, 0xFFFFFFFE, 0xFFFFFFFF, 0x100000000, 0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0xFFFFFFFFFFFFFFFF,
    ];

    /// <summary>Input <paramref name="number"/>: one of the seeds with one to eight damages.</summary>
    public byte[] Make(int number)
    {
        var random = new Random(number);
        var bytes = new List<byte>(seeds[random.Next(seeds.Count)]);
        for (var damages = 1 << random.Next(4); damages > 0; damages--)
            Damage(bytes, random);
        return [.. bytes];
    }

    private void Damage(List<byte> bytes, Random random)
    {
        if (bytes.Count == 0)
            bytes.AddRange(seeds[random.Next(seeds.Count)]);
        var at = Place(bytes.Count, random);
        var run = Math.Min(bytes.Count - at, 1 << random.Next(8));
        switch (random.Next(9))
        {
            case 0 or 1:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 2:
                bytes[at] = (byte)random.Next(256);
                break;
            case 3 or 4:
                Overwrite(bytes, at, random);
                break;
            case 5:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            case 6:
                bytes.RemoveRange(at, run);
                break;
            case 7:
                bytes.InsertRange(Place(bytes.Count, random), bytes.GetRange(at, run));
                break;
            default:
                var other = seeds[random.Next(seeds.Count)];
                bytes.RemoveRange(at, bytes.Count - at);
                bytes.AddRange(other[Math.Min(other.Length, random.Next(2) == 0 ? at : Place(other.Length + 1, random))..]);
                break;
        }
    }

    // Headers are where readers break: half of all damage falls on the first 64 bytes.
    private static int Place(int length, Random random) => random.Next(random.Next(2) == 0 ? Math.Min(64, length) : length);

    private static void Overwrite(List<byte> bytes, int at, Random random)
    {
        var number = Interesting[random.Next(Interesting.Length)] + (random.Next(4) == 0 ? (ulong)random.Next(-2, 3) : 0);
        Span<byte> word = stackalloc byte[8];
        if (random.Next(4) == 0)
            BinaryPrimitives.WriteUInt64BigEndian(word, number);
        else
            BinaryPrimitives.WriteUInt64LittleEndian(word, number);
        var size = 1 << random.Next(4);
        var first = random.Next(2) == 0 && word[0] == 0 ? 8 - size : 0; // the low end of a big-endian number
        for (var i = 0; i < size && at + i < bytes.Count; i++)
            bytes[at + i] = word[first + i];
    }
}
