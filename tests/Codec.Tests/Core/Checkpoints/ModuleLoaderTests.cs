using Codec.Core.Checkpoints;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Checkpoints;

public sealed class ModuleLoaderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("codec-loader").FullName;
    private readonly Probe module = new(); // built before NoTensorLeaks counts: TorchSharp modules leave handles to the finalizer

    public void Dispose()
    {
        module.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private sealed class Probe : nn.Module
    {
        private readonly Conv1d conv = nn.Conv1d(2, 3, 5);
        private readonly Linear head = nn.Linear(3, 4);
        private readonly Tensor table = zeros(7);

        public Probe() : base(nameof(Probe)) => RegisterComponents();

        public Tensor ConvWeight => conv.weight;

        public Tensor Table => table;
    }

    [Fact]
    public void All_wrong_keys_are_listed_together()
    {
        using var scope = NewDisposeScope();
        var path = Write(new()
        {
            ["conv.weight"] = ones(1, 2, 5), ["conv.bias"] = ones(3, dtype: ScalarType.Int64), ["table"] = ones(7), ["extra.a"] = ones(1), ["extra.b"] = ones(1),
        });
        var e = Assert.Throws<CheckpointException>(() => Checkpoint.Open(path).LoadInto(module));
        Assert.Equal(["head.bias", "head.weight"], e.Missing.Order(StringComparer.Ordinal));
        Assert.Equal(["extra.a", "extra.b"], e.Unexpected);
        Assert.Equal(["conv.bias (expected Float32 [3], found Int64 [3])", "conv.weight (expected Float32 [3, 2, 5], found Float32 [1, 2, 5])"], e.Misshapen);
        Assert.All(e.Missing.Concat(e.Unexpected).Concat(e.Misshapen), key => Assert.Contains(key, e.Message));
        Assert.Contains("Probe", e.Message);
        Assert.Equal(0, module.Table.sum().item<float>());
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float64)]
    public void Loaded_numbers_arrive_in_the_type_of_the_module(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var tensors = module.state_dict().ToDictionary(p => "net." + p.Key, p => full_like(p.Value, 0.5f).to_type(dtype));
        tensors["optimizer.step"] = ones(1);
        Checkpoint.Open(Write(tensors)).LoadInto(module, key => key.StartsWith("net.", StringComparison.Ordinal) ? key[4..] : null);
        foreach (var (_, value) in module.state_dict())
        {
            Assert.Equal(ScalarType.Float32, value.dtype);
            Assert.True(value.eq(0.5f).all().item<bool>());
        }
    }

    [Theory, NoTensorLeaks]
    [InlineData("conv.weight_g", "conv.weight_v")]
    [InlineData("conv.parametrizations.weight.original0", "conv.parametrizations.weight.original1")]
    public void Weight_norm_pairs_are_folded(string magnitude, string direction)
    {
        using var scope = NewDisposeScope();
        var v = rand(3, 2, 5) - 0.5;
        var g = rand(3, 1, 1) + 0.1;
        var tensors = module.state_dict().ToDictionary();
        tensors.Remove("conv.weight");
        tensors[magnitude] = g;
        tensors[direction] = v;
        Checkpoint.Open(Write(tensors)).LoadInto(module);
        for (var row = 0; row < 3; row++)
        {
            var expected = v[row] * g[row] / v[row].pow(2).sum().sqrt();
            Assert.True(module.ConvWeight[row].allclose(expected, 1e-6, 1e-7));
        }
    }

    [Fact]
    public void A_folder_or_a_hub_cache_leads_to_its_checkpoint()
    {
        using var scope = NewDisposeScope();
        var file = Write(new() { ["x"] = ones(1) });
        var model = Directory.CreateDirectory(Path.Combine(_folder, "hub", "models--org--name")).FullName;
        foreach (var revision in new[] { "aaa", "bbb" })
        {
            var snapshot = Directory.CreateDirectory(Path.Combine(model, "snapshots", revision)).FullName;
            File.Copy(file, Path.Combine(snapshot, "model.safetensors"));
        }
        Directory.CreateDirectory(Path.Combine(model, "refs"));
        File.WriteAllText(Path.Combine(model, "refs", "main"), "aaa\n");

        var expected = Path.Combine(model, "snapshots", "aaa", "model.safetensors");
        Assert.Equal(expected, Checkpoint.Open(model).FilePath);
        Assert.Equal(expected, Checkpoint.Open(Path.Combine(_folder, "hub")).FilePath);
        Assert.Equal(expected, Checkpoint.Open(Path.Combine(model, "snapshots", "aaa")).FilePath);
        File.Copy(file, Path.Combine(_folder, "second.safetensors"));
        Assert.Contains("several checkpoints", Assert.Throws<CheckpointException>(() => Checkpoint.Open(_folder)).Message);
        Assert.Contains("no such file", Assert.Throws<CheckpointException>(() => Checkpoint.Open(Path.Combine(_folder, "absent"))).Message);
        Assert.Contains("no checkpoint", Assert.Throws<CheckpointException>(() => Checkpoint.Open(Directory.CreateDirectory(Path.Combine(_folder, "none")).FullName)).Message);
    }

    private string Write(Dictionary<string, Tensor> tensors)
    {
        var path = Path.Combine(_folder, "probe.safetensors");
        SafetensorsFile.Write(path, tensors);
        return path;
    }
}
