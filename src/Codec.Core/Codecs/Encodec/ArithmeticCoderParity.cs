using System.Runtime.InteropServices;
using Codec.Core.Bitstream.Interop;
using Codec.Core.Parity;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Encodec;

/// <summary>Replays recorded cases of EnCodec's arithmetic coder alone, and of its bit packing.</summary>
public sealed class ArithmeticCoderParity : IParityRunner
{
    private const string Table = ".qcdf", Packed = "bitpack";

    public bool Handles(ParityCase parityCase) => parityCase.Config.TryGetProperty("total_range_bits", out _);

    public void Run(ParityCase parityCase, ParityReport report)
    {
        var names = parityCase.Recorded.Tensors.Keys;
        foreach (var name in names.Where(n => n.EndsWith(Table, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
            Coder(parityCase, report, name[..^Table.Length]);
        foreach (var name in names.Where(n => n.StartsWith(Packed, StringComparison.Ordinal) && n.EndsWith(".values", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
            Packing(parityCase, report, name[..^".values".Length]);
    }

    private static void Coder(ParityCase parityCase, ParityReport report, string prefix)
    {
        using var scope = NewDisposeScope();
        var (pdf, symbols, recorded) = (parityCase.Load($"{prefix}.pdf"), Numbers(parityCase, $"{prefix}.symbols"), parityCase.Load($"{prefix}.qcdf"));
        var (steps, size) = ((int)pdf.shape[0], (int)pdf.shape[1]);
        var probabilities = MemoryMarshal.Cast<byte, float>(pdf.contiguous().bytes).ToArray();
        var tables = Enumerable.Range(0, steps).Select(t => EcdcArithmetic.Quantize(probabilities.AsSpan(t * size, size))).ToArray();
        report.Codes($"{prefix}.qcdf", tensor(tables.SelectMany(t => t).ToArray()).view(recorded.shape));
        var (encoder, states) = (new EcdcEncoder(), new List<long>());
        for (var t = 0; t < steps; t++)
        {
            var symbol = (int)symbols[t];
            encoder.Push(symbol == 0 ? 0 : tables[t][symbol - 1], tables[t][symbol]);
            states.AddRange([encoder.State.Low, encoder.State.High, encoder.State.MaxBit]);
        }
        report.Codes($"{prefix}.state_after_push", tensor(states.ToArray()).view(-1, 3));
        var bytes = encoder.Finish();
        report.Codes($"{prefix}.bytes", tensor(bytes));
        var decoder = new EcdcDecoder(Bytes(parityCase, $"{prefix}.bytes"));
        report.Codes($"{prefix}.symbols", tensor(tables.Select(table => (long)decoder.Pull(table)).ToArray()));
        report.Uses($"{prefix}.pdf");
    }

    private static void Packing(ParityCase parityCase, ParityReport report, string prefix)
    {
        using var scope = NewDisposeScope();
        var bits = int.Parse(prefix.AsSpan(Packed.Length), System.Globalization.CultureInfo.InvariantCulture);
        var values = Numbers(parityCase, $"{prefix}.values").Select(v => (int)v).ToArray();
        report.Codes($"{prefix}.bytes", tensor(BitPacking.Pack(values, bits)));
        report.Codes($"{prefix}.values", tensor(BitPacking.Unpack(Bytes(parityCase, $"{prefix}.bytes"), bits, values.Length)).to(ScalarType.Int64));
    }

    private static long[] Numbers(ParityCase parityCase, string name)
    {
        using var scope = NewDisposeScope();
        return MemoryMarshal.Cast<byte, long>(parityCase.Load(name).to(ScalarType.Int64).contiguous().bytes).ToArray();
    }

    private static byte[] Bytes(ParityCase parityCase, string name)
    {
        using var scope = NewDisposeScope();
        return parityCase.Load(name).to(ScalarType.Byte).contiguous().bytes.ToArray();
    }
}
