using System.Runtime.InteropServices;
using Codec.Audio;
using Codec.Core.Runtime;
using TorchSharp;

namespace Codec.Tests.Core.Runtime;

public partial class TorchRuntimeTests
{
    [Theory]
    [InlineData("OMP_WAIT_POLICY")]
    [InlineData("THP_MEM_ALLOC_ENABLE")]
    public void Switches_are_in_the_native_environment(string name)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "getenv of libc is called");
        Assert.NotNull(Marshal.PtrToStringUTF8(NativeVariable(name)));
    }

    [Fact]
    public void Threads_can_be_changed_later()
    {
        var before = TorchRuntime.Threads;
        try
        {
            TorchRuntime.Initialize(new TorchRuntimeOptions { Threads = 1 });
            Assert.Equal(1, TorchRuntime.Threads);
        }
        finally
        {
            TorchRuntime.Initialize(new TorchRuntimeOptions { Threads = before });
        }
    }

    [Fact]
    public void A_thread_count_below_one_is_refused()
        => Assert.Throws<ConfigException>(() => TorchRuntime.Initialize(new TorchRuntimeOptions { Threads = 0 }));

    [Fact]
    public void The_loaded_libtorch_tells_its_version_and_place()
    {
        Assert.StartsWith("2.10.", TorchRuntime.LibTorchVersion);
        Assert.True(File.Exists(TorchRuntime.LibTorchPath));
        Assert.Matches(@"^\d+\.\d+\.\d+$", TorchRuntime.TorchSharpVersion);
    }

    [Theory]
    [InlineData("cpu")]
    [InlineData("CPU")]
    public void The_cpu_is_always_there(string name)
        => Assert.Equal(DeviceType.CPU, TorchRuntime.ParseDevice(name).type);

    [Theory]
    [InlineData("gpu")]
    [InlineData("cuda:")]
    [InlineData("cuda:-1")]
    [InlineData("cpu:0")]
    [InlineData("")]
    public void Unknown_devices_are_refused_with_the_known_ones(string name)
        => Assert.Contains("cpu, cuda or cuda:N", Assert.Throws<ConfigException>(() => TorchRuntime.ParseDevice(name)).Message);

    [Fact]
    public void Cuda_is_refused_in_one_line_where_there_is_none()
    {
        Assert.SkipWhen(torch.cuda.is_available(), "this machine has CUDA");
        var message = Assert.Throws<ConfigException>(() => TorchRuntime.ParseDevice("cuda")).Message;
        Assert.Contains("CODEC_LIBTORCH", message);
        Assert.DoesNotContain('\n', message);
    }

    [LibraryImport("libc", EntryPoint = "getenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint NativeVariable(string name);
}
