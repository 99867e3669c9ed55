namespace Codec.Core.Bitstream;

/// <summary>Counts the bits that a predictor would spend, without writing any.</summary>
public sealed class CodeLength : ISymbolCoder
{
    /// <summary>Bits so far.</summary>
    public double Bits { get; private set; }

    public bool Knows => true;

    public int Code(int symbol, ReadOnlySpan<uint> cumulative)
    {
        Bits -= Math.Log2((cumulative[symbol + 1] - cumulative[symbol]) / (double)cumulative[^1]);
        return symbol;
    }

    public int CodeUniform(int symbol, int size)
    {
        Bits += Math.Log2(size);
        return symbol;
    }

    public int CodeBit(int bit, uint one)
    {
        Bits -= Math.Log2((bit != 0 ? one : 65536 - one) / 65536.0);
        return bit;
    }

    /// <summary>Mean bits a code of each book.</summary>
    /// <param name="files">Each starts with a fresh predictor; every batch item counts as a file.</param>
    /// <param name="model">Makes predictors.</param>
    /// <param name="blockFrames">Frames in a block.</param>
    /// <param name="groupBlocks">Blocks from one reset to the next.</param>
    public static double[] Measure(IEnumerable<Codes> files, Func<ISymbolModel> model, int blockFrames, int groupBlocks = 1)
    {
        double[] bits = [];
        long[] count = [];
        foreach (var file in files)
            for (var item = 0; item < file.Batch; item++)
            {
                var row = file.Row(item);
                var predictor = model();
                Array.Resize(ref bits, row.Books);
                Array.Resize(ref count, row.Books);
                for (int start = 0, block = 0; start < row.Frames; start += blockFrames, block++)
                {
                    if (block % groupBlocks == 0)
                        predictor.Reset();
                    var piece = row.Slice(start, Math.Min(blockFrames, row.Frames - start));
                    for (var book = 0; book < row.Books; book++)
                    {
                        var length = new CodeLength();
                        predictor.Code(length, piece, book);
                        bits[book] += length.Bits;
                        count[book] += piece[book].Length;
                    }
                }
            }
        return [.. bits.Select((sum, book) => sum / Math.Max(1, count[book]))];
    }
}
