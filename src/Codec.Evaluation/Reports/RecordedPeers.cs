using System.Globalization;
using System.Text.Json;
using Codec.Audio;
using Codec.Evaluation.Conditions;
using Codec.Evaluation.Runs;

namespace Codec.Evaluation.Reports;

/// <summary>
/// What others measured on the very files of a run: {"files": [{"path": "a/b.flac", "lyra_3200": [PESQ-WB, ESTOI], "opus_6": [PESQ-WB, ESTOI,
/// kbit/s on disk], ...}]}. Being paired with our rows file by file, it takes part in every comparison; names carry an asterisk.
/// </summary>
public sealed class RecordedPeers
{
    private static readonly string[] Columns = ["pesq_wb", "estoi"];
    private readonly List<(string Peer, string File, double[] Values)> _values = [];

    /// <summary>A condition whose figures come from elsewhere.</summary>
    internal sealed record Recorded(string Name, string Family, double? NominalBitsPerSecond) : ICondition
    {
        public string? Problem => null;

        public Transcoded Run(AudioBuffer input, ConditionContext context, CancellationToken cancellation)
            => throw new ConfigException($"{Name}: was measured elsewhere and cannot be run");
    }

    /// <summary>Reads the file; null where it has another shape (see <see cref="PeerPoints"/>).</summary>
    /// <exception cref="ConfigException">Missing, or not understood.</exception>
    public static RecordedPeers? Load(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            if (!document.RootElement.TryGetProperty("files", out var files))
                return null;
            var peers = new RecordedPeers();
            foreach (var file in files.EnumerateArray())
                foreach (var peer in file.EnumerateObject().Where(p => p.Value.ValueKind == JsonValueKind.Array))
                    peers._values.Add((peer.Name, Path.GetFileName(file.GetProperty("path").GetString()!), [.. peer.Value.EnumerateArray().Select(v => v.GetDouble())]));
            return peers._values.All(v => v.Values.Length is 2 or 3) ? peers : throw new InvalidOperationException("a peer has neither 2 nor 3 figures");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new ConfigException($"{path}: expected {{\"files\": [{{\"path\", NAME_RATE: [PESQ-WB, ESTOI, kbit/s]}}]}} ({e.Message})", e);
        }
    }

    /// <summary>The plan and its rows with the peers' figures on files of the run added.</summary>
    public (EvaluationPlan Plan, IReadOnlyList<EvaluationRow> Rows) AddTo(EvaluationPlan plan, IReadOnlyList<EvaluationRow> rows)
    {
        var files = rows.DistinctBy(r => r.File).ToLookup(r => Path.GetFileName(r.File));
        var conditions = _values.Where(v => files.Contains(v.File)).Select(v => v.Peer).Distinct().ToDictionary(peer => peer, Condition);
        var added = from v in _values
                    from row in files[v.File]
                    select new EvaluationRow
                    {
                        Condition = conditions[v.Peer].Name,
                        File = row.File,
                        Seconds = row.Seconds,
                        Bytes = (long)Math.Round((v.Values.Length > 2 ? 1000 * v.Values[2] : conditions[v.Peer].NominalBitsPerSecond ?? 0) * row.Seconds / 8),
                        Values = Columns.Zip(v.Values).ToDictionary(c => c.First, c => c.Second),
                    };
        return (plan with { Conditions = [.. plan.Conditions, .. conditions.Values] }, [.. rows, .. added]);
    }

    /// <summary>"lyra_3200" and "opus_6": a rate of 400 or more is in bit/s.</summary>
    private static Recorded Condition(string peer)
    {
        var at = peer.LastIndexOf('_');
        if (at <= 0 || !double.TryParse(peer.AsSpan(at + 1), CultureInfo.InvariantCulture, out var rate) || !(rate > 0))
            throw new ConfigException($"{peer}: expected NAME_RATE");
        var kilobits = rate >= 400 ? rate / 1000 : rate;
        return new Recorded(FormattableString.Invariant($"{peer[..at]}@{kilobits:0.###}*"), peer[..at] + "*", 1000 * kilobits);
    }
}
