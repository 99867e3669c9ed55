using Codec.Cli;

namespace Codec.Tests.Support;

/// <summary>One run of the <c>codec</c> command inside the test process.</summary>
internal sealed record CommandLineRun(int ExitCode, string Out, string Error, byte[] OutBytes)
{
    /// <summary>Lines of standard error.</summary>
    public string[] ErrorLines => Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public static CommandLineRun Of(params string[] args) => Of([], null, args);

    /// <param name="input">Bytes on standard input.</param>
    /// <param name="variables">Environment variables; null for none.</param>
    /// <param name="args">Arguments.</param>
    public static CommandLineRun Of(byte[] input, Dictionary<string, string>? variables, params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var bytes = new MemoryStream();
        var terminal = new Terminal
        {
            Out = output,
            Error = error,
            OpenInput = () => new PipeLike(new MemoryStream(input)),
            OpenOutput = () => new PipeLike(bytes),
            Variable = name => variables?.GetValueOrDefault(name),
        };
        var code = CommandLine.Run(args, terminal, TestContext.Current.CancellationToken);
        return new CommandLineRun(code, output.ToString(), error.ToString(), bytes.ToArray());
    }

    /// <summary>A stream that cannot seek and stays readable after the command has closed it, like a pipe.</summary>
    private sealed class PipeLike(MemoryStream inner) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        // Never more than a few bytes at once, as a pipe may do.
        public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, Math.Min(count, 777));

        public override void Write(byte[] buffer, int offset, int count) => inner.Write(buffer, offset, count);

        public override void Flush() { }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
