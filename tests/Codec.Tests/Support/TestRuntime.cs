using System.Runtime.CompilerServices;
using Codec.Core.Runtime;

namespace Codec.Tests.Support;

/// <summary>Tests run with the settings of the programs, on at most two threads.</summary>
internal static class TestRuntime
{
    [ModuleInitializer]
    internal static void Initialize()
        => TorchRuntime.Initialize(new TorchRuntimeOptions { Threads = Math.Min(2, Environment.ProcessorCount) });
}
