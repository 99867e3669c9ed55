namespace Codec.Core.Bitstream.Prediction;

// Several blocks side by side.
public sealed partial class NeuralModel
{
    /// <summary>A block that is decoded beside others.</summary>
    /// <param name="Model">Its own, of the same tables as the others'.</param>
    /// <param name="Coder">Does not know the codes.</param>
    /// <param name="Block">As in <see cref="ISymbolModel.Code"/>.</param>
    internal readonly record struct Lane(NeuralModel Model, ISymbolCoder Coder, Codes Block);

    /// <summary>Decodes one book of a few blocks, frame by frame in all of them: each as by itself, in less time.</summary>
    /// <param name="lanes">At most <see cref="NeuralRows.Most"/>.</param>
    /// <param name="book">As in <see cref="ISymbolModel.Code"/>.</param>
    internal static void CodeTogether(ReadOnlySpan<Lane> lanes, int book)
    {
        var (rows, network) = (lanes[0].Model._rows, lanes[0].Model._prior[book]);
        var frames = 0;
        foreach (var (model, _, block) in lanes)
        {
            model.Begin(block, book);
            frames = Math.Max(frames, block[book].Length);
        }
        Span<int> present = stackalloc int[NeuralRows.Most];
        for (var t = 0; t < frames; t++)
        {
            var count = 0;
            for (var i = 0; i < lanes.Length; i++)
                if (t < lanes[i].Block[book].Length)
                    if (lanes[i].Model.IsPresent(lanes[i].Coder, lanes[i].Block, book, t))
                        present[count++] = i;
                    else
                        lanes[i].Model.Take(lanes[i].Block, book, network.Size, t);
            for (var row = 0; row < count; row++)
                lanes[present[row]].Model.Show(rows, row, network, t);
            lanes[0].Model.SeeOwnMean(network, book, rows.Means, count, rows.Inputs);
            rows.Run(network, rows.Inputs, count);
            for (var row = 0; row < count; row++)
            {
                var (model, coder, block) = lanes[present[row]];
                block[book][t] = model.Code(coder, rows, row, book, 0);
                model.OwnProducts(book).Expect(block[book][t]);
            }
            for (var row = 0; row < count; row++)
                lanes[present[row]].Model.Take(lanes[present[row]].Block, book, lanes[present[row]].Block[book][t], t);
        }
        foreach (var (model, _, block) in lanes)
            model.End(block, book);
    }
}
