using Codec.Core;
using Codec.Core.Bitstream.Prediction;

namespace Codec.Tests.Core.Bitstream.Prediction;

/// <summary>An untrained neural predictor with fixed random weights. Drawn as integers, so that it is the same everywhere.</summary>
internal static class SmallPrior
{
    private const int Width = 7, Hidden = 19, Rank = 5;

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
        return NeuralPrior.Quantize(tokenHash, [.. books.Select((b, i) => Matrix(b.Size, Width, 1f / (1 << i)))],
            [.. books.Select((b, i) => new[]
            {
                (Matrix(Hidden, NeuralContext.Taps(i) * Width), Vector(Hidden)),
                (Matrix(Rank, Hidden), Vector(Rank)),
                (Matrix(b.Size, Rank), Vector(b.Size)),
            })]);
    }
}
