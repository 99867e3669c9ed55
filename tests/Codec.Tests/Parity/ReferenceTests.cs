using Codec.Core.Parity;

namespace Codec.Tests.Parity;

/// <summary>Every recorded case below CODEC_REFERENCES (default ../shared) through the parity tool: new cases need no code.</summary>
[Trait("Category", "Reference")]
public sealed class ReferenceTests
{
    public static TheoryData<string> Cases()
    {
        var folders = ParityCase.Find(SharedFolder.Root).Select(folder => Path.GetRelativePath(SharedFolder.Root, folder)).ToArray();
        return [.. folders.Length > 0 ? folders : ["parity"]];
    }

    [Theory, MemberData(nameof(Cases))] // no leak count: TorchSharp counts a wrapped Parameter twice, and cases build models
    public void A_recorded_case_is_reproduced(string folder)
    {
        var parityCase = ParityCase.Open(SharedFolder.Require(folder));
        Assert.SkipWhen(ParityTool.RunnerOf(parityCase) is null, $"{folder}: no runner claims a case with {string.Join(", ", parityCase.Config.EnumerateObject().Select(p => p.Name).Take(6))}");
        var report = ParityTool.Run(parityCase);
        var failures = report.Lines.Where(line => !line.Passed).Select(line => $"{line.Name}: {line.MaxError:g3} > {line.Tolerance:g3} {line.Problem}");
        Assert.True(report.Passed, $"{folder}\n{string.Join("\n", failures)}");
        Assert.True(report.Unused.Count == 0, $"{folder}: recorded but not compared: {string.Join(", ", report.Unused)}");
    }
}
