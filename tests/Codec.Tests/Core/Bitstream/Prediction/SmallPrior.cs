using Codec.Core;
using Codec.Core.Bitstream.Prediction;

namespace Codec.Tests.Core.Bitstream.Prediction;

/// <summary>An untrained neural predictor with fixed random weights. Drawn as integers, so that it is the same everywhere.</summary>
internal static class SmallPrior
{
    private const int Width = 6, Hidden = 19, Second = 5;

    public static NeuralPrior Make(IReadOnlyList<CodebookSpec> books, uint tokenHash = 1)
    {
        var random = new Random(1);
        float[,] Matrix(int rows, int columns, float scale = 1)
        {
            var matrix = new float[rows, columns];
            for (var r = 0; r < rows; r++)
                for (var c = 0; c < columns; c++)
                    matrix[r, c] = scale * random.Next(-128, 129) / 256f;
            return matrix;
        }
        float[] Vector(int length) => [.. Enumerable.Range(0, length).Select(_ => random.Next(-128, 129) / 256f)];
        LinearWeights Layer(int rows, int columns) => new(Matrix(rows, columns), Vector(rows));
        return NeuralPrior.Quantize(tokenHash, [.. books.Select((b, i) =>
        {
            var order = Enumerable.Range(0, b.Size).ToArray();
            random.Shuffle(order);
            var members = b.Size / 7 + 1;
            return new NeuralBookWeights(Matrix(b.Size, Width, 1f / (1 << i)), order, members,
                Layer(Hidden, NeuralContext.Taps(i) * Width), Layer(Second, Hidden), Layer((b.Size + members - 1) / members, Second), Layer(b.Size, Second));
        })]);
    }
}
