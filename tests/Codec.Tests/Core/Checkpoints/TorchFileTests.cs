using System.Runtime.InteropServices;
using Codec.Core.Checkpoints;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Checkpoints;

public sealed class TorchFileTests : IDisposable
{
    private static readonly float[] Numbers = [1, 2, 3, 4, 5, 6, 7, 8];
    private readonly string _folder = Directory.CreateTempSubdirectory("codec-torch").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, NoTensorLeaks]
    [InlineData("encodec/mono24k", "encodec_24khz-2be6f25d.th")]
    [InlineData("encodec/mono32k_trueskip", "compression_state_dict.bin")]
    [InlineData("encodec/mono32k_trueskip", "legacy_format.th")]
    [InlineData("dac/dac44k", "weights.pth")]
    [InlineData("snac/snac24k", "pytorch_model.bin")]
    [InlineData("speechtokenizer/spt16k", "SpeechTokenizer.pt")]
    [InlineData("esc/esc_swin", "model.pth")]
    [InlineData("hificodec/hifi16k_320d", "HiFi-Codec.pth")]
    [InlineData("vocos/mel24k", "pytorch_model.bin")]
    public void Native_files_hold_the_same_tensors_as_the_reference(string folder, string file)
    {
        var native = Checkpoint.Open(SharedFolder.Require("parity", folder, file));
        var reference = Checkpoint.Open(SharedFolder.Require("parity", folder, "weights.safetensors"));
        Assert.Equal(reference.Tensors.Keys.Order(StringComparer.Ordinal), native.Tensors.Keys.Order(StringComparer.Ordinal));
        using var scope = NewDisposeScope();
        foreach (var (key, expected) in reference.Tensors)
        {
            Assert.Equal(expected.Dtype, native.Tensors[key].Dtype);
            Assert.Equal(expected.Shape, native.Tensors[key].Shape);
            Assert.True(native.Tensors[key].Load().eq(expected.Load()).all().item<bool>(), key);
        }
    }

    [Fact]
    public void A_training_checkpoint_gives_its_state_dict_and_its_other_values()
    {
        var native = Checkpoint.Open(SharedFolder.Require("parity", "wavtokenizer", "wavtok75", "model.ckpt"));
        var reference = Checkpoint.Open(SharedFolder.Require("parity", "wavtokenizer", "wavtok75", "weights.safetensors"));
        Assert.Subset(native.Tensors.Keys.ToHashSet(), reference.Tensors.Keys.ToHashSet());
        Assert.NotEmpty(native.Metadata);
        var audiocraft = Checkpoint.Open(SharedFolder.Require("parity", "encodec", "mono32k_trueskip", "compression_state_dict.bin"));
        Assert.Contains("pad_mode: constant", Assert.IsType<string>(audiocraft.Metadata["xp.cfg"]));
        Assert.Equal(true, audiocraft.Metadata["exported"]);
    }

    [Theory]
    [InlineData("os", "system", "os.system")]
    [InlineData("posix", "system", "posix.system")]
    [InlineData("builtins", "eval", "builtins.eval")]
    [InlineData("subprocess", "Popen", "subprocess.Popen")]
    [InlineData("torch", "load", "torch.load")]
    [InlineData("torch.nn.modules.linear", "Linear", "torch.nn.modules.linear.Linear")]
    public void A_malicious_pickle_is_refused_by_name(string module, string name, string shown)
    {
        var zip = new PickleBuilder().Global(module, name).Op("(").Text("touch /tmp/owned").Op("tR").BuildZip();
        Assert.Contains($"the pickle asks for {shown};", Refusal(zip).Message);
    }

    [Fact]
    public void A_name_from_the_stack_is_refused_as_well()
    {
        var zip = new PickleBuilder().Text("os").Text("system").Raw(0x93).BuildZip();
        Assert.Contains("the pickle asks for os.system;", Refusal(zip).Message);
    }

    [Theory, NoTensorLeaks]
    [InlineData(0, new[] { 2, 4 }, new[] { 4, 1 }, new float[] { 1, 2, 3, 4, 5, 6, 7, 8 })]
    [InlineData(0, new[] { 4, 2 }, new[] { 1, 4 }, new float[] { 1, 5, 2, 6, 3, 7, 4, 8 })]
    [InlineData(3, new[] { 2 }, new[] { 2 }, new float[] { 4, 6 })]
    [InlineData(7, new[] { 3 }, new[] { 0 }, new float[] { 8, 8, 8 })]
    [InlineData(8, new[] { 0, 3 }, new[] { 3, 1 }, new float[0])]
    public void Views_of_a_storage_are_read(int offset, int[] shape, int[] strides, float[] expected)
    {
        var path = Write(Probe(8, offset, shape, strides).BuildZip(("0", Bytes(Numbers))));
        using var tensor = Checkpoint.Open(path).Tensors["w"].Load();
        Assert.Equal(shape.Select(s => (long)s), tensor.shape);
        Assert.Equal(expected, MemoryMarshal.Cast<byte, float>(expected.Length == 0 ? [] : tensor.bytes).ToArray());
    }

    [Theory]
    [InlineData(8, 1, new[] { 8 }, new[] { 1 }, "reaches outside its storage")]
    [InlineData(8, -1, new[] { 1 }, new[] { 1 }, "reaches outside its storage")]
    [InlineData(8, 0, new[] { 2, 2 }, new[] { 8, 1 }, "reaches outside its storage")]
    [InlineData(8, 0, new[] { 8 }, new[] { -1 }, "reaches outside its storage")]
    [InlineData(8, 0, new[] { 2_000_000_000, 2_000_000_000 }, new[] { 0, 0 }, "reaches outside its storage")]
    [InlineData(9, 0, new[] { 8 }, new[] { 1 }, "9 elements of Float32 expected, found 32 bytes")]
    [InlineData(8, 0, new[] { 8 }, new[] { 1, 1 }, "without storage, offset, sizes and strides")]
    public void Tensors_that_do_not_fit_their_storage_are_refused(int elements, int offset, int[] shape, int[] strides, string message)
        => Assert.Contains(message, Refusal(Probe(elements, offset, shape, strides).BuildZip(("0", Bytes(Numbers)))).Message);

    [Fact]
    public void Nesting_without_end_is_refused()
    {
        // d = {'model': d}, and a lattice of dictionaries that share each other.
        var cycle = new PickleBuilder().Op("}q\0").Text("model").Op("h\0s").BuildZip();
        Refusal(new PickleBuilder().Op("}q\0").Text("a").Op("h\0s").Text("w").Tensor("FloatStorage", "0", 8, 0, [8], [1]).Op("s").BuildZip(("0", Bytes(Numbers))));
        Assert.Empty(Checkpoint.Open(Write(cycle)).Tensors);
        var lattice = Probe(8, 0, [8], [1]);
        for (var level = 0; level < 30; level++)
            lattice.Op("q\x1").Op("}(").Text("a").Op("h\x1").Text("b").Op("h\x1").Text("w" + level).Tensor("FloatStorage", "0", 8, 0, [8], [1]).Op("u");
        Refusal(lattice.BuildZip(("0", Bytes(Numbers))));
    }

    [Theory]
    [InlineData("encodec/mono32k_trueskip", "legacy_format.th", 997)]
    [InlineData("encodec/mono24k", "encodec_24khz-2be6f25d.th", 4999)]
    public void Truncated_and_corrupted_files_give_a_checkpoint_error_or_a_checkpoint(string folder, string file, int step)
    {
        var bytes = File.ReadAllBytes(SharedFolder.Require("parity", folder, file));
        for (var length = 0; length < bytes.Length; length += step)
            Refusal(bytes[..length]);
        var random = new Random(5);
        for (var trial = 0; trial < 200; trial++)
        {
            var damaged = bytes.ToArray();
            for (var i = 0; i < 3; i++)
                damaged[random.Next(Math.Min(damaged.Length, 30_000))] = (byte)random.Next(256);
            try
            {
                Checkpoint.Open(Write(damaged));
            }
            catch (CheckpointException e)
            {
                Assert.DoesNotContain('\n', e.Message);
            }
        }
    }

    private static PickleBuilder Probe(int elements, int offset, int[] shape, int[] strides)
        => new PickleBuilder().Op("}").Text("w").Tensor("FloatStorage", "0", elements, offset, shape, strides).Op("s");

    private static byte[] Bytes(float[] numbers) => MemoryMarshal.AsBytes<float>(numbers).ToArray();

    private CheckpointException Refusal(byte[] bytes)
    {
        var e = Assert.Throws<CheckpointException>(() => Checkpoint.Open(Write(bytes)));
        Assert.DoesNotContain('\n', e.Message);
        return e;
    }

    private string Write(byte[] bytes)
    {
        var path = Path.Combine(_folder, "probe.pth");
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
