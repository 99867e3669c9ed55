namespace Codec.Core.Codecs.Native.Inference;

/// <summary>What the layers of one direction of one signal remember: for each causal layer its last input rows, zeros at the start.</summary>
internal sealed class RowHistory : IStreamSlot
{
    private readonly float[][] _rows;

    /// <param name="sizes">Floats that each layer keeps, in the order of the layers.</param>
    public RowHistory(IEnumerable<int> sizes) => _rows = [.. sizes.Select(size => new float[size])];

    private RowHistory(float[][] rows) => _rows = rows;

    public int Count => _rows.Length;

    public float[] this[int layer] => _rows[layer];

    public IStreamSlot Fork() => new RowHistory([.. _rows.Select(rows => (float[])rows.Clone())]);

    public void Dispose()
    {
    }
}
