using System.Runtime.InteropServices;
using Codec.Core.Runtime;

namespace Codec.Core.Kernels;

/// <summary>
/// The innermost loop of products in bfloat16: 6 rows by 64 columns, two inputs at a time (VDPBF16PS), sums in float32. .NET 10 has no name for
/// that instruction, so the loop is written as machine code. Twice the products of <see cref="RowTile.Six"/> in the same time.
/// </summary>
internal static unsafe class BFloatTile
{
    /// <summary>Bytes of a pair of inputs.</summary>
    public const int Pair = 4;

    private const int Rows = RowTile.Rows, Columns = RowTile.Wide / RowTile.Lanes;
    private const int Weights = Rows * Columns, Input = Weights + Columns; // first registers of these kinds

    private static readonly delegate* unmanaged<uint*, nint, uint*, nint, float*, float*, nint, void> Function = Make();

    /// <summary>Whether this processor has the instruction, on a system whose calling convention and memory are known here.</summary>
    public static bool IsSupported => Function is not null;

    /// <param name="x">Pairs of inputs of the first row.</param>
    /// <param name="row">Bytes from a row to the next; all six are read.</param>
    /// <param name="weights">[pairs][64], each the weights of a pair of inputs.</param>
    /// <param name="pairs">Of inputs of a row, at least one.</param>
    /// <param name="bias">[64].</param>
    /// <param name="sums">[6][64], the result.</param>
    /// <param name="step">Bytes from a pair of inputs to the next of the same row.</param>
    public static void Six(uint* x, nint row, uint* weights, nint pairs, float* bias, float* sums, nint step) => Function(x, row, weights, pairs, bias, sums, step);

    /// <summary>The instructions, for the calling convention of System V (x in rdi, row in rsi, weights in rdx, pairs in rcx, bias in r8, sums in r9, step on the stack).</summary>
    internal static byte[] Assemble()
    {
        var code = new VectorAssembler();
        code.LoadStackArgument(VectorAssembler.Rax);
        code.AddressOfDouble(VectorAssembler.R10, VectorAssembler.Rdi, VectorAssembler.Rsi);
        code.Add(VectorAssembler.R10, VectorAssembler.Rsi); // the fourth row
        for (var sum = 0; sum < Weights; sum++)
            code.Load(sum, VectorAssembler.R8, (sbyte)(sum % Columns));
        var start = code.Here;
        for (var column = 0; column < Columns; column++)
            code.Load(Weights + column, VectorAssembler.Rdx, (sbyte)column);
        for (var i = 0; i < Rows; i++)
        {
            var input = Input + i % 4;
            code.Broadcast(input, i < 3 ? VectorAssembler.Rdi : VectorAssembler.R10, i % 3 == 0 ? -1 : VectorAssembler.Rsi, i % 3 == 2 ? 1 : 0);
            for (var column = 0; column < Columns; column++)
                code.AddPairs(i * Columns + column, input, Weights + column);
        }
        code.AddNumber(VectorAssembler.Rdx, RowTile.Wide * Pair);
        code.Add(VectorAssembler.Rdi, VectorAssembler.Rax);
        code.Add(VectorAssembler.R10, VectorAssembler.Rax);
        code.Loop(VectorAssembler.Rcx, start);
        for (var sum = 0; sum < Weights; sum++)
            code.Store(sum, VectorAssembler.R9, (sbyte)sum);
        code.Return();
        return code.Code.ToArray();
    }

    private static delegate* unmanaged<uint*, nint, uint*, nint, float*, float*, nint, void> Make()
        => OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64 && VectorMath.HasWide && CpuCapabilities.Names.Contains("AVX512-BF16")
            ? (delegate* unmanaged<uint*, nint, uint*, nint, float*, float*, nint, void>)ExecutableCode.TryMake(Assemble())
            : null;
}
