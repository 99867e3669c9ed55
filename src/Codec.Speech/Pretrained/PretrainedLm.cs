using Codec.Core.Checkpoints;

namespace Codec.Speech.Pretrained;

/// <summary>The speech language model that comes with this library, a content file beside the assembly. It knows the tokens of the bundled codec.</summary>
public static class PretrainedLm
{
    /// <summary>Its file.</summary>
    /// <exception cref="CheckpointException">It is not there.</exception>
    public static string Path
    {
        get
        {
            var path = System.IO.Path.Combine(AppContext.BaseDirectory, "Pretrained", "Lm", "speech-16khz-lm.safetensors");
            return File.Exists(path) ? path : throw new CheckpointException(path, "no bundled speech language model: name one");
        }
    }
}
