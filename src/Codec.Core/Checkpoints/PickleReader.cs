using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace Codec.Core.Checkpoints;

/// <summary>
/// A reader of Python pickles (protocols 0 to 5) that runs nothing: names are looked up in an allow-list, calls are made by
/// that list, and everything else is plain data: null, bool, long, double, string, byte[], object?[] for tuples,
/// <see cref="List{T}"/> and <see cref="Dictionary{TKey,TValue}"/>. Opcodes: Python's pickletools.
/// </summary>
internal sealed class PickleReader(string file, Stream stream, IPickleTypes types)
{
    /// <summary>A real state dictionary takes about 30 opcodes a tensor.</summary>
    private const int MaxOpcodes = 4_000_000;

    private static readonly object Mark = new();
    private static readonly object NullKey = new();
    private readonly List<object?> _stack = [];
    private readonly Dictionary<long, object?> _memo = [];

    /// <summary>Reads one pickle and leaves the stream behind its STOP opcode.</summary>
    /// <exception cref="CheckpointException">Damaged, or asks for something that is not on the list.</exception>
    public object? Read()
    {
        try
        {
            for (var count = 0; count < MaxOpcodes; count++)
            {
                var opcode = (char)Byte();
                if (opcode == '.')
                    return Pop();
                if (!Constant(opcode) && !Container(opcode) && !Memo(opcode))
                    Object(opcode);
            }
        }
        catch (Exception e) when (e is InvalidCastException or FormatException or OverflowException or ArgumentException)
        {
            throw Damaged(e.Message);
        }
        throw Damaged($"more than {MaxOpcodes} opcodes");
    }

    private bool Constant(char opcode)
    {
        switch (opcode)
        {
            case 'N': Push(null); break;
            case '\x88': Push(true); break;
            case '\x89': Push(false); break;
            case 'I': Push(Line() switch { "00" => false, "01" => true, var text => long.Parse(text, CultureInfo.InvariantCulture) }); break;
            case 'L': Push(long.Parse(Line().TrimEnd('L'), CultureInfo.InvariantCulture)); break;
            case 'F': Push(double.Parse(Line(), CultureInfo.InvariantCulture)); break;
            case 'J': Push((long)BinaryPrimitives.ReadInt32LittleEndian(Bytes(4))); break;
            case 'K': Push((long)Byte()); break;
            case 'M': Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2))); break;
            case '\x8a': Push(Integer(Bytes(Byte()))); break;
            case '\x8b': Push(Integer(Bytes(BinaryPrimitives.ReadInt32LittleEndian(Bytes(4))))); break;
            case 'G': Push(BinaryPrimitives.ReadDoubleBigEndian(Bytes(8))); break;
            case 'V': Push(Line()); break;
            case 'S': Push(Line().Trim('\'', '"')); break;
            case 'X': Push(Text(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4)))); break;
            case '\x8c': Push(Text(Byte())); break;
            case '\x8d': Push(Text(Length8())); break;
            case 'T': Push(Encoding.Latin1.GetString(Bytes(BinaryPrimitives.ReadInt32LittleEndian(Bytes(4))))); break;
            case 'U': Push(Encoding.Latin1.GetString(Bytes(Byte()))); break;
            case 'B': Push(Bytes(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4)))); break;
            case 'C': Push(Bytes(Byte())); break;
            case '\x8e' or '\x96': Push(Bytes(Length8())); break;
            default: return false;
        }
        return true;
    }

    private bool Container(char opcode)
    {
        switch (opcode)
        {
            case '(': Push(Mark); break;
            case ')': Push(Array.Empty<object?>()); break;
            case '\x85': Push(Take(1)); break;
            case '\x86': Push(Take(2)); break;
            case '\x87': Push(Take(3)); break;
            case 't': Push(TakeToMark()); break;
            case ']' or '\x8f': Push(new List<object?>()); break;
            case 'l' or '\x91': Push(TakeToMark().ToList()); break;
            case '}': Push(new Dictionary<object, object?>()); break;
            case 'd': Push(SetItems([], TakeToMark())); break;
            case 'a': { var item = Pop(); Top<List<object?>>().Add(item); } break;
            case 'e' or '\x90': { var items = TakeToMark(); Top<List<object?>>().AddRange(items); } break;
            case 's': { var pair = Take(2); SetItems(Top<Dictionary<object, object?>>(), pair); } break;
            case 'u': { var pairs = TakeToMark(); SetItems(Top<Dictionary<object, object?>>(), pairs); } break;
            default: return false;
        }
        return true;
    }

    private bool Memo(char opcode)
    {
        switch (opcode)
        {
            case 'q': _memo[Byte()] = Peek(); break;
            case 'r': _memo[BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4))] = Peek(); break;
            case 'p': _memo[long.Parse(Line(), CultureInfo.InvariantCulture)] = Peek(); break;
            case '\x94': _memo[_memo.Count] = Peek(); break;
            case 'h': Push(Recall(Byte())); break;
            case 'j': Push(Recall(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4)))); break;
            case 'g': Push(Recall(long.Parse(Line(), CultureInfo.InvariantCulture))); break;
            case '0': Pop(); break;
            case '1': TakeToMark(); break;
            case '2': Push(Peek()); break;
            case '\x80': Byte(); break;
            case '\x95': Bytes(8); break;
            default: return false;
        }
        return true;
    }

    private void Object(char opcode)
    {
        switch (opcode)
        {
            case 'c': Push(Global(Line(), Line())); break;
            case '\x93': { var names = Take(2); Push(Global((string)names[0]!, (string)names[1]!)); } break;
            case 'R' or '\x81':
            {
                var call = Take(2);
                if (call[0] is not PickleGlobal callee || call[1] is not object?[] arguments)
                    throw Damaged("a call without name and arguments");
                Push(types.Call(callee.Name, arguments));
                break;
            }
            case 'b': { var state = Pop(); types.Build(Peek(), state); } break;
            case 'Q': Push(types.Persistent(Pop())); break;
            default: throw Damaged($"opcode 0x{(int)opcode:x2} is not allowed");
        }
    }

    private PickleGlobal Global(string module, string name)
    {
        var full = $"{module}.{name}";
        return types.Allows(full)
            ? new PickleGlobal(full)
            : throw new CheckpointException(file, $"refused: the pickle asks for {Printable(full)}; only tensors and plain containers are read");
    }

    private T Top<T>() => Peek() is T top ? top : throw new FormatException($"expected a {typeof(T).Name} to add to");

    private static Dictionary<object, object?> SetItems(Dictionary<object, object?> target, object?[] pairs)
    {
        if (pairs.Length % 2 != 0)
            throw new FormatException("a key without a value");
        for (var i = 0; i < pairs.Length; i += 2)
            target[pairs[i] ?? NullKey] = pairs[i + 1];
        return target;
    }

    private static object Integer(byte[] littleEndian)
    {
        var value = new BigInteger(littleEndian);
        return value >= long.MinValue && value <= long.MaxValue ? (object)(long)value : value;
    }

    private void Push(object? value) => _stack.Add(value);

    private object? Peek() => _stack.Count > 0 && _stack[^1] != Mark ? _stack[^1] : throw Damaged("empty stack");

    private object? Pop()
    {
        var value = Peek();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private object?[] Take(int count)
    {
        var values = new object?[count];
        for (var i = count - 1; i >= 0; i--)
            values[i] = Pop();
        return values;
    }

    private object?[] TakeToMark()
    {
        var mark = _stack.LastIndexOf(Mark);
        if (mark < 0)
            throw Damaged("no mark on the stack");
        var values = _stack.GetRange(mark + 1, _stack.Count - mark - 1).ToArray();
        _stack.RemoveRange(mark, _stack.Count - mark);
        return values;
    }

    private object? Recall(long index) => _memo.TryGetValue(index, out var value) ? value : throw Damaged($"memo {index} was never set");

    private byte Byte() => stream.ReadByte() is >= 0 and var value ? (byte)value : throw Damaged("ends in the middle");

    private long Length8() => BinaryPrimitives.ReadInt64LittleEndian(Bytes(8));

    private byte[] Bytes(long count)
    {
        if (count < 0 || count > stream.Length - stream.Position)
            throw Damaged("ends in the middle");
        var bytes = new byte[count];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private string Text(long count) => Encoding.UTF8.GetString(Bytes(count));

    private string Line()
    {
        var line = new StringBuilder();
        for (var value = Byte(); value != '\n'; value = Byte())
            line.Append((char)value);
        return line.ToString();
    }

    private static string Printable(string name) => new(name.Take(200).Select(c => char.IsControl(c) ? '?' : c).ToArray());

    private CheckpointException Damaged(string problem) => new(file, $"pickle is damaged: {problem}");
}
