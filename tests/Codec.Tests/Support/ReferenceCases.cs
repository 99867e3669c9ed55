using System.Globalization;
using System.Text.Json;

namespace Codec.Tests.Support;

/// <summary>Reference files anywhere below the shared folder, found by name, so that new cases need no new code.</summary>
public static class ReferenceCases
{
    /// <summary>Paths below the shared folder whose file name matches; one empty row (a skipped test) where there are none.</summary>
    public static IEnumerable<TheoryDataRow<string>> Files(string namePattern)
    {
        var found = Directory.Exists(SharedFolder.Root)
            ? Directory.EnumerateFiles(SharedFolder.Root, namePattern, SearchOption.AllDirectories).Order(StringComparer.Ordinal).ToArray()
            : [];
        return found.Length > 0
            ? found.Select(f => new TheoryDataRow<string>(Path.GetRelativePath(SharedFolder.Root, f)))
            : [new TheoryDataRow<string>(namePattern) { Skip = $"no {namePattern} below {SharedFolder.Root}" }];
    }

    public static JsonElement Read(string relativePath)
    {
        using var stream = File.OpenRead(Path.Combine(SharedFolder.Root, relativePath));
        using var document = JsonDocument.Parse(stream);
        return document.RootElement.Clone();
    }

    /// <summary>Runs one check per element and reports all failures with their index.</summary>
    public static void ForEach(JsonElement cases, Action<JsonElement> check)
    {
        Assert.True(cases.GetArrayLength() > 0);
        List<string> failures = [];
        var index = 0;
        foreach (var element in cases.EnumerateArray())
        {
            try
            {
                check(element);
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                failures.Add($"case {index}: {failure.Message} {failure.StackTrace?.Split('\n').FirstOrDefault(l => l.Contains("Codec."))}");
            }
            index++;
        }
        Assert.True(failures.Count == 0, $"{failures.Count} of {index} failed:\n{string.Join("\n", failures.Take(10))}");
    }

    public static int Int(this JsonElement e, string name) => e.GetProperty(name).GetInt32();

    /// <summary>A number; "inf", "-inf" and "nan" as the values they name.</summary>
    public static double Number(this JsonElement e) => e.ValueKind == JsonValueKind.String
        ? e.GetString() switch
        {
            "inf" => double.PositiveInfinity,
            "-inf" => double.NegativeInfinity,
            "nan" => double.NaN,
            var other => double.Parse(other!, CultureInfo.InvariantCulture),
        }
        : e.GetDouble();

    public static double Number(this JsonElement e, string name) => e.GetProperty(name).Number();

    public static int[] Ints(this JsonElement e) => e.EnumerateArray().Select(x => x.GetInt32()).ToArray();

    public static int[][] Ints2(this JsonElement e) => e.EnumerateArray().Select(Ints).ToArray();

    public static double[] Numbers(this JsonElement e) => e.EnumerateArray().Select(Number).ToArray();

    public static double[][] Numbers2(this JsonElement e) => e.EnumerateArray().Select(Numbers).ToArray();

    public static double[][][] Numbers3(this JsonElement e) => e.EnumerateArray().Select(Numbers2).ToArray();

    public static JsonElement? Optional(this JsonElement e, string name)
        => e.ValueKind == JsonValueKind.Object && e.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>Within a relative (and absolute) tolerance; infinities must agree.</summary>
    public static void Close(double expected, double actual, double tolerance = 1e-9)
    {
        if (expected.Equals(actual))
            return;
        Assert.True(Math.Abs(expected - actual) <= tolerance * Math.Max(1, Math.Abs(expected)), $"expected {expected:R}, found {actual:R}");
    }

    public static void Close(double[] expected, double[] actual, double tolerance = 1e-9)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            Close(expected[i], actual[i], tolerance);
    }
}
