using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Codec.Tests.Hostile;

namespace Codec.Fuzz;

/// <summary>Runs a reader on mutated inputs; an input that reaches new branches, or one of them more often, is mutated further.</summary>
public static unsafe class FuzzLoop
{
    private const int MapBytes = 1 << 16, LargestInput = 4096;

    /// <summary>Beside this, an input may cost 64 times its length: what the largest block of a header may ask for.</summary>
    private const long MostBytes = 64 << 20;

    private static readonly TimeSpan Slow = TimeSpan.FromSeconds(10);
    private static readonly byte* Map = (byte*)NativeMemory.AllocZeroed(MapBytes);
    private static readonly byte[] Seen = new byte[MapBytes]; // counts of every branch that were met, as bits of powers of two

    /// <returns>Exit code: 1 where something was found.</returns>
    public static int Run(string target, int executions, string? folder, bool covered, int first = 0)
    {
        if (covered)
            SharpFuzz.Common.Trace.SharedMem = Map;
        var read = FuzzTargets.All[target];
        var corpus = FuzzSeeds.Of(target);
        if (folder is not null && Directory.Exists(folder))
            corpus.AddRange(Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal).Select(File.ReadAllBytes));
        var findings = new HashSet<string>();
        var (known, refused, clock) = (corpus.Count, 0L, Stopwatch.StartNew());
        foreach (var bytes in corpus)
            Try(read, bytes, findings, ref refused, covered);
        var mutator = new Mutator(corpus);
        for (var number = 0; number < executions; number++)
        {
            var bytes = mutator.Make(first + number);
            if (bytes.Length <= LargestInput && Try(read, bytes, findings, ref refused, covered))
                corpus.Add(bytes);
            if (number % (executions / 20 + 1) == 0)
                Console.WriteLine($"{target} {number}: {corpus.Count} inputs, {Seen.Count(seen => seen != 0)} branches, {refused} refused, {findings.Count} findings, {clock.Elapsed.TotalSeconds:0} s");
        }
        if (folder is not null)
            Save(folder, corpus.Skip(known));
        Console.WriteLine($"{target}: {executions} executions, {corpus.Count} inputs kept, {Seen.Count(seen => seen != 0)} branches, {refused} refused, {findings.Count} findings, {Process.GetCurrentProcess().TotalProcessorTime.TotalSeconds:0} s of CPU");
        return findings.Count == 0 ? 0 : 1;
    }

    /// <returns>Whether something new was reached.</returns>
    private static bool Try(Action<byte[]> read, byte[] bytes, HashSet<string> findings, ref long refused, bool covered)
    {
        if (covered)
            new Span<byte>(Map, MapBytes).Clear();
        var (before, start) = (GC.GetAllocatedBytesForCurrentThread(), Stopwatch.GetTimestamp());
        try
        {
            read(bytes);
        }
        catch (Exception e) when (FuzzTargets.IsRefusal(e))
        {
            refused++;
        }
        catch (Exception e)
        {
            Report(findings, bytes, $"{e.GetType().Name}{e.StackTrace?.Split('\n')[0]}", e.ToString());
        }
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        if (allocated > MostBytes + 64L * bytes.Length)
            Report(findings, bytes, "memory", $"{allocated} bytes allocated for {bytes.Length}");
        if (Stopwatch.GetElapsedTime(start) > Slow)
            Report(findings, bytes, "time", $"{Stopwatch.GetElapsedTime(start)} for {bytes.Length} bytes");
        return covered && Learn();
    }

    private static bool Learn()
    {
        var news = false;
        for (var word = 0; word < MapBytes; word += 8)
        {
            if (*(ulong*)(Map + word) == 0)
                continue;
            for (var i = word; i < word + 8; i++)
            {
                var bucket = Map[i] == 0 ? 0 : 1 << System.Numerics.BitOperations.Log2(Map[i]);
                news |= (bucket & ~Seen[i]) != 0;
                Seen[i] |= (byte)bucket;
            }
        }
        return news;
    }

    private static void Report(HashSet<string> findings, byte[] bytes, string site, string detail)
    {
        if (!findings.Add(site))
            return;
        Console.WriteLine($"FINDING {site}\n{detail}\n{Convert.ToHexString(bytes)}");
    }

    private static void Save(string folder, IEnumerable<byte[]> inputs)
    {
        Directory.CreateDirectory(folder);
        foreach (var bytes in inputs)
            File.WriteAllBytes(Path.Combine(folder, Convert.ToHexStringLower(SHA256.HashData(bytes))[..16] + ".bin"), bytes);
    }
}
