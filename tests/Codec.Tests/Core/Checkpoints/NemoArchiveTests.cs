using System.Formats.Tar;
using System.Text;
using Codec.Core.Checkpoints;
using Codec.Core.Codecs;
using Codec.Core.Codecs.Lfsc;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Checkpoints;

/// <summary>The archives in which the low-frame-rate codec is published.</summary>
public sealed class NemoArchiveTests : IDisposable
{
    private const string Config = """
        sample_rate: 22050
        train_ds:
          dataset:
            - {_target_: some.Class, list: [1, {a: b}]}
        audio_encoder:
          _target_: nemo.collections.tts.modules.audio_codec_modules.HiFiGANEncoder
          base_channels: 4
          resblock_dilation_sizes: [1]
        audio_decoder:
          up_sample_rates:
            - 4
            - 2
          base_channels: 16
          resblock_kernel_sizes: [3, 5]
        vector_quantizer:
          num_groups: 3
          num_levels_per_group: [8, 7, 6, 6]
        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(TarEntryFormat.Pax)]
    [InlineData(TarEntryFormat.Gnu)]
    [InlineData(TarEntryFormat.Ustar)]
    public void Weights_and_configuration_are_read_where_they_lie(TarEntryFormat format)
    {
        using var tiny = (LfscCodec)new LfscFamily().CreateTiny(5);
        var path = Archive("a.nemo", format, ("./model_config.yaml", Encoding.UTF8.GetBytes(Config)), ("./model_weights.ckpt", Weights(tiny)));
        var checkpoint = Checkpoint.Open(path);
        Assert.Equal(path, checkpoint.FilePath);
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(path))), checkpoint.Sha256);
        Assert.Equal("lfsc/custom", CodecCatalog.Describe(path).Preset.Name);
        using var loaded = CodecCatalog.Load(_folder.Path); // the only checkpoint of the folder
        using var scope = NewDisposeScope();
        var audio = zeros(1, 1, 205) + 0.1;
        Assert.Equal(tiny.Encode(audio)[0].ToArray(), loaded.Encode(audio)[0].ToArray());
    }

    [Fact]
    public void A_configuration_beside_unpacked_weights_is_used()
    {
        using var tiny = (LfscCodec)new LfscFamily().CreateTiny(5);
        File.WriteAllBytes(_folder.Combine("model_weights.ckpt"), Weights(tiny));
        File.WriteAllText(_folder.Combine("model_config.yaml"), Config.Replace("22050", "16000", StringComparison.Ordinal));
        Assert.Equal(16_000, CodecCatalog.Describe(_folder.Path).Info.SampleRate);
    }

    [Fact]
    public void Bad_archives_are_refused_in_one_line()
    {
        using var tiny = (LfscCodec)new LfscFamily().CreateTiny(5);
        var weights = Weights(tiny);
        Refused(Archive("none.nemo", TarEntryFormat.Pax, ("readme", [1, 2, 3])), "expected model_weights.ckpt");
        Refused(Archive("twice.nemo", TarEntryFormat.Pax, ("model_weights.ckpt", weights), ("model_weights.ckpt", weights)), "is there twice");
        Refused(Archive("long.nemo", TarEntryFormat.Pax, ("model_config.yaml", new byte[(1 << 20) + 1]), ("model_weights.ckpt", weights)), "expected at most 1048576 bytes");
        Refused(Archive("text.nemo", TarEntryFormat.Pax, ("model_weights.ckpt", "no weights"u8.ToArray())), "cut short");
        var hostile = new PickleBuilder().Global("posix", "system").Op("(").Text("true").Op("tR").BuildZip();
        Refused(Archive("hostile.nemo", TarEntryFormat.Pax, ("model_weights.ckpt", hostile)), "the pickle asks for posix.system;");
        var whole = File.ReadAllBytes(Archive("whole.nemo", TarEntryFormat.Pax, ("model_weights.ckpt", weights)));
        for (var length = 0; length < whole.Length - 1024 - 512; length += 397)
        {
            File.WriteAllBytes(_folder.Combine("cut.nemo"), whole[..length]);
            Refused(_folder.Combine("cut.nemo"), "");
        }
        File.WriteAllBytes(_folder.Combine("packed.nemo"), [0x1f, 0x8b, 8, 0, 0, 0]);
        Refused(_folder.Combine("packed.nemo"), "found a compressed one");
    }

    private static void Refused(string path, string part)
    {
        var e = Assert.Throws<CheckpointException>(() => CodecCatalog.Load(path));
        Assert.StartsWith(path, e.Message);
        Assert.Contains(part, e.Message);
        Assert.DoesNotContain('\n', e.Message);
    }

    private string Archive(string name, TarEntryFormat format, params (string Name, byte[] Bytes)[] members)
    {
        var path = _folder.Combine(name);
        using var stream = File.Create(path);
        using var writer = new TarWriter(stream, format);
        foreach (var (member, bytes) in members)
        {
            TarEntry entry = format switch
            {
                TarEntryFormat.Gnu => new GnuTarEntry(TarEntryType.RegularFile, member),
                TarEntryFormat.Ustar => new UstarTarEntry(TarEntryType.RegularFile, member),
                _ => new PaxTarEntry(TarEntryType.RegularFile, member),
            };
            entry.DataStream = new MemoryStream(bytes);
            writer.WriteEntry(entry);
        }
        return path;
    }

    /// <summary>A zip as torch.save writes it.</summary>
    private static byte[] Weights(LfscCodec codec)
    {
        using var scope = NewDisposeScope();
        var pickle = new PickleBuilder().Op("}(");
        var storages = new List<(string Key, byte[] Data)>();
        foreach (var (name, tensor) in codec.Model.state_dict())
        {
            var values = tensor.contiguous();
            var strides = values.stride().Select(s => (int)s).ToArray();
            pickle.Text(name).Tensor(values.dtype == ScalarType.Int32 ? "IntStorage" : values.dtype == ScalarType.Int64 ? "LongStorage" : "FloatStorage",
                $"{storages.Count}", (int)values.numel(), 0, [.. values.shape.Select(s => (int)s)], strides);
            storages.Add(($"{storages.Count}", values.bytes.ToArray()));
        }
        return pickle.Op("u").BuildZip([.. storages]);
    }
}
