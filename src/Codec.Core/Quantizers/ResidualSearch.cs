using System.Numerics;
using System.Runtime.Intrinsics;
using Codec.Core.Kernels;

namespace Codec.Core.Quantizers;

/// <summary>
/// M-best search for the codes of residual books: instead of the nearest entry of each book in turn, the best partial sums are
/// kept from book to book (as in multi-stage vector quantization, LeBlanc et al. 1993). Many frames go through one matrix product; ties are decided by
/// place, so the codes of a frame depend neither on its batch nor on threads nor on the instruction set. Four books are searched for together, then the
/// next four: so fewer books are the first of more, as without a search. Fine books gain little: there effort counts one less.
/// </summary>
/// <param name="search"><see cref="Map"/> of each book; stay the caller's.</param>
/// <param name="entries">[V][D] of each book, coarse first; kept.</param>
/// <param name="dimension">D.</param>
internal sealed unsafe class ResidualSearch(IReadOnlyList<RowLinear> search, float[][] entries, int dimension)
{
    /// <summary>Books that are searched for together.</summary>
    public const int Group = 4;

    private const int BlockRows = 192; // residuals at a time: they stay in the cache beside a panel of entries

    /// <summary>Effort for a book and those with it.</summary>
    public static int At(int effort, int book) => Math.Max(0, book < Group ? effort : effort - 1);

    /// <summary>Partial sums kept at each effort: 1 (nearest entries), 4, 16, 64.</summary>
    public static int Width(int effort) => effort is >= 0 and <= 3
        ? 1 << (2 * effort)
        : throw new ArgumentOutOfRangeException(nameof(effort), effort, "0 to 3");

    /// <summary>Books that are searched for where some are wanted.</summary>
    public static int Searched(int wanted, int books) => Math.Min(books, (wanted + Group - 1) / Group * Group);

    /// <summary>From a residual r to r e - |e|^2 / 2 of every entry e: |r - e|^2 is smallest where that is largest. Padding never is.</summary>
    /// <param name="entries">[V][D].</param>
    /// <param name="dimension">D.</param>
    /// <param name="memory">Holds the weights and must live as long.</param>
    public static RowLinear Map(float[] entries, int dimension, WeightMemory memory)
    {
        var norms = new float[entries.Length / dimension];
        for (var v = 0; v < norms.Length; v++)
        {
            double sum = 0;
            foreach (var value in entries.AsSpan(v * dimension, dimension))
                sum += (double)value * value;
            norms[v] = (float)(-sum / 2);
        }
        return new RowLinear(entries, norms, dimension, memory, float.NegativeInfinity);
    }

    /// <summary>
    /// Searches for the codes of books together. The nearest entry of each book in turn stays among the sums that are kept, so no frame's squared error is
    /// above that of nearest entries; every effort starts from what the efforts below it have found, so it never does worse than they.
    /// Frames that are no numbers get some entries.
    /// </summary>
    /// <param name="latents">[T][D], or what the books before left of them.</param>
    /// <param name="firstBook">The first one of <paramref name="codes"/>.</param>
    /// <param name="codes">[book][...]: written from <paramref name="first"/> on.</param>
    /// <param name="first">Place of the first frame's codes.</param>
    /// <param name="effort">1 to 3.</param>
    public void Search(ReadOnlySpan<float> latents, int firstBook, int[][] codes, int first, int effort)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(effort, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(effort, 3);
        var frames = latents.Length / dimension;
        for (var step = 1; step <= effort; step++)
        {
            var block = Math.Max(1, BlockRows / Width(step));
            var beams = new Beams(Math.Min(block, frames), Width(step), codes.Length, dimension);
            for (var start = 0; start < frames; start += block)
                Search(latents.Slice(start * dimension, Math.Min(block, frames - start) * dimension), firstBook, codes, first + start, beams, fresh: step == 1);
        }
    }

    /// <summary>Squared distance of a frame from the sum of its entries.</summary>
    public double Error(ReadOnlySpan<float> frame, ReadOnlySpan<int> codes, int firstBook = 0)
    {
        double error = 0;
        for (var d = 0; d < dimension; d++)
        {
            double left = frame[d];
            for (var k = 0; k < codes.Length; k++)
                left -= entries[firstBook + k][codes[k] * dimension + d];
            error += left * left;
        }
        return error;
    }

    public static void Subtract(ReadOnlySpan<float> entry, Span<float> from)
    {
        for (var d = 0; d < from.Length; d++)
            from[d] -= entry[d];
    }

    private void Search(ReadOnlySpan<float> latents, int firstBook, int[][] codes, int first, Beams beams, bool fresh)
    {
        beams.Start(latents);
        for (var book = 0; book < codes.Length; book++)
        {
            fixed (float* residuals = beams.Residuals)
                search[firstBook + book].Run(residuals, dimension, beams.Rows, new OfferSink(beams));
            beams.Extend(book, entries[firstBook + book]);
        }
        Span<int> found = stackalloc int[codes.Length];
        for (var t = 0; t < latents.Length / dimension; t++)
        {
            for (var book = 0; book < codes.Length; book++)
                found[book] = fresh ? beams.Codes(t, beams.Nearest(t))[book] : codes[book][first + t];
            var frame = latents.Slice(t * dimension, dimension);
            var least = Error(frame, found, firstBook);
            for (var path = 0; path < beams.Alive(t); path++)
            {
                if (Error(frame, beams.Codes(t, path), firstBook) is var error && !(error < least))
                    continue;
                least = error;
                beams.Codes(t, path).CopyTo(found);
            }
            for (var book = 0; book < codes.Length; book++)
                codes[book][first + t] = found[book];
        }
    }

    /// <summary>Offers every entry of a book to the paths of its frame: |r - e|^2 = |r|^2 - 2 (r e - |e|^2 / 2).</summary>
    private readonly struct OfferSink(Beams beams) : IRowSink
    {
        public void Take(float* sums, int row, int rows, int column, int width)
        {
            for (var r = 0; r < rows; r++)
            {
                var (frame, path) = beams.Place(row + r);
                var before = beams.Error(row + r);
                if (path == beams.Nearest(frame))
                    beams.Follow(frame, sums + r * width, column, width);
                var least = Vector512.Create((before - beams.Worst(frame)) / 2);
                for (var i = 0; i < width; i += RowTile.Lanes)
                {
                    var scores = Vector512.Load(sums + r * width + i);
                    var good = Vector512.GreaterThanOrEqual(scores, least).ExtractMostSignificantBits();
                    if (good == 0)
                        continue;
                    for (; good != 0; good &= good - 1)
                        beams.Offer(frame, (before - 2 * sums[r * width + i + BitOperations.TrailingZeroCount(good)], path, column + i + BitOperations.TrailingZeroCount(good)));
                    least = Vector512.Create((before - beams.Worst(frame)) / 2);
                }
            }
        }
    }

    /// <summary>The best partial sums so far of a few frames, and those that will follow them.</summary>
    private sealed class Beams(int most, int width, int books, int dimension)
    {
        private readonly int[] _codes = new int[most * width * books], _nextCodes = new int[most * width * books];
        private readonly float[] _errors = new float[most * width]; // rising in each frame; infinite: no such path
        private readonly (float Error, int Path, int Entry)[] _offers = new (float, int, int)[most * width]; // of each frame, best first
        private readonly int[] _offered = new int[most];
        private float[] _residuals = new float[most * width * dimension], _nextResiduals = new float[most * width * dimension];
        private readonly int[] _nearest = new int[most], _nearestEntry = new int[most]; // path of nearest entries in each frame, and the one that is to follow
        private readonly float[] _nearestScore = new float[most];
        private int _frames, _paths; // of a frame; row = frame x paths + path

        public float[] Residuals => _residuals;

        public int Rows => _frames * _paths;

        public float Error(int row) => _errors[row];

        public (int Frame, int Path) Place(int row) => Math.DivRem(row, _paths);

        /// <summary>What offers to a frame must not be above.</summary>
        public float Worst(int frame) => _offered[frame] == width ? _offers[frame * width + width - 1].Error : float.PositiveInfinity;

        public int Alive(int frame) => _errors.AsSpan(frame * _paths, _paths).IndexOf(float.PositiveInfinity) is >= 0 and var dead ? dead : _paths;

        public ReadOnlySpan<int> Codes(int frame, int path) => _codes.AsSpan((frame * _paths + path) * books, books);

        /// <summary>The path to which the nearest entry of every book led.</summary>
        public int Nearest(int frame) => _nearest[frame];

        /// <summary>Looks for the nearest entry among some that follow the nearest ones so far. A tie goes to the lowest.</summary>
        public void Follow(int frame, float* scores, int column, int width)
        {
            var most = column == 0 ? Vector512.Create(float.NegativeInfinity) : Vector512.Create(_nearestScore[frame]);
            if (column == 0)
                (_nearestScore[frame], _nearestEntry[frame]) = (float.NegativeInfinity, 0);
            for (var i = 0; i < width; i += RowTile.Lanes)
            {
                for (var more = Vector512.GreaterThan(Vector512.Load(scores + i), most).ExtractMostSignificantBits(); more != 0; more &= more - 1)
                    if (scores[i + BitOperations.TrailingZeroCount(more)] is var score && score > _nearestScore[frame])
                        (_nearestScore[frame], _nearestEntry[frame]) = (score, column + i + BitOperations.TrailingZeroCount(more));
                most = Vector512.Create(_nearestScore[frame]);
            }
        }

        public void Start(ReadOnlySpan<float> latents)
        {
            (_frames, _paths) = (latents.Length / dimension, 1);
            _nearest.AsSpan(0, _frames).Clear();
            latents.CopyTo(_residuals);
            for (var frame = 0; frame < _frames; frame++)
            {
                _errors[frame] = 0;
                foreach (var value in latents.Slice(frame * dimension, dimension))
                    _errors[frame] = MathF.FusedMultiplyAdd(value, value, _errors[frame]);
            }
        }

        public void Offer(int frame, (float Error, int Path, int Entry) offer)
        {
            var offers = _offers.AsSpan(frame * width, width);
            ref var count = ref _offered[frame];
            if (!float.IsFinite(offer.Error) || count == width && !Before(offer, offers[^1]))
                return;
            var at = count == width ? width - 1 : count++;
            for (; at > 0 && Before(offer, offers[at - 1]); at--)
                offers[at] = offers[at - 1];
            offers[at] = offer;
        }

        private static bool Before((float Error, int Path, int Entry) a, (float Error, int Path, int Entry) b)
            => a.Error < b.Error || a.Error == b.Error && (a.Path < b.Path || a.Path == b.Path && a.Entry < b.Entry);

        /// <summary>Offers become paths.</summary>
        public void Extend(int book, float[] entries)
        {
            var paths = Math.Min(width, _paths * (entries.Length / dimension));
            for (var frame = 0; frame < _frames; frame++)
            {
                KeepNearest(frame, paths);
                for (var i = 0; i < paths; i++)
                    Extend(frame * _paths, frame * paths + i, i < _offered[frame] ? _offers[frame * width + i] : (float.PositiveInfinity, 0, 0), book, entries);
                _offered[frame] = 0;
            }
            _paths = paths;
            (_residuals, _nextResiduals) = (_nextResiduals, _residuals);
            _nextCodes.AsSpan(0, Rows * books).CopyTo(_codes);
        }

        /// <summary>Puts the nearest entry behind the nearest ones so far in the place of the last offer, where it is not among them.</summary>
        private void KeepNearest(int frame, int paths)
        {
            var (path, entry) = (_nearest[frame], _nearestEntry[frame]);
            var offers = _offers.AsSpan(frame * width, paths);
            ref var count = ref _offered[frame];
            for (var i = 0; i < count; i++)
                if (offers[i].Path == path && offers[i].Entry == entry)
                {
                    _nearest[frame] = i;
                    return;
                }
            var error = _errors[frame * _paths + path] - 2 * _nearestScore[frame];
            var at = Math.Min(count, paths - 1);
            offers[at] = (float.IsFinite(error) ? error : float.PositiveInfinity, path, entry);
            (count, _nearest[frame]) = (at + 1, at);
        }

        private void Extend(int firstRow, int row, (float Error, int Path, int Entry) offer, int book, float[] entries)
        {
            var left = _nextResiduals.AsSpan(row * dimension, dimension);
            _residuals.AsSpan((firstRow + offer.Path) * dimension, dimension).CopyTo(left);
            Subtract(entries.AsSpan(offer.Entry * dimension, dimension), left);
            _codes.AsSpan((firstRow + offer.Path) * books, book).CopyTo(_nextCodes.AsSpan(row * books));
            _nextCodes[row * books + book] = offer.Entry;
            _errors[row] = offer.Error;
        }
    }
}
