using System.Buffers.Binary;
using System.Text;
using Codec.Core.Checkpoints;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Checkpoints;

public sealed class SafetensorsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("codec-safetensors").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, NoTensorLeaks]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Int64)]
    [InlineData(ScalarType.Int32)]
    [InlineData(ScalarType.Int16)]
    [InlineData(ScalarType.Int8)]
    [InlineData(ScalarType.Byte)]
    [InlineData(ScalarType.Bool)]
    public void Written_tensors_read_back_the_same(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(_folder, "a.safetensors");
        var source = arange(24, dtype: ScalarType.Float32).reshape(4, 6).to_type(dtype);
        SafetensorsFile.Write(path, new Dictionary<string, Tensor>
        {
            ["b.dense"] = source, ["a.transposed"] = source.t(), ["c.empty"] = empty(0, 3, dtype: dtype), ["d.scalar"] = source[0, 1],
        }, new Dictionary<string, string> { ["format"] = "pt" });

        var checkpoint = Checkpoint.Open(path);

        Assert.Equal("pt", checkpoint.Metadata["format"]);
        Assert.Equal(["a.transposed", "b.dense", "c.empty", "d.scalar"], checkpoint.Tensors.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(dtype, checkpoint.Tensors["b.dense"].Dtype);
        Assert.Equal([6, 4], checkpoint.Tensors["a.transposed"].Shape);
        Assert.True(checkpoint.Tensors["b.dense"].Load().eq(source).all().item<bool>());
        Assert.True(checkpoint.Tensors["a.transposed"].Load().eq(source.t()).all().item<bool>());
        Assert.Equal([0, 3], checkpoint.Tensors["c.empty"].Load().shape);
        Assert.Empty(checkpoint.Tensors["d.scalar"].Load().shape);
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(path))), checkpoint.Sha256);
    }

    [Fact]
    public void Equal_tensors_make_equal_bytes_in_any_order()
    {
        using var scope = NewDisposeScope();
        Tensor x = ones(3), y = zeros(2, 2);
        var first = Path.Combine(_folder, "1.safetensors");
        var second = Path.Combine(_folder, "2.safetensors");
        SafetensorsFile.Write(first, new Dictionary<string, Tensor> { ["x"] = x, ["y"] = y });
        SafetensorsFile.Write(second, new Dictionary<string, Tensor> { ["y"] = y, ["x"] = x });
        Assert.Equal(File.ReadAllBytes(first), File.ReadAllBytes(second));
        Assert.Equal(2, Directory.GetFiles(_folder).Length);
    }

    [Theory]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4, "data offsets [0, 8] lie outside")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12, "overlaps")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12, "a hole")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 9, "expected 8 bytes of tensor data, found 9")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8, "takes 12 bytes, found 8")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,4294967296],\"data_offsets\":[0,8]}}", 8, "takes too many bytes")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[-1,-2],\"data_offsets\":[0,8]}}", 8, "takes too many bytes")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[1e30],\"data_offsets\":[0,8]}}", 8, "no 64-bit integer")]
    [InlineData("{\"a\":{\"dtype\":\"F4\",\"shape\":[16],\"data_offsets\":[0,8]}}", 8, "element type F4 is not supported")]
    [InlineData("{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "dtype is absent")]
    [InlineData("{\"a\":7}", 0, "dtype is absent")]
    [InlineData("[1]", 0, "expected a JSON object")]
    [InlineData("{\"a\":", 0, "no valid safetensors JSON")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0, "declared twice")]
    public void Contradictory_files_are_refused(string header, int dataBytes, string message)
    {
        var path = WriteRaw((ulong)Encoding.UTF8.GetByteCount(header), header, dataBytes);
        var e = Assert.Throws<CheckpointException>(() => Checkpoint.Open(path));
        Assert.Contains(message, e.Message);
        Assert.DoesNotContain('\n', e.Message);
    }

    [Theory]
    [InlineData(10_000_000_000)]
    [InlineData(ulong.MaxValue)]
    public void Hostile_header_sizes_allocate_nothing(ulong declared)
    {
        var path = WriteRaw(declared, "{}", 0);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var e = Assert.Throws<CheckpointException>(() => Checkpoint.Open(path));
        Assert.Contains($"header of {declared} bytes declared, but the file has 10 bytes", e.Message);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    [Fact]
    public void Every_truncation_is_refused()
    {
        using var scope = NewDisposeScope();
        var whole = Path.Combine(_folder, "whole.safetensors");
        SafetensorsFile.Write(whole, new Dictionary<string, Tensor> { ["x"] = ones(3), ["y"] = zeros(2, 2) });
        var bytes = File.ReadAllBytes(whole);
        var path = Path.Combine(_folder, "cut.safetensors");
        for (var length = 0; length < bytes.Length; length++)
        {
            File.WriteAllBytes(path, bytes[..length]);
            Assert.Throws<CheckpointException>(() => Checkpoint.Open(path));
        }
    }

    private string WriteRaw(ulong declared, string header, int dataBytes)
    {
        var bytes = new byte[8 + Encoding.UTF8.GetByteCount(header) + dataBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, declared);
        Encoding.UTF8.GetBytes(header, bytes.AsSpan(8));
        var path = Path.Combine(_folder, "raw.safetensors");
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
