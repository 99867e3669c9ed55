using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Codec.Tests.Core.Checkpoints;

/// <summary>Writes pickles opcode by opcode and wraps them as torch.save does, to test what a reader makes of them.</summary>
internal sealed class PickleBuilder
{
    private readonly MemoryStream _bytes = new();

    public PickleBuilder() => Raw(0x80, 2);

    public PickleBuilder Raw(params byte[] bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    public PickleBuilder Op(string opcodes) => Raw(Encoding.Latin1.GetBytes(opcodes));

    public PickleBuilder Global(string module, string name) => Op($"c{module}\n{name}\n");

    public PickleBuilder Text(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return Op("X").Raw(Int32(bytes.Length)).Raw(bytes);
    }

    public PickleBuilder Int(int value) => Op("J").Raw(Int32(value));

    public PickleBuilder Ints(params int[] values)
    {
        Op("(");
        foreach (var value in values)
            Int(value);
        return Op("t");
    }

    /// <summary>A tensor over storage data/<paramref name="key"/>.</summary>
    public PickleBuilder Tensor(string storageClass, string key, int elements, int offset, int[] shape, int[] strides)
    {
        Global("torch._utils", "_rebuild_tensor_v2").Op("((").Text("storage").Global("torch", storageClass).Text(key).Text("cpu").Int(elements).Op("tQ");
        return Int(offset).Ints(shape).Ints(strides).Raw(0x89).Op("}tR");
    }

    public byte[] Build() => Op(".")._bytes.ToArray();

    /// <summary>The zip of torch.save: archive/data.pkl and one stored entry per storage.</summary>
    public byte[] BuildZip(params (string Key, byte[] Data)[] storages)
    {
        using var buffer = new MemoryStream();
        using (var zip = new ZipArchive(buffer, ZipArchiveMode.Create, leaveOpen: true))
        {
            Add(zip, "archive/data.pkl", Build());
            foreach (var (key, data) in storages)
                Add(zip, $"archive/data/{key}", data);
        }
        return buffer.ToArray();
    }

    private static void Add(ZipArchive zip, string name, byte[] data)
    {
        using var stream = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
        stream.Write(data);
    }

    private static byte[] Int32(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        return bytes;
    }
}
