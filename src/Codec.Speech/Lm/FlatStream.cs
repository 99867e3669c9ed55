using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>
/// A model of the flat pattern (or of one stream, such as text) as a plain sequence of tokens: token i belongs to book i modulo K. Searches and
/// drafts see models this way.
/// </summary>
public sealed class FlatStream
{
    /// <param name="model">In evaluation mode, with K direct heads, trained with the flat pattern where K > 1.</param>
    public FlatStream(SpeechLm model) => Model = model;

    public SpeechLm Model { get; }

    /// <summary>Reads tokens into sessions.</summary>
    /// <param name="cache">Sessions of one length of what was read so far, rows of the batch.</param>
    /// <param name="slots">One per row.</param>
    /// <param name="tokens">[rows][n]; the first may be -1, the start token.</param>
    /// <param name="first">Index of the first token in the sequence; -1 = the start token.</param>
    /// <param name="layers">Layers run; 0 = all.</param>
    /// <returns>[rows, n, D]: output i predicts the token after token first + i.</returns>
    public Tensor Read(KvCache cache, int[] slots, int[][] tokens, int[] first, int layers = 0)
    {
        var (books, count) = (Model.Streams, tokens[0].Length);
        var inputs = new long[slots.Length * books * count];
        for (var row = 0; row < slots.Length; row++)
            for (var i = 0; i < count; i++)
                for (var k = 0; k < books; k++)
                    inputs[(row * books + k) * count + i] = first[row] + i >= 0 && (first[row] + i) % books == k ? tokens[row][i] : Model.Config.Vocabulary[k];
        using var ids = tensor(inputs, device: Model.Device).view(slots.Length, books, count);
        return Model.Hidden(ids, cache, slots, layers: layers);
    }

    /// <summary>Logits of one token.</summary>
    /// <param name="hidden">[..., D].</param>
    /// <param name="index">Of the token predicted.</param>
    public float[] Logits(Tensor hidden, int index)
    {
        using var scope = NewDisposeScope();
        return Model.Head(hidden.view(1, 1, -1), index % Model.Streams).cpu().contiguous().data<float>().ToArray();
    }
}
