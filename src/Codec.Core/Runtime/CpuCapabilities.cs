using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Codec.Core.Runtime;

/// <summary>The vector instructions that libtorch and our kernels can use on this processor.</summary>
public static class CpuCapabilities
{
    /// <summary>Names of what is there, e.g. AVX2, AVX-512, AVX512-VNNI, AVX512-BF16, AMX-BF16; NEON on Arm.</summary>
    public static IReadOnlyList<string> Names { get; } = Find().ToArray();

    /// <summary>E.g. "x64, 2 cores".</summary>
    public static string Summary
        => $"{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}, {Environment.ProcessorCount} cores";

    private static IEnumerable<string> Find()
    {
        if (System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported)
            yield return "NEON";
        if (Avx2.IsSupported)
            yield return "AVX2";
        if (Fma.IsSupported)
            yield return "FMA";
        if (!Avx512F.IsSupported)
            yield break;
        yield return "AVX-512";
        // Intel SDM volume 2A, CPUID: leaf 7, sub-leaves 0 and 1.
        var (_, _, ecx, edx) = X86Base.CpuId(7, 0);
        var (eax, _, _, _) = X86Base.CpuId(7, 1);
        if ((ecx & (1 << 11)) != 0)
            yield return "AVX512-VNNI";
        if ((eax & (1 << 5)) != 0)
            yield return "AVX512-BF16";
        if ((edx & (1 << 22)) != 0)
            yield return "AMX-BF16";
    }
}
