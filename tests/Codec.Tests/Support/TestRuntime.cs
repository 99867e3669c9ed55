using Codec.Core.Runtime;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestPipelineStartup(typeof(TestRuntime))]

namespace Codec.Tests.Support;

/// <summary>Tests run with the settings of the programs, on at most two threads.</summary>
public sealed class TestRuntime : ITestPipelineStartup
{
    public ValueTask StartAsync(IMessageSink diagnosticMessageSink)
    {
        TorchRuntime.Initialize(new TorchRuntimeOptions { Threads = Math.Min(2, Environment.ProcessorCount) });
        return ValueTask.CompletedTask;
    }

    public ValueTask StopAsync() => ValueTask.CompletedTask;
}
