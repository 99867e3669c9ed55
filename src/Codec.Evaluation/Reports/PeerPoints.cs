using System.Text.Json;
using Codec.Audio;

namespace Codec.Evaluation.Reports;

/// <summary>
/// Points measured elsewhere: {"rows": [{"codec": "Opus 12", "kbps_file": 13.1, "pesq_wb": 3.2, ...}]}. The family is the name up to its
/// rate or mode, with an asterisk; numbers that are no rate are metrics.
/// </summary>
public static class PeerPoints
{
    /// <exception cref="ConfigException">Missing, or of another shape.</exception>
    public static List<ExtraPoint> Load(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return [.. document.RootElement.GetProperty("rows").EnumerateArray().Select(Point).Where(p => p.Kbps > 0)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new ConfigException($"{path}: expected {{\"rows\": [{{\"codec\", \"kbps_file\", metrics}}]}} ({e.Message})", e);
        }
    }

    private static ExtraPoint Point(JsonElement row)
    {
        var name = row.GetProperty("codec").GetString() ?? "";
        var values = row.EnumerateObject().Where(p => p.Value.ValueKind == JsonValueKind.Number && !p.Name.StartsWith("kbps", StringComparison.Ordinal))
            .ToDictionary(p => p.Name == "visqol_speech_exponential" ? "visqol_speech" : p.Name, p => p.Value.GetDouble());
        if (values.Remove("lsd_log10", out var bels))
            values["lsd_db"] = 10 * bels;
        var family = string.Join(' ', name.Split(' ').TakeWhile((word, i) => i == 0 || !char.IsDigit(word[0]) && word[0] != '(' && word is not ("mode" or "quality"))).TrimEnd(',');
        return new ExtraPoint(name, family + "*", row.GetProperty("kbps_file").GetDouble(), values);
    }
}
