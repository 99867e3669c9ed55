using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using static TorchSharp.torch;

namespace Codec.Core.Checkpoints;

/// <summary>
/// The safetensors format: 8-byte little-endian header length, JSON header, raw little-endian tensors in C order.
/// </summary>
public static class SafetensorsFile
{
    /// <summary>The limit of the reference implementation: real headers are far below it.</summary>
    private const long MaxHeaderBytes = 100_000_000;

    /// <summary>Reads the header; the tensors are read when asked for.</summary>
    /// <exception cref="CheckpointException">The file is no safetensors file, is cut short, or contradicts itself.</exception>
    public static Checkpoint Read(string path)
    {
        var (header, dataStart, fileLength) = ReadHeader(path);
        var metadata = new Dictionary<string, object?>();
        var entries = new List<SafetensorsEntry>();
        try
        {
            using var json = JsonDocument.Parse(header, new JsonDocumentOptions { MaxDepth = 8 });
            if (json.RootElement.ValueKind != JsonValueKind.Object)
                throw new CheckpointException(path, $"header: expected a JSON object, found {json.RootElement.ValueKind}");
            foreach (var property in json.RootElement.EnumerateObject())
            {
                if (property.Name == "__metadata__")
                    foreach (var item in property.Value.EnumerateObject())
                        metadata[item.Name] = item.Value.GetString();
                else
                    entries.Add(SafetensorsEntry.Parse(path, property, fileLength - dataStart));
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new CheckpointException(path, $"header is no valid safetensors JSON: {e.Message}", e);
        }
        CheckCoverage(path, entries, fileLength - dataStart);
        var tensors = entries.Select(entry =>
        {
            var range = new FileRange(path, dataStart + entry.Start, entry.End - entry.Start);
            return new CheckpointTensor(entry.Name, entry.Dtype, entry.Shape, () => range.ReadTensor(entry.Dtype, entry.Shape), range.ReadBytes);
        });
        return new Checkpoint(path, tensors, metadata);
    }

    /// <summary>Writes tensors in the order of their names, to a temporary name first.</summary>
    /// <param name="path">Target; replaced if it exists.</param>
    /// <param name="tensors">Any device and strides; written dense.</param>
    /// <param name="metadata">Strings for the header.</param>
    /// <exception cref="ArgumentException">An element type that the format lacks.</exception>
    public static void Write(string path, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var ordered = tensors.OrderBy(pair => pair.Key, StringComparer.Ordinal).ToArray();
        var header = BuildHeader(ordered, metadata);
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                Span<byte> length = stackalloc byte[8];
                BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
                stream.Write(length);
                stream.Write(header);
                foreach (var (_, tensor) in ordered)
                    WriteTensor(stream, tensor);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    private static (byte[] Header, long DataStart, long FileLength) ReadHeader(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            Span<byte> prefix = stackalloc byte[8];
            if (stream.Length < 8)
                throw new CheckpointException(path, $"expected a safetensors header, found {stream.Length} bytes");
            stream.ReadExactly(prefix);
            var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
            if (length > (ulong)(stream.Length - 8))
                throw new CheckpointException(path, $"header of {length} bytes declared, but the file has {stream.Length} bytes");
            if (length > MaxHeaderBytes)
                throw new CheckpointException(path, $"header of {length} bytes declared, at most {MaxHeaderBytes} allowed");
            var header = new byte[length];
            stream.ReadExactly(header);
            return (header, 8 + (long)length, stream.Length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, $"cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Tensors must tile the data exactly: no overlap, no hole, no rest, no name twice.</summary>
    private static void CheckCoverage(string path, List<SafetensorsEntry> entries, long dataLength)
    {
        var names = new HashSet<string>();
        foreach (var entry in entries)
            if (!names.Add(entry.Name))
                throw new CheckpointException(path, $"tensor {entry.Name} is declared twice");
        long position = 0;
        foreach (var entry in entries.OrderBy(e => e.Start).ThenBy(e => e.End))
        {
            if (entry.Start != position)
                throw new CheckpointException(path, $"tensor {entry.Name}: expected its data at offset {position}, found {entry.Start}"
                    + (entry.Start < position ? " (overlaps another tensor)" : " (a hole)"));
            position = entry.End;
        }
        if (position != dataLength)
            throw new CheckpointException(path, $"expected {position} bytes of tensor data, found {dataLength}");
    }

    private static byte[] BuildHeader(KeyValuePair<string, Tensor>[] ordered, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
                WriteMetadata(json, metadata);
            long position = 0;
            foreach (var (name, tensor) in ordered)
                position = WriteEntry(json, name, tensor, position);
            json.WriteEndObject();
        }
        while (buffer.Length % 8 != 0)
            buffer.WriteByte((byte)' ');
        return buffer.ToArray();
    }

    private static void WriteMetadata(Utf8JsonWriter json, IReadOnlyDictionary<string, string> metadata)
    {
        json.WriteStartObject("__metadata__");
        foreach (var (key, value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            json.WriteString(key, value);
        json.WriteEndObject();
    }

    private static long WriteEntry(Utf8JsonWriter json, string name, Tensor tensor, long position)
    {
        var dtype = ElementTypes.ToSafetensors(tensor.dtype)
            ?? throw new ArgumentException($"{name}: safetensors has no element type for {tensor.dtype}", nameof(tensor));
        var end = position + ElementTypes.Bytes(tensor.dtype, tensor.shape)!.Value;
        json.WriteStartObject(name);
        json.WriteString("dtype", dtype);
        json.WriteStartArray("shape");
        foreach (var size in tensor.shape)
            json.WriteNumberValue(size);
        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(position);
        json.WriteNumberValue(end);
        json.WriteEndArray();
        json.WriteEndObject();
        return end;
    }

    private static void WriteTensor(Stream stream, Tensor tensor)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        if (tensor.numel() > 0)
            stream.Write(tensor.detach().cpu().contiguous().bytes);
    }
}
