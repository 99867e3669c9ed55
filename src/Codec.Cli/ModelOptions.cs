using System.CommandLine;
using System.Globalization;
using Codec.Audio;
using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Checkpoints;
using Codec.Core.Codecs;
using Codec.Core.Pretrained;
using Codec.Core.Runtime;
using TorchSharp;

namespace Codec.Cli;

/// <summary>--model, --device, --precision and --threads: the options of every verb that runs a model.</summary>
internal sealed class ModelOptions
{
    private const string Float32 = "float32", BFloat16 = "bf16";

    private readonly Option<string?> _model = new("--model") { Description = "bundled model, or path of a checkpoint", HelpName = "NAME|PATH" };
    private readonly Option<string> _device = new("--device") { Description = "cpu, cuda or cuda:N", HelpName = "DEVICE", DefaultValueFactory = _ => "cpu" };
    private readonly Option<string> _precision = new("--precision") { Description = "numbers that the layers compute with: float32, or bf16 where the model can: products of 16-bit numbers, faster on processors with AVX512-BF16", HelpName = "TYPE", DefaultValueFactory = _ => Float32 };
    private readonly Option<int?> _threads = new("--threads") { Description = "threads that work at once; default: one per core", HelpName = "N" };

    public void AddTo(Command command)
    {
        command.Add(_model);
        command.Add(_device);
        command.Add(_precision);
        command.Add(_threads);
    }

    /// <summary>Sets threads and device up. A model that the user named is loaded now, so that a wrong one is told once and not for every file; others on first use.</summary>
    /// <exception cref="ConfigException">The device is not there, or the threads make no sense.</exception>
    /// <exception cref="CheckpointException">The named model is not there, or cannot be loaded.</exception>
    public ModelSource Open(ParseResult args, CommandContext context)
    {
        if (args.GetValue(_threads) is { } threads)
            Require.Positive(threads, "--threads");
        context.PrepareTorch(args.GetValue(_threads));
        var (device, precision) = (args.GetValue(_device)!, args.GetValue(_precision)!);
        Require.That(precision is Float32 or BFloat16, "--precision", $"{Float32} or {BFloat16}", precision);
        var onCpu = device.Equals("cpu", StringComparison.OrdinalIgnoreCase);
        if (precision == BFloat16 && onCpu && !IReducedPrecision.IsSupportedByProcessor)
            new CommandOutput(context.Terminal, json: false).Warning("--precision bf16: this processor has no instructions for it, so float32 it is");
        // Naming the processor as a device of libtorch would load it.
        var models = new ModelSource(args.GetValue(_model), onCpu ? null : TorchRuntime.ParseDevice(device), precision == BFloat16);
        if (args.GetValue(_model) is not null)
            _ = models.Codec;
        return models;
    }
}

/// <summary>Loads each model once.</summary>
internal sealed class ModelSource(string? model, torch.Device? device, bool bfloat16 = false) : IDisposable
{
    private readonly Dictionary<string, ICodec> _loaded = [];

    /// <summary>The model that the user named, or the default one.</summary>
    /// <exception cref="CheckpointException">It is not there, or cannot be loaded.</exception>
    public ICodec Codec => Load(PretrainedModels.Resolve(model));

    /// <summary>The model for a compressed file: the one that the user named, else the bundled one with its weights.</summary>
    /// <exception cref="CheckpointException">No such model, or not the one that made the file.</exception>
    public ICodec For(CodecFileHeader header, string file)
    {
        if (model is null && header.WeightHash != 0)
            return Load(PretrainedModels.Of(header.WeightHash)?.Path ?? throw new CheckpointException(file, Missing(header)));
        return Codec;
    }

    public void Dispose()
    {
        foreach (var codec in _loaded.Values)
            codec.Dispose();
    }

    private static string Missing(CodecFileHeader header)
    {
        var name = CodecCatalog.Find(header.CatalogueId)?.Name;
        return string.Create(CultureInfo.InvariantCulture,
            $"was made by {name ?? "a model"} with weights {header.WeightHash:x8}..., which are not bundled: give its checkpoint with --model");
    }

    private ICodec Load(string path)
    {
        if (_loaded.TryGetValue(path, out var codec))
            return codec;
        _loaded[path] = codec = CodecCatalog.Load(path, device);
        if (bfloat16)
            (codec as IReducedPrecision ?? throw new ConfigException($"--precision bf16: {codec.Info.Name} computes in float32 only")).UseBFloat16();
        return codec;
    }
}
