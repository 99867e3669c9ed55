using System.Text.Json;
using Codec.Audio;
using Codec.Audio.SndFile;

namespace Codec.Tests.Evaluation;

/// <summary>The reference pairs of ../shared/metrics with their recorded values.</summary>
internal static class MetricPairs
{
    public sealed record Pair(string Id, AudioBuffer Reference, AudioBuffer Degraded, JsonElement Values);

    /// <summary>All pairs of values.json; skips where the folder is absent.</summary>
    public static IEnumerable<Pair> All()
    {
        Assert.SkipUnless(SndFileLibrary.IsAvailable, "libsndfile is not installed");
        var folder = SharedFolder.Require("metrics");
        using var document = JsonDocument.Parse(File.ReadAllBytes(SharedFolder.Require("metrics", "values.json")));
        foreach (var pair in document.RootElement.GetProperty("pairs").Clone().EnumerateArray())
            yield return new Pair(
                pair.GetProperty("id").GetString()!,
                AudioFile.Read(Path.Combine(folder, pair.GetProperty("ref").GetString()!)),
                AudioFile.Read(Path.Combine(folder, pair.GetProperty("deg").GetString()!)),
                pair.GetProperty("values"));
    }

    /// <summary>Compares one metric on every pair with its recorded value.</summary>
    public static void Compare(string name, double tolerance, Func<AudioBuffer, AudioBuffer, double> metric, double ceiling = double.MaxValue)
    {
        var compared = 0;
        foreach (var pair in All())
        {
            var expected = Math.Min(ceiling, pair.Values.GetProperty(name).GetDouble());
            var actual = metric(pair.Reference, pair.Degraded);
            Assert.True(Math.Abs(actual - expected) <= tolerance, $"{name} of {pair.Id}: expected {expected:F5}, found {actual:F5}");
            compared++;
        }
        Assert.True(compared >= 10, $"only {compared} pairs");
    }
}
