using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Codec.Core.Bitstream.Prediction;

/// <summary>
/// What each code of a book gives to the sums of an input layer, at one or several places of its inputs. Computed when a code is
/// first seen and kept, outside the collected heap: integer sums wrap in any order, so that adding it is the same as multiplying
/// again. Any number of threads may use it.
/// </summary>
internal sealed unsafe class CodeProducts
{
    private const int MostKept = 1 << 23; // numbers: 32 MiB

    private readonly PackedMatrix _matrix;
    private readonly int[] _columns;
    private readonly short[] _vectors; // [code, width]
    private readonly int _width;
    private readonly bool[] _known;    // of the codes that are kept
    private readonly Lock _gate = new();
    private int* _products;            // [code, tap, sum]

    /// <param name="matrix">Weights of the input layer.</param>
    /// <param name="taps">Places of an embedding among the inputs, in units of its length.</param>
    /// <param name="vectors">Embeddings [code, width].</param>
    /// <param name="width">Length of an embedding, even.</param>
    /// <param name="mostKept">Numbers that are kept at most.</param>
    public CodeProducts(PackedMatrix matrix, IEnumerable<int> taps, short[] vectors, int width, int mostKept = MostKept)
    {
        _matrix = matrix;
        _columns = [.. taps.Select(tap => tap * width)];
        _vectors = vectors;
        _width = width;
        _known = new bool[Math.Min(vectors.Length / width, mostKept / Length)];
    }

    ~CodeProducts() => NativeMemory.AlignedFree(_products);

    private int Length => _columns.Length * _matrix.Sums;

    /// <summary>Brings near what <see cref="AddTo"/> will read.</summary>
    public void Expect(int code)
    {
        if (Sse.IsSupported && code < _known.Length && _products != null)
            for (var i = 0; i < Length; i += PackedMatrix.GroupRows)
                Sse.Prefetch1(_products + code * Length + i);
    }

    /// <summary>Adds what a code gives.</summary>
    /// <param name="code">The code; one that stands for nothing gives nothing.</param>
    /// <param name="tap">The first tap that is wanted; behind the last there is nothing.</param>
    /// <param name="sums">[tap, <see cref="PackedMatrix.Sums"/>] from there on, as many as there is room for.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void AddTo(int code, int tap, Span<int> sums)
    {
        tap = Math.Min(tap, _columns.Length);
        if (code >= _known.Length)
        {
            if (code * _width == _vectors.Length)
                return;
            Multiply(code, tap, sums);
            return;
        }
        if (!Volatile.Read(ref _known[code]))
            Make(code);
        int* products = _products + code * Length + tap * _matrix.Sums;
        var count = Math.Min(sums.Length, (_columns.Length - tap) * _matrix.Sums); // whole groups of sixteen rows
        fixed (int* target = sums)
            for (var i = 0; i < count; i += PackedMatrix.GroupRows)
                Vector512.Store(Vector512.Load(target + i) + Vector512.Load(products + i), target + i);
        GC.KeepAlive(this);
    }

    private void Make(int code)
    {
        lock (_gate)
        {
            if (_known[code])
                return;
            // Pages of codes that never come are never touched.
            if (_products == null)
                _products = (int*)NativeMemory.AlignedAlloc((nuint)(_known.Length * Length * sizeof(int)), 64);
            var products = new Span<int>(_products + code * Length, Length);
            products.Clear();
            Multiply(code, 0, products);
            Volatile.Write(ref _known[code], true);
        }
    }

    private void Multiply(int code, int tap, Span<int> sums)
    {
        for (; tap < _columns.Length && sums.Length > 0; tap++, sums = sums[_matrix.Sums..])
            _matrix.MultiplyAdd(0, _columns[tap], _width, _vectors.AsSpan(code * _width, _width), 1, 0, sums);
    }
}
