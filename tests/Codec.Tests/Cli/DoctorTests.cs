using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Codec.Core.Pretrained;

namespace Codec.Tests.Cli;

public class DoctorTests
{
    [Fact]
    public void A_working_installation_is_told_item_by_item()
    {
        var run = CommandLineRun.Of("doctor");
        Assert.Equal(0, run.ExitCode);
        foreach (var subject in new[] { "TorchSharp", "libtorch", "threads", "CUDA", "libsndfile", "processor" })
            Assert.Contains(subject, run.Out);
        Assert.Empty(run.Error);
    }

    [Fact]
    public void Every_bundled_model_is_told_with_the_hash_of_its_file()
    {
        var findings = JsonNode.Parse(CommandLineRun.Of("doctor", "--json").Out)!.AsArray().Where(finding => (string?)finding!["subject"] == "model").ToArray();
        Assert.Equal(PretrainedModels.All.Count, findings.Length);
        Assert.Contains(PretrainedModels.All, model => model.Name == PretrainedModels.DefaultName);
        foreach (var (model, finding) in PretrainedModels.All.Zip(findings))
        {
            Assert.Equal("good", (string?)finding!["health"]);
            Assert.Contains(model.Name, (string?)finding["detail"]);
            Assert.Contains(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(model.Path))), (string?)finding["detail"]);
        }
    }

    [Fact]
    public void A_folder_without_libtorch_is_broken_and_comes_with_advice()
    {
        var run = CommandLineRun.Of([], new() { ["CODEC_LIBTORCH"] = "/nowhere" }, "doctor", "--json");
        Assert.Equal(1, run.ExitCode);
        var finding = Find(run.Out, "libtorch");
        Assert.Equal("broken", (string?)finding["health"]);
        Assert.Contains("/nowhere", (string?)finding["detail"]);
        Assert.Contains("CODEC_LIBTORCH", (string?)finding["advice"]);
    }

    [Fact]
    public void Another_release_of_PyTorch_is_refused_by_its_version()
    {
        using var folder = new TemporaryFolder();
        var lib = Directory.CreateDirectory(folder.Combine("lib")).FullName;
        File.WriteAllText(Path.Combine(lib, "libtorch_cpu.so"), "");
        File.WriteAllText(folder.Combine("version.py"), "from typing import Optional\n__version__ = '2.6.0+cu124'\n");
        var run = CommandLineRun.Of([], new() { ["CODEC_LIBTORCH"] = lib }, "doctor", "--json");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("expected libtorch 2.10, found 2.6.0+cu124", (string?)Find(run.Out, "libtorch")["detail"]);
    }

    /// <summary>The folder is a copy, not a link: two libraries of one inode would be one to the dynamic linker.</summary>
    [Fact]
    public void The_libtorch_of_another_folder_is_loaded_instead_of_the_bundled_one()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "copies the Linux libraries");
        using var folder = new TemporaryFolder();
        Assert.SkipUnless(new DriveInfo(folder.Path).AvailableFreeSpace > 1L << 30, "less than 1 GiB free for a copy of libtorch");
        foreach (var name in new[] { "libtorch.so", "libtorch_cpu.so", "libc10.so", "libgomp-98b21ff3.so.1" })
            File.Copy(Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native", name), folder.Combine(name));

        var (code, output) = RunProgram(folder.Path);
        Assert.True(code == 0, output);
        Assert.EndsWith($"from {folder.Combine("libtorch_cpu.so")}", (string?)Find(output, "libtorch")["detail"]);
    }

    private static (int Code, string Output) RunProgram(string libTorch)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "codec.dll"), "doctor", "--json"])
        {
            RedirectStandardOutput = true,
            Environment = { ["CODEC_LIBTORCH"] = libTorch },
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output);
    }

    private static JsonNode Find(string json, string subject)
        => JsonNode.Parse(json)!.AsArray().Single(finding => (string?)finding!["subject"] == subject)!;
}
