using System.Runtime.InteropServices;
using Codec.Cli;
using Codec.Core.Runtime;

// With a libtorch of the user's, the program starts again inside a load context that finds that one.
if (Environment.GetEnvironmentVariable(CommandContext.LibTorchVariable) is { Length: > 0 } folder
    && !LibTorchContext.IsActive && LibTorchContext.Problem(folder) is null)
    return CommandLine.Guard(Terminal.OfProcess(), () => LibTorchContext.Run(typeof(CommandLine).Assembly, folder, args));

using var cancellation = new CancellationTokenSource();
// The first signal lets the command remove what it has half written; the second ends the process.
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
return CommandLine.Run(args, Terminal.OfProcess(), cancellation.Token);

void Stop(PosixSignalContext context)
{
    context.Cancel = !cancellation.IsCancellationRequested;
    cancellation.Cancel();
}
