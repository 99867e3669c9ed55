using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Codec.Core;

/// <summary>Code tensors to <see cref="Codes"/> and back, one of all books where they have the same stride, else one per book.</summary>
public static class CodeTensors
{
    /// <param name="codes_BKT">int64 [B, K, T].</param>
    /// <param name="specs">At least K.</param>
    public static Codes ToCodes(Tensor codes_BKT, IReadOnlyList<CodebookSpec> specs)
    {
        using var scope = NewDisposeScope();
        return ToCodes([.. codes_BKT.unbind(1)], specs, (int)codes_BKT.shape[2]);
    }

    /// <param name="codes_BT">Per book int64 [B, T / stride].</param>
    /// <param name="specs">At least as many.</param>
    /// <param name="frames">T.</param>
    public static Codes ToCodes(IReadOnlyList<Tensor> codes_BT, IReadOnlyList<CodebookSpec> specs, int frames)
        => new([.. specs.Take(codes_BT.Count)], [.. codes_BT.Select(Rows)], frames);

    /// <summary>One int64 tensor [B, T / stride] per book.</summary>
    /// <exception cref="ArgumentException">A code lies outside its book, or there are too many books.</exception>
    public static Tensor[] ToTensors(Codes codes, IReadOnlyList<CodebookSpec> specs, Device device)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(codes.Books, specs.Count, nameof(codes));
        return [.. Enumerable.Range(0, codes.Books).Select(k =>
        {
            var values = Enumerable.Range(0, codes.Batch).SelectMany(b => Checked(codes, specs, k, b)).ToArray();
            return tensor(values, [codes.Batch, values.Length / codes.Batch], device: device);
        })];
    }

    /// <returns>int64 [B, K, T].</returns>
    /// <exception cref="ArgumentException">A code lies outside its book, or there are more books than <paramref name="specs"/>.</exception>
    public static Tensor ToTensor(Codes codes, IReadOnlyList<CodebookSpec> specs, Device device)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(codes.Books, specs.Count, nameof(codes));
        var values = Enumerable.Range(0, codes.Batch)
            .SelectMany(b => Enumerable.Range(0, codes.Books).SelectMany(k => Checked(codes, specs, k, b))).ToArray();
        return tensor(values, [codes.Batch, codes.Books, codes.Frames], device: device);
    }

    /// <summary>The same, with codes checked against their own specs.</summary>
    public static Tensor ToTensor(Codes codes, Device device) => ToTensor(codes, codes.Specs, device);

    private static int[][] Rows(Tensor codes_BT)
    {
        using var scope = NewDisposeScope();
        var cpu = codes_BT.to(ScalarType.Int64).cpu().contiguous();
        var values = MemoryMarshal.Cast<byte, long>(cpu.bytes);
        var (batch, length) = ((int)cpu.shape[0], (int)cpu.shape[1]);
        var rows = new int[batch][];
        for (var b = 0; b < batch; b++)
        {
            rows[b] = new int[length];
            for (var t = 0; t < length; t++)
                rows[b][t] = checked((int)values[b * length + t]);
        }
        return rows;
    }

    private static long[] Checked(Codes codes, IReadOnlyList<CodebookSpec> specs, int book, int item)
    {
        var source = codes[book, item];
        var values = new long[source.Length];
        for (var t = 0; t < values.Length; t++)
            values[t] = (uint)source[t] < (uint)specs[book].Size
                ? source[t]
                : throw new ArgumentException($"book {book}: expected a code in [0, {specs[book].Size}), found {source[t]}", nameof(codes));
        return values;
    }
}
