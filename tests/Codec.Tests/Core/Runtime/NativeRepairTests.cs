using System.Security.Cryptography;
using TorchSharp;

namespace Codec.Tests.Core.Runtime;

/// <summary>The build weakens one symbol version that libLibTorchSharp.so demands; see .build/ElfVersionNeeds.cs.</summary>
public class NativeRepairTests
{
    private const string Version = "GLIBCXX_3.4.32";

    private static string Repaired
    {
        get
        {
            Assert.SkipUnless(OperatingSystem.IsLinux(), "the repair is for Linux only");
            return Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native", "libLibTorchSharp.so");
        }
    }

    private static string InPackageCache
    {
        get
        {
            var packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } set
                ? set
                : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
            var version = typeof(torch).Assembly.GetName().Version!.ToString(3);
            var path = Path.Combine(packages, "torchsharp", version, "runtimes", "linux-x64", "native", "libLibTorchSharp.so");
            Assert.SkipUnless(File.Exists(path), $"{path} is absent");
            return path;
        }
    }

    [Fact]
    public void The_copy_beside_the_program_demands_the_version_weakly_and_all_others_as_before()
    {
        var before = ElfVersionNeeds.Flags(File.ReadAllBytes(InPackageCache));
        var after = ElfVersionNeeds.Flags(File.ReadAllBytes(Repaired));
        Assert.Equal(ElfVersionNeeds.Weak, after[Version]);
        Assert.Equal(before.Keys.Order(), after.Keys.Order());
        Assert.All(after.Where(need => need.Key != Version), need => Assert.Equal(before[need.Key], need.Value));
    }

    [Fact]
    public void The_package_cache_is_untouched()
    {
        var original = File.ReadAllBytes(InPackageCache);
        Assert.Equal(0, ElfVersionNeeds.Flags(original)[Version]);
        var repaired = File.ReadAllBytes(Repaired);
        Assert.Equal(original.Length, repaired.Length);
        Assert.Equal(1, original.Zip(repaired).Count(pair => pair.First != pair.Second));
    }

    [Fact]
    public void Weakening_twice_changes_nothing_more()
    {
        var bytes = File.ReadAllBytes(Repaired);
        var hash = SHA256.HashData(bytes);
        Assert.False(ElfVersionNeeds.Weaken(bytes, Version));
        Assert.Equal(hash, SHA256.HashData(bytes));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(40)]
    [InlineData(4096)]
    [InlineData(2_390_000)]
    public void A_damaged_library_is_refused(int length)
    {
        var bytes = File.ReadAllBytes(Repaired)[..length];
        Assert.Throws<InvalidDataException>(() => ElfVersionNeeds.Flags(bytes));
    }

    [Fact, NoTensorLeaks]
    public void A_tensor_can_be_made()
    {
        using var ones = torch.ones(2, 3);
        using var sum = ones.sum();
        Assert.Equal(6, sum.item<float>());
    }
}
