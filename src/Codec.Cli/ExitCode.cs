using Codec.Audio;
using Codec.Core.Bitstream;
using Codec.Core.Checkpoints;
using Codec.Core.Tokens;

namespace Codec.Cli;

/// <summary>What the process returns to its caller.</summary>
internal static class ExitCode
{
    public const int Done = 0;

    /// <summary>A defect of this program, or the machine gave out: disk full, memory.</summary>
    public const int Internal = 1;

    public const int Usage = 2;
    public const int InputFile = 3;
    public const int Checkpoint = 4;

    /// <summary>A gate against a baseline was not passed.</summary>
    public const int Gate = 5;

    /// <summary>Ctrl-C, as shells expect it: 128 + SIGINT.</summary>
    public const int Cancelled = 130;

    public static int For(Exception exception) => exception switch
    {
        OperationCanceledException => Cancelled,
        AudioFileException or BitstreamException or TokenFileException => InputFile,
        CheckpointException => Checkpoint,
        OutputFileException { InnerException: IOException failure } when IsDevice(failure) => Internal,
        CodecException => Usage,
        _ => Internal,
    };

    /// <summary>ENOSPC, EDQUOT or EIO, and ERROR_DISK_FULL: nothing that the user typed is wrong.</summary>
    private static bool IsDevice(IOException failure) => failure.HResult is 28 or 122 or 5 or unchecked((int)0x80070070);

    /// <summary>One line for the user; the exception's type only where it is our defect.</summary>
    public static string Describe(Exception exception) => exception switch
    {
        OperationCanceledException => "cancelled",
        CodecException => exception.Message,
        IOException or UnauthorizedAccessException => exception.Message,
        OutOfMemoryException => "out of memory",
        _ => $"internal error, please report it: {exception.GetType().Name}: {exception.Message.ReplaceLineEndings(" ")} (set CODEC_DEBUG=1 for the stack trace)",
    };
}
