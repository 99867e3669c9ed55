using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Quantizers;

/// <summary>
/// M-best search for the codes of residual books: instead of the nearest entry of each book in turn, the best partial sums are
/// kept from book to book (as in multi-stage vector quantization, LeBlanc et al. 1993). Own kernel with a fixed order of operations: the
/// codes of a frame depend neither on its batch nor on threads nor on the instruction set.
/// </summary>
public sealed class ResidualSearch
{
    private readonly float[][] _columns;       // per book [D, V padded]: one entry per lane
    private readonly float[][] _halfNorms;     // per book [V padded]: |e|^2 / 2; infinite for padding
    private readonly float[][] _entries;       // per book [V, D]
    private readonly int _dimension;

    /// <param name="codebooks_VD">float32 [V, D] of each book, coarse first; copied.</param>
    public ResidualSearch(IEnumerable<Tensor> codebooks_VD)
    {
        using var scope = NewDisposeScope();
        _entries = [.. codebooks_VD.Select(book => book.detach().to(float32).cpu().contiguous().data<float>().ToArray())];
        _dimension = (int)codebooks_VD.First().shape[1];
        _columns = [.. _entries.Select(Columns)];
        _halfNorms = [.. _entries.Select(HalfNorms)];
    }

    /// <param name="entries">[V][D] of each book, coarse first; kept.</param>
    /// <param name="dimension">D.</param>
    public ResidualSearch(float[][] entries, int dimension)
    {
        _entries = entries;
        _dimension = dimension;
        _columns = [.. _entries.Select(Columns)];
        _halfNorms = [.. _entries.Select(HalfNorms)];
    }

    /// <summary>Partial sums kept at each effort: 1 (greedy), 4, 16, 64.</summary>
    public static int Width(int effort) => effort is >= 0 and <= 3
        ? 1 << (2 * effort)
        : throw new ArgumentOutOfRangeException(nameof(effort), effort, "0 to 3");

    /// <summary>
    /// Improves codes that were found greedily. The squared error of a frame never rises: where the search finds nothing better, the
    /// greedy codes stay. Every effort starts from what the efforts below it have found, so it never does worse than they.
    /// </summary>
    /// <param name="latent_BTD">float32 [B, T, D].</param>
    /// <param name="greedy_BKT">int64 [B, K, T], the quantizer's own answer.</param>
    /// <param name="effort">0 to 3; 0 returns the greedy codes.</param>
    /// <returns>int64 [B, K, T].</returns>
    public Tensor Improve(Tensor latent_BTD, Tensor greedy_BKT, int effort)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(effort);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(effort, 3);
        if (effort == 0)
            return greedy_BKT.alias();
        using var scope = NewDisposeScope();
        var latent = latent_BTD.detach().to(float32).cpu().contiguous().data<float>().ToArray();
        var codes = greedy_BKT.cpu().contiguous().data<long>().ToArray();
        var (books, frames) = ((int)greedy_BKT.shape[1], (int)greedy_BKT.shape[2]);
        var items = (int)greedy_BKT.shape[0];
        Parallel.For(0, items * frames, new ParallelOptions { MaxDegreeOfParallelism = Math.Max(1, get_num_threads()) }, () => Beams(effort, books), (n, _, beams) =>
        {
            var frame = latent.AsSpan(n * _dimension, _dimension);
            var greedy = new int[books];
            for (var k = 0; k < books; k++)
                greedy[k] = (int)codes[(n / frames * books + k) * frames + n % frames];
            var best = Search(frame, greedy, beams);
            for (var k = 0; k < books; k++)
                codes[(n / frames * books + k) * frames + n % frames] = best[k];
            return beams;
        }, _ => { });
        return tensor(codes, greedy_BKT.shape, device: greedy_BKT.device).MoveToOuterDisposeScope();
    }

    /// <summary>The same in place, on plain memory and on this thread.</summary>
    /// <param name="latents">[T][D].</param>
    /// <param name="codes">[book][...]: greedy codes from <paramref name="first"/> on.</param>
    /// <param name="first">Place of the first frame's codes.</param>
    /// <param name="effort">0 to 3.</param>
    public void Improve(ReadOnlySpan<float> latents, int[][] codes, int first, int effort)
    {
        if (effort == 0)
            return;
        var beams = Beams(effort, codes.Length);
        var frame = new int[codes.Length];
        for (var t = 0; t < latents.Length / _dimension; t++)
        {
            for (var k = 0; k < codes.Length; k++)
                frame[k] = codes[k][first + t];
            var best = Search(latents.Slice(t * _dimension, _dimension), frame, beams);
            for (var k = 0; k < codes.Length; k++)
                codes[k][first + t] = best[k];
        }
    }

    /// <summary>Squared distance of a frame from the sum of its entries.</summary>
    public double Error(ReadOnlySpan<float> frame, ReadOnlySpan<int> codes)
    {
        double error = 0;
        for (var d = 0; d < _dimension; d++)
        {
            double left = frame[d];
            for (var k = 0; k < codes.Length; k++)
                left -= _entries[k][codes[k] * _dimension + d];
            error += left * left;
        }
        return error;
    }

    private Beam[] Beams(int effort, int books) => [.. Enumerable.Range(1, effort).Select(step => new Beam(Width(step), books, _dimension))];

    private int[] Search(ReadOnlySpan<float> frame, int[] codes, Beam[] beams)
    {
        foreach (var beam in beams)
            codes = Search(frame, codes, beam);
        return codes;
    }

    private int[] Search(ReadOnlySpan<float> frame, int[] greedy, Beam beam)
    {
        beam.Start(frame);
        for (var book = 0; book < greedy.Length; book++)
        {
            for (var path = 0; path < beam.Count; path++)
                Score(book, beam.Residual(path), beam, path);
            beam.Extend(book, _entries[book]);
        }
        var best = greedy;
        var least = Error(frame, greedy);
        for (var path = 0; path < beam.Count; path++)
        {
            var codes = beam.Codes(path);
            var error = Error(frame, codes);
            if (error < least)
                (best, least) = (codes.ToArray(), error);
        }
        return best;
    }

    /// <summary>Offers every entry of a book to the beam: |r - e|^2 = |r|^2 + 2 (|e|^2 / 2 - r e).</summary>
    private void Score(int book, ReadOnlySpan<float> residual, Beam beam, int path)
    {
        var norms = _halfNorms[book];
        ref var columns = ref MemoryMarshal.GetArrayDataReference(_columns[book]);
        var before = beam.Error(path);
        for (var v = 0; v < norms.Length; v += 16)
        {
            var score = Vector512.LoadUnsafe(ref norms[v]);
            for (var d = 0; d < residual.Length; d++)
                score = Vector512.FusedMultiplyAdd(Vector512.Create(-residual[d]), Vector512.LoadUnsafe(ref columns, (nuint)(d * norms.Length + v)), score);
            if (!Vector512.LessThanAny(score, Vector512.Create((beam.Worst - before) / 2)))
                continue;
            for (var lane = 0; lane < 16; lane++)
                beam.Offer(path, v + lane, before + 2 * score[lane]);
        }
    }

    private float[] Columns(float[] entries)
    {
        var size = entries.Length / _dimension;
        var padded = (size + 15) / 16 * 16;
        var columns = new float[_dimension * padded];
        for (var v = 0; v < size; v++)
            for (var d = 0; d < _dimension; d++)
                columns[d * padded + v] = entries[v * _dimension + d];
        return columns;
    }

    private float[] HalfNorms(float[] entries)
    {
        var size = entries.Length / _dimension;
        var norms = new float[(size + 15) / 16 * 16];
        Array.Fill(norms, float.PositiveInfinity);
        for (var v = 0; v < size; v++)
        {
            double norm = 0;
            for (var d = 0; d < _dimension; d++)
                norm += (double)entries[v * _dimension + d] * entries[v * _dimension + d];
            norms[v] = (float)(norm / 2);
        }
        return norms;
    }

    /// <summary>The best partial sums so far and those that will follow them.</summary>
    private sealed class Beam(int width, int books, int dimension)
    {
        private readonly float[] _residuals = new float[width * dimension], _nextResiduals = new float[width * dimension];
        private readonly int[] _codes = new int[width * books], _nextCodes = new int[width * books];
        private readonly float[] _errors = new float[width];
        private readonly List<(float Error, int Path, int Entry)> _offers = []; // rising; of equal ones the first offered first
        private int _books;

        public int Count { get; private set; }

        /// <summary>What an offer must be below.</summary>
        public float Worst => _offers.Count < width ? float.PositiveInfinity : _offers[^1].Error;

        public ReadOnlySpan<float> Residual(int path) => _residuals.AsSpan(path * dimension, dimension);

        public ReadOnlySpan<int> Codes(int path) => _codes.AsSpan(path * books, _books);

        public float Error(int path) => _errors[path];

        public void Start(ReadOnlySpan<float> frame)
        {
            frame.CopyTo(_residuals);
            _errors[0] = 0;
            foreach (var value in frame)
                _errors[0] = MathF.FusedMultiplyAdd(value, value, _errors[0]);
            Count = 1;
            _books = 0;
        }

        public void Offer(int path, int entry, float error)
        {
            if (!(error < Worst))
                return;
            if (_offers.Count == width)
                _offers.RemoveAt(width - 1);
            var at = _offers.Count;
            while (at > 0 && _offers[at - 1].Error > error)
                at--;
            _offers.Insert(at, (error, path, entry));
        }

        public void Extend(int book, float[] entries)
        {
            for (var i = 0; i < _offers.Count; i++)
            {
                var (error, path, entry) = _offers[i];
                for (var d = 0; d < dimension; d++)
                    _nextResiduals[i * dimension + d] = _residuals[path * dimension + d] - entries[entry * dimension + d];
                _codes.AsSpan(path * books, book).CopyTo(_nextCodes.AsSpan(i * books));
                _nextCodes[i * books + book] = entry;
                _errors[i] = error;
            }
            Count = _offers.Count;
            _books = book + 1;
            _nextResiduals.AsSpan(0, Count * dimension).CopyTo(_residuals);
            _nextCodes.AsSpan(0, Count * books).CopyTo(_codes);
            _offers.Clear();
        }
    }
}
