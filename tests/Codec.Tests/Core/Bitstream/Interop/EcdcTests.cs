using System.Text.Json;
using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Interop;
using Codec.Core.Checkpoints;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Bitstream.Interop;

[NoTensorLeaks]
public sealed class EcdcTests
{
    public static TheoryData<string> Files => ReferenceCase.Rows("encodec",
        name => Directory.EnumerateFiles(Path.Combine(SharedFolder.Root, "parity", "encodec", name), "*.ecdc").Any());

    [Theory, MemberData(nameof(Files))]
    public void Reference_files_read_to_their_codes_and_write_to_their_bytes(string name)
    {
        var reference = ReferenceCase.Open("encodec", name);
        var model = Model(reference);
        var recorded = Checkpoint.Open(reference.PathOf("main_ecdc_io.safetensors"));
        foreach (var entry in reference.Config.GetProperty("ecdc").EnumerateArray())
        {
            var bytes = File.ReadAllBytes(reference.PathOf(entry.GetProperty("file").GetString()!));
            var bandwidth = entry.GetProperty("bandwidth").GetDouble().ToString("0.0###", System.Globalization.CultureInfo.InvariantCulture);
            var lm = entry.GetProperty("use_lm").GetBoolean() ? new RecordedModel(recorded, $"bw{bandwidth}", 1 << model.BitsPerCode) : null;
            if (lm is not null)
                Assert.Throws<BitstreamException>(() => EcdcFile.Read(bytes, _ => model));
            var file = EcdcFile.Read(bytes, _ => model, lm);
            Assert.Equal(lm is not null, file.UsesLanguageModel);
            for (var s = 0; s < file.Segments.Count; s++)
            {
                var codes = Values<long>(recorded.Tensors[$"bw{bandwidth}.seg{s}.codes"].Load(), out var shape);
                var found = file.Segments[s].Codes;
                Assert.Equal(shape[1], found.Books);
                Assert.Equal(codes, Enumerable.Range(0, found.Books).SelectMany(book => found[book].ToArray().Select(c => (long)c)));
                if (model.HasScale)
                    Assert.Equal(Values<float>(recorded.Tensors[$"bw{bandwidth}.seg{s}.scale"].Load(), out _)[0], file.Segments[s].Scale!.Value, 1e-6f);
            }
            Assert.False(recorded.Tensors.ContainsKey($"bw{bandwidth}.seg{file.Segments.Count}.codes"));
            Assert.Equal(bytes, file.ToBytes(lm, _ => model));
        }
    }

    [Fact]
    public void Damaged_files_are_refused()
    {
        var codes = TestFiles.Random([.. Enumerable.Repeat(new CodebookSpec(1024), 2)], 150, 1, seed: 1);
        var file = new EcdcFile { ModelName = EcdcModel.Stereo48.Name, Samples = 47520, Books = 2, Segments = [new EcdcSegment(codes.Slice(0, 149), 0.5f)] };
        var bytes = file.ToBytes();
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<BitstreamException>(() => EcdcFile.Read(bytes.AsMemory(0, length)));
        var random = new Random(3);
        for (var round = 0; round < 2000; round++)
        {
            var hurt = bytes.ToArray();
            hurt[random.Next(80)] = (byte)random.Next(256);
            try
            {
                EcdcFile.Read(hurt);
            }
            catch (BitstreamException)
            {
            }
        }
    }

    private static EcdcModel Model(ReferenceCase reference)
    {
        var segment = reference.IntOrNull("segment_length") ?? 0;
        return new EcdcModel(reference.Config.GetProperty("name").GetString()!, reference.Int("sample_rate"), reference.Int("frame_rate"),
            reference.Int("channels"), reference.Int("bits_per_codebook"), segment, reference.IntOrNull("segment_stride") ?? 0, reference.Flag("normalize"));
    }

    private static T[] Values<T>(Tensor tensor, out long[] shape) where T : unmanaged
    {
        using (tensor)
        {
            shape = tensor.shape;
            return tensor.data<T>().ToArray();
        }
    }

    /// <summary>
    /// Stands for the language model: probabilities that the reference's quantization turns into tables with the recorded
    /// interval of every coded symbol, so that the coder is exact although the model's floats cannot be.
    /// </summary>
    private sealed class RecordedModel(Checkpoint recorded, string prefix, int size) : IEcdcLanguageModel
    {
        private int _segment = -1;
        private int _step;
        private int[] _intervals = [];
        private long[] _codes = [];
        private long[] _shape = [];

        public void Reset()
        {
            _segment = recorded.Tensors.ContainsKey($"{prefix}.seg{_segment + 1}.codes") ? _segment + 1 : 0;
            _step = 0;
            _intervals = Values<int>(recorded.Tensors[$"{prefix}.seg{_segment}.lm_interval"].Load(), out _);
            _codes = Values<long>(recorded.Tensors[$"{prefix}.seg{_segment}.codes"].Load(), out _shape);
        }

        public float[][] Next(ReadOnlySpan<int> previous)
        {
            var rows = new float[previous.Length][];
            for (var book = 0; book < rows.Length; book++)
            {
                var code = (int)_codes[book * _shape[2] + _step];
                var at = 2 * (_step * rows.Length + book);
                rows[book] = Row(code, _intervals[at], _intervals[at + 1]);
                if (_step > 0)
                    Assert.Equal(_codes[book * _shape[2] + _step - 1] + 1, previous[book]);
            }
            _step++;
            return rows;
        }

        /// <summary>Probabilities whose table has the wanted start and end at one symbol. Large widths cannot all be met:
        /// the first symbol comes near, those after it make up the rest.</summary>
        private float[] Row(int code, int start, int end)
        {
            const int fine = 1 << 18;
            var row = new float[size];
            var left = start - 2 * code;
            for (var symbol = 0; symbol < code && left > 0; symbol++)
            {
                row[symbol] = Find(2 + (symbol == 0 && code > 1 && left > fine ? left - fine / 2 : left));
                left -= Width(row[symbol]) - 2;
            }
            row[code] = Find(end - start);
            var table = EcdcArithmetic.Quantize(row);
            Assert.Equal((start, end), (code == 0 ? 0 : table[code - 1], table[code]));
            return row;
        }

        private int Width(float probability)
        {
            var probe = new float[size];
            probe[0] = probability;
            return EcdcArithmetic.Quantize(probe)[0];
        }

        /// <summary>A probability that is quantized to a width.</summary>
        private float Find(int width)
        {
            float low = 0, high = 1;
            while (true)
            {
                var middle = (low + high) / 2;
                var found = Width(middle);
                if (found == width || middle == low || middle == high)
                    return middle;
                (low, high) = found < width ? (middle, high) : (low, middle);
            }
        }
    }
}
