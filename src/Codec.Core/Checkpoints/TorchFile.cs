namespace Codec.Core.Checkpoints;

internal static class TorchFile
{
    public static Checkpoint Read(string path) => throw new CheckpointException(path, "PyTorch pickle files cannot be read yet");
}
