using System.Runtime.InteropServices;
using Codec.Core.Runtime;

namespace Codec.Core.Kernels;

/// <summary>What numbers of 16 bits are.</summary>
internal enum PairNumbers
{
    /// <summary>bfloat16: the upper half of a float32.</summary>
    BFloat,

    /// <summary>Whole numbers, which belong to a factor of their row or column.</summary>
    Integer,
}

/// <summary>
/// The innermost loops of products of 16-bit numbers, two inputs at a time: 6 rows by 64 columns or 12 rows by 32 or 16. VDPBF16PS adds in float32,
/// VPDPWSSD in whole numbers of 32 bits, which factors of row and column turn into float32 at the end. .NET 10 has no 512-bit names for
/// them, so the loops are written as machine code. Twice the products of <see cref="DenseTile"/> in the same time.
/// </summary>
internal static unsafe class PairTile
{
    public const int Lanes = 16;

    /// <summary>Bytes of a pair of inputs.</summary>
    public const int Pair = 4;

    private const int Group = 3; // rows that one register addresses: at 0, 1 and 2 times the step
    private static readonly int[] Bases = [VectorAssembler.R8, VectorAssembler.R9, VectorAssembler.R10, VectorAssembler.R11];


    private static readonly delegate* unmanaged<Call*, void>[] Functions = Make();
    private static readonly delegate* unmanaged<Call*, void> Alone = Functions[Index(PairNumbers.Integer, Lanes)] is not null ? Create(AssembleSingle()) : null;

    /// <summary>Rows of a tile of so many columns.</summary>
    public static int Rows(int columns) => columns == 4 * Lanes ? 6 : 12;

    /// <summary>Whether this processor has the instruction, on a system whose calling convention and memory are known here.</summary>
    public static bool Supports(PairNumbers numbers) => Functions[Index(numbers, Lanes)] is not null;

    /// <param name="numbers">What the pairs are.</param>
    /// <param name="columns">64, 32 or 16.</param>
    /// <param name="call">All the rest; all rows of the tile are read and written.</param>
    public static void Run(PairNumbers numbers, int columns, Call* call) => Functions[Index(numbers, columns)](call);

    /// <summary>One row of whole numbers by 64 columns: for weights that are read from far away.</summary>
    /// <param name="call">An even number of pairs, which follow each other.</param>
    public static void Single(Call* call) => Alone(call);

    /// <summary>The loop of a single row: two pairs at a time, whose sums stay apart, as each addition waits for the one before.</summary>
    internal static byte[] AssembleSingle()
    {
        const int call = VectorAssembler.Rdi, x = VectorAssembler.R8, weights = VectorAssembler.Rdx, count = VectorAssembler.Rcx, input = 30;
        const int vectors = 4;
        var code = new VectorAssembler();
        code.LoadNumber(x, call, Offset(nameof(Call.X)));
        code.LoadNumber(weights, call, Offset(nameof(Call.Weights)));
        code.LoadNumber(count, call, Offset(nameof(Call.Pairs)));
        for (var sum = 0; sum < 2 * vectors; sum++)
            code.Clear(sum);
        var start = code.Here;
        for (var pair = 0; pair < 2; pair++)
        {
            code.Broadcast(input + pair, new VectorAssembler.Place(x, Lines: (sbyte)pair));
            for (var column = 0; column < vectors; column++)
                code.AddIntegerPairs(pair * vectors + column, input + pair, new VectorAssembler.Place(weights, Lines: (sbyte)(pair * vectors + column)));
        }
        code.AddNumber(weights, 2 * vectors * 64);
        code.AddNumber(x, 2 * Pair);
        code.AddNumber(count, -1); // twice, and zero when both are done
        code.Loop(count, start);
        for (var column = 0; column < vectors; column++)
            code.AddIntegers(column, vectors + column);
        Finish(code, PairNumbers.Integer, 1, vectors);
        return code.Code.ToArray();
    }

    /// <summary>The instructions, for the calling convention of System V: the call in rdi.</summary>
    internal static byte[] Assemble(PairNumbers numbers, int columns)
    {
        const int call = VectorAssembler.Rdi, row = VectorAssembler.Rsi, step = VectorAssembler.Rax, weights = VectorAssembler.Rdx, count = VectorAssembler.Rcx;
        var (rows, vectors, code) = (Rows(columns), columns / Lanes, new VectorAssembler());
        var (weight, input) = (rows * vectors, rows * vectors + vectors); // first registers of these kinds; before them the sums
        foreach (var (register, field) in new[] { (Bases[0], nameof(Call.X)), (row, nameof(Call.Row)), (step, nameof(Call.Step)), (weights, nameof(Call.Weights)), (count, nameof(Call.Pairs)) })
            code.LoadNumber(register, call, Offset(field));
        for (var i = 1; i < rows / Group; i++)
            Next(code, Bases[i], Bases[i - 1], row);
        for (var sum = 0; sum < weight; sum++)
            code.Clear(sum);
        var start = code.Here;
        for (var column = 0; column < vectors; column++)
            code.Load(weight + column, weights, (sbyte)column);
        for (var i = 0; i < rows; i++)
        {
            var register = input + i % Math.Min(32 - input, 4);
            code.Broadcast(register, At(Bases[i / Group], row, i));
            for (var column = 0; column < vectors; column++)
                if (numbers == PairNumbers.Integer)
                    code.AddIntegerPairs(i * vectors + column, register, weight + column);
                else
                    code.AddPairs(i * vectors + column, register, weight + column);
        }
        code.AddNumber(weights, columns * Pair);
        for (var i = 0; i < rows / Group; i++)
            code.Add(Bases[i], step);
        code.Loop(count, start);
        Finish(code, numbers, rows, vectors);
        return code.Code.ToArray();
    }

    /// <summary>Sums, which the first registers hold, to where they belong.</summary>
    private static void Finish(VectorAssembler code, PairNumbers numbers, int rows, int vectors)
    {
        const int startStep = VectorAssembler.Rsi, sumStep = VectorAssembler.Rdx, rowScale = VectorAssembler.Rax, columnScale = VectorAssembler.Rcx;
        var (from, to, factor, input) = (Bases[0], Bases[1], 24, 28);
        foreach (var (register, field) in new[] { (from, nameof(Call.Start)), (startStep, nameof(Call.StartStep)), (to, nameof(Call.Sums)), (sumStep, nameof(Call.SumStep)), (rowScale, nameof(Call.RowScale)), (columnScale, nameof(Call.ColumnScale)) })
            code.LoadNumber(register, VectorAssembler.Rdi, Offset(field));
        for (var column = 0; numbers == PairNumbers.Integer && column < vectors; column++)
            code.Load(factor + column, columnScale, (sbyte)column);
        for (var i = 0; i < rows; i++)
        {
            if (i > 0 && i % Group == 0)
            {
                Next(code, from, from, startStep);
                Next(code, to, to, sumStep);
            }
            if (numbers == PairNumbers.Integer)
                code.Broadcast(input, new VectorAssembler.Place(rowScale, Lines: (sbyte)i));
            for (var column = 0; column < vectors; column++)
            {
                var (sum, begin) = (i * vectors + column, At(from, startStep, i) with { Lines = (sbyte)column });
                if (numbers == PairNumbers.Integer)
                {
                    code.ToFloats(sum);
                    code.Multiply(sum, factor + column);
                    code.MultiplyAdd(sum, input, begin);
                }
                else
                {
                    code.Add(sum, begin);
                }
                code.Store(sum, At(to, sumStep, i) with { Lines = (sbyte)column });
            }
        }
        code.Return();
    }

    /// <summary>The address of the first row of the next group.</summary>
    private static void Next(VectorAssembler code, int to, int from, int distance)
    {
        code.AddressOfDouble(to, from, distance);
        code.Add(to, distance);
    }

    /// <summary>A row, seen from the first of its group.</summary>
    private static VectorAssembler.Place At(int address, int step, int row) => new(address, row % Group == 0 ? -1 : step, row % Group == 2 ? 1 : 0);

    private static sbyte Offset(string field) => (sbyte)Marshal.OffsetOf<Call>(field);

    private static int Index(PairNumbers numbers, int columns) => (int)numbers * 3 + (columns == 4 * Lanes ? 2 : columns == 2 * Lanes ? 1 : 0);

    private static delegate* unmanaged<Call*, void>[] Make()
    {
        var functions = new delegate* unmanaged<Call*, void>[6];
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64 || !VectorMath.HasWide)
            return functions;
        foreach (var (numbers, name) in new[] { (PairNumbers.BFloat, "AVX512-BF16"), (PairNumbers.Integer, "AVX512-VNNI") })
            foreach (var columns in new[] { Lanes, 2 * Lanes, 4 * Lanes })
                if (CpuCapabilities.Names.Contains(name))
                    functions[Index(numbers, columns)] = Create(Assemble(numbers, columns));
        return functions;
    }

    private static delegate* unmanaged<Call*, void> Create(byte[] code) => OperatingSystem.IsLinux() ? (delegate* unmanaged<Call*, void>)ExecutableCode.TryMake(code) : null;

    /// <summary>A tile. Steps are in bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Call
    {
        /// <summary>Pairs of inputs of the first row.</summary>
        public void* X;

        /// <summary>From a row to the next.</summary>
        public nint Row;

        /// <summary>From a pair of inputs to the next of the same row.</summary>
        public nint Step;

        /// <summary>[pairs][columns], each the weights of a pair of inputs.</summary>
        public uint* Weights;

        /// <summary>Of inputs of a row, at least one.</summary>
        public nint Pairs;

        /// <summary>What the sums are added to: [rows][columns].</summary>
        public float* Start;

        public nint StartStep;

        /// <summary>The result: [rows][columns]; may be the start.</summary>
        public float* Sums;

        public nint SumStep;

        /// <summary>[rows] of whole numbers.</summary>
        public float* RowScale;

        /// <summary>[columns] of whole numbers.</summary>
        public float* ColumnScale;
    }
}
