using static TorchSharp.torch;

namespace Codec.Core.Kernels;

/// <summary>The rows of a float32 tensor [B, T, C] without gaps, on the CPU. Valid while the tensor lives.</summary>
internal readonly unsafe struct FrameMemory
{
    private readonly float* _first;

    public FrameMemory(Tensor x_BTC)
    {
        (Batch, Rows, Channels) = (x_BTC.size(0), x_BTC.size(1), (int)x_BTC.size(2)); // shape makes an array by calling back
        _first = Batch * Rows * Channels == 0 ? null : ChannelPattern.Pointer(x_BTC);
    }

    public long Batch { get; }

    public long Rows { get; }

    public int Channels { get; }

    public float* At(long item, long row) => _first + (item * Rows + row) * Channels;

    public Span<float> Row(long item, long row) => new(At(item, row), Channels);

    /// <summary>Copies all rows to the same items of another memory, from its row <paramref name="start"/> on; through ELU if asked.</summary>
    public void CopyTo(FrameMemory target, long start, bool elu = false)
    {
        for (var item = 0L; item < Batch && Rows > 0; item++)
        {
            if (elu)
                EluKernel.Run(At(item, 0), target.At(item, start), Rows * Channels);
            else
                Buffer.MemoryCopy(At(item, 0), target.At(item, start), Rows * Channels * sizeof(float), Rows * Channels * sizeof(float));
        }
    }
}
