namespace Codec.Core.Kernels;

/// <summary>Writes the few instructions of x64 that <see cref="BFloatTile"/> is made of (Intel SDM volume 2A, "Instruction format" and "EVEX").</summary>
internal sealed class VectorAssembler
{
    /// <summary>General registers by their numbers.</summary>
    public const int Rax = 0, Rcx = 1, Rdx = 2, Rsp = 4, Rsi = 6, Rdi = 7, R8 = 8, R9 = 9, R10 = 10;

    private readonly List<byte> _code = [];

    public ReadOnlySpan<byte> Code => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_code);

    /// <summary>Where the next instruction will be.</summary>
    public int Here => _code.Count;

    /// <summary>16 floats from memory.</summary>
    /// <param name="lines">Offset in lines of 64 bytes.</param>
    public void Load(int zmm, int address, sbyte lines) => Evex(map: 1, prefix: 0, 0x10, zmm, 0, address, -1, 0, lines);

    /// <summary>16 floats to memory.</summary>
    /// <param name="lines">Offset in lines of 64 bytes.</param>
    public void Store(int zmm, int address, sbyte lines) => Evex(map: 1, prefix: 0, 0x11, zmm, 0, address, -1, 0, lines);

    /// <summary>One float, or pair of bfloat16, to all 16 lanes: from address + index * 2^scale.</summary>
    /// <param name="index">-1: none.</param>
    public void Broadcast(int zmm, int address, int index, int scale) => Evex(map: 2, prefix: 1, 0x18, zmm, 0, address, index, scale, 0);

    /// <summary>VDPBF16PS: to each lane of sum, the two products of its pairs.</summary>
    public void AddPairs(int sum, int left, int right)
    {
        Prefix(map: 2, prefix: 2, sum, left, rightLow: right, rightHigh: right >> 4);
        _code.AddRange([0x52, (byte)(0xC0 | (sum & 7) << 3 | (right & 7))]);
    }

    /// <summary>to += from.</summary>
    public void Add(int to, int from) => _code.AddRange([Wide(from, to), 0x01, (byte)(0xC0 | (from & 7) << 3 | (to & 7))]);

    /// <summary>to = address + 2 index.</summary>
    public void AddressOfDouble(int to, int address, int index)
        => _code.AddRange([(byte)(0x48 | to >> 3 << 2 | index >> 3 << 1 | address >> 3), 0x8D, (byte)((to & 7) << 3 | 4), (byte)(1 << 6 | (index & 7) << 3 | (address & 7))]);

    /// <summary>to += a small number.</summary>
    public void AddNumber(int to, int number) => _code.AddRange([Wide(0, to), 0x81, (byte)(0xC0 | (to & 7)), .. BitConverter.GetBytes(number)]);

    /// <summary>to = the first argument that came on the stack.</summary>
    public void LoadStackArgument(int to) => _code.AddRange([Wide(to, 0), 0x8B, (byte)(0x44 | (to & 7) << 3), 0x24, 8]);

    /// <summary>Counts a register down and jumps while it is not 0.</summary>
    public void Loop(int counter, int start)
    {
        _code.AddRange([Wide(0, counter), 0xFF, (byte)(0xC8 | (counter & 7))]);
        _code.AddRange([0x0F, 0x85, .. BitConverter.GetBytes(start - (Here + 6))]);
    }

    /// <summary>Leaves the function, with the upper halves of the vector registers clean.</summary>
    public void Return() => _code.AddRange([0xC5, 0xF8, 0x77, 0xC3]);

    /// <summary>REX.W with the high bits of the fields reg and rm.</summary>
    private static byte Wide(int reg, int rm) => (byte)(0x48 | reg >> 3 << 2 | rm >> 3);

    /// <summary>An instruction with an operand in memory; the offset counts whole operands.</summary>
    private void Evex(int map, int prefix, byte opcode, int register, int second, int address, int index, int scale, sbyte offset)
    {
        Prefix(map, prefix, register, second, rightLow: address, rightHigh: index < 0 ? 0 : index >> 3);
        var needsIndex = index >= 0 || (address & 7) == Rsp;
        _code.AddRange([opcode, (byte)(1 << 6 | (register & 7) << 3 | (needsIndex ? 4 : address & 7))]);
        if (needsIndex)
            _code.Add((byte)(scale << 6 | (index < 0 ? 4 : index & 7) << 3 | (address & 7)));
        _code.Add((byte)offset);
    }

    /// <summary>The four bytes of EVEX for 512 bits; register numbers stand in it inverted.</summary>
    /// <param name="rightLow">Its fourth bit is B.</param>
    /// <param name="rightHigh">Its lowest bit is X: the fifth bit of a vector register, the fourth of an index.</param>
    private void Prefix(int map, int prefix, int register, int second, int rightLow, int rightHigh)
    {
        static int Not(int number, int bit) => ~number >> bit & 1;
        _code.AddRange([0x62,
            (byte)(Not(register, 3) << 7 | Not(rightHigh, 0) << 6 | Not(rightLow, 3) << 5 | Not(register, 4) << 4 | map),
            (byte)((~second & 15) << 3 | 4 | prefix),
            (byte)(2 << 5 | Not(second, 4) << 3)]);
    }
}
