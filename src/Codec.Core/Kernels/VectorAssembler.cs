namespace Codec.Core.Kernels;

/// <summary>Writes the few instructions of x64 that <see cref="PairTile"/> is made of (Intel SDM volume 2A, "Instruction format" and "EVEX").</summary>
internal sealed class VectorAssembler
{
    /// <summary>General registers by their numbers.</summary>
    public const int Rax = 0, Rcx = 1, Rdx = 2, Rsp = 4, Rsi = 6, Rdi = 7, R8 = 8, R9 = 9, R10 = 10, R11 = 11;

    private readonly List<byte> _code = [];

    public ReadOnlySpan<byte> Code => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_code);

    /// <summary>Where the next instruction will be.</summary>
    public int Here => _code.Count;

    /// <summary>16 floats from memory.</summary>
    /// <param name="lines">Offset in lines of 64 bytes.</param>
    public void Load(int zmm, int address, sbyte lines) => Evex(map: 1, prefix: 0, 0x10, zmm, 0, new Place(address, Lines: lines));

    /// <summary>16 floats to memory.</summary>
    public void Store(int zmm, Place to) => Evex(map: 1, prefix: 0, 0x11, zmm, 0, to);

    /// <summary>One float, or pair of numbers, to all 16 lanes.</summary>
    /// <param name="from">Its offset counts numbers of four bytes.</param>
    public void Broadcast(int zmm, Place from) => Evex(map: 2, prefix: 1, 0x18, zmm, 0, from);

    /// <summary>Zeros.</summary>
    public void Clear(int zmm) => Evex(map: 1, prefix: 1, 0xEF, zmm, zmm, zmm);

    /// <summary>sum += another register: whole numbers.</summary>
    public void AddIntegers(int sum, int other) => Evex(map: 1, prefix: 1, 0xFE, sum, sum, other);

    /// <summary>VPDPWSSD: see <see cref="AddIntegerPairs(int, int, int)"/>.</summary>
    public void AddIntegerPairs(int sum, int left, Place right) => Evex(map: 2, prefix: 1, 0x52, sum, left, right);

    /// <summary>VDPBF16PS: to each lane of sum, a float, the two products of its pairs of bfloat16.</summary>
    public void AddPairs(int sum, int left, int right) => Evex(map: 2, prefix: 2, 0x52, sum, left, right);

    /// <summary>VPDPWSSD: to each lane of sum, a whole number of 32 bits, the two products of its pairs of 16 bits.</summary>
    public void AddIntegerPairs(int sum, int left, int right) => Evex(map: 2, prefix: 1, 0x52, sum, left, right);

    /// <summary>Whole numbers to floats, in place.</summary>
    public void ToFloats(int zmm) => Evex(map: 1, prefix: 0, 0x5B, zmm, 0, zmm);

    /// <summary>product *= factor.</summary>
    public void Multiply(int product, int factor) => Evex(map: 1, prefix: 0, 0x59, product, product, factor);

    /// <summary>sum += memory.</summary>
    public void Add(int sum, Place from) => Evex(map: 1, prefix: 0, 0x58, sum, sum, from);

    /// <summary>product = product * factor + memory.</summary>
    public void MultiplyAdd(int product, int factor, Place from) => Evex(map: 2, prefix: 1, 0xA8, product, factor, from);

    /// <summary>to += from.</summary>
    public void Add(int to, int from) => _code.AddRange([Wide(from, to), 0x01, (byte)(0xC0 | (from & 7) << 3 | (to & 7))]);

    /// <summary>to = address + 2 index.</summary>
    public void AddressOfDouble(int to, int address, int index)
        => _code.AddRange([(byte)(0x48 | to >> 3 << 2 | index >> 3 << 1 | address >> 3), 0x8D, (byte)((to & 7) << 3 | 4), (byte)(1 << 6 | (index & 7) << 3 | (address & 7))]);

    /// <summary>to += a small number.</summary>
    public void AddNumber(int to, int number) => _code.AddRange([Wide(0, to), 0x81, (byte)(0xC0 | (to & 7)), .. BitConverter.GetBytes(number)]);

    /// <summary>to = the number at address + offset.</summary>
    public void LoadNumber(int to, int address, sbyte offset) => _code.AddRange([Wide(to, address), 0x8B, (byte)(1 << 6 | (to & 7) << 3 | (address & 7)), (byte)offset]);

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

    /// <summary>An instruction of registers only.</summary>
    private void Evex(int map, int prefix, byte opcode, int register, int second, int third)
    {
        Prefix(map, prefix, register, second, rightLow: third, rightHigh: third >> 4);
        _code.AddRange([opcode, (byte)(0xC0 | (register & 7) << 3 | (third & 7))]);
    }

    /// <summary>An instruction with an operand in memory; the offset counts whole operands.</summary>
    private void Evex(int map, int prefix, byte opcode, int register, int second, Place place)
    {
        var (address, index, scale, offset) = place;
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

    /// <summary>Where in memory: a register, another times 2^scale, and an offset in operands.</summary>
    /// <param name="Index">-1: none.</param>
    internal readonly record struct Place(int Address, int Index = -1, int Scale = 0, sbyte Lines = 0);
}
