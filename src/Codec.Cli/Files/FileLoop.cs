using System.Text.Json.Nodes;
using Codec.Audio;
using Codec.Core.Bitstream;

namespace Codec.Cli.Files;

/// <summary>Runs jobs one after the other: a bad file is told and counted, and the rest goes on.</summary>
internal static class FileLoop
{
    /// <param name="jobs">Done in order.</param>
    /// <param name="name">Of a job, for the results.</param>
    /// <param name="output">Gets one JSON array, with an object per job.</param>
    /// <param name="run">Does one job and tells its result.</param>
    /// <param name="fatal">Failures that end the loop; null for none.</param>
    /// <returns>The exit code of the first failure; 0 without.</returns>
    public static int Run<T>(IReadOnlyList<T> jobs, Func<T, string> name, CommandOutput output, Func<T, JsonObject> run, Predicate<Exception>? fatal = null)
    {
        var results = new JsonArray();
        var code = ExitCode.Done;
        var failed = 0;
        foreach (var job in jobs)
        {
            try
            {
                results.Add((JsonNode)run(job));
            }
            catch (Exception e) when (fatal?.Invoke(e) is not true && (e is CodecException or IOException or UnauthorizedAccessException))
            {
                failed++;
                code = code == ExitCode.Done ? ExitCode.For(e) : code;
                // The container's reader knows bytes only, not which file they are from.
                var problem = e is BitstreamException ? $"{name(job)}: {ExitCode.Describe(e)}" : ExitCode.Describe(e);
                output.Error(problem);
                results.Add((JsonNode)new JsonObject { ["input"] = name(job), ["error"] = problem });
            }
        }
        output.Result(results);
        if (failed > 0 && jobs.Count > 1)
            output.Message($"{failed} of {jobs.Count} files failed");
        return code;
    }
}
