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

/// <summary>--model, --device and --threads: the options of every verb that runs a model.</summary>
internal sealed class ModelOptions
{
    private readonly Option<string?> _model = new("--model") { Description = "bundled model, or path of a checkpoint", HelpName = "NAME|PATH" };
    private readonly Option<string> _device = new("--device") { Description = "cpu, cuda or cuda:N", HelpName = "DEVICE", DefaultValueFactory = _ => "cpu" };
    private readonly Option<int?> _threads = new("--threads") { Description = "threads that work at once; default: one per core", HelpName = "N" };

    public void AddTo(Command command)
    {
        command.Add(_model);
        command.Add(_device);
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
        var device = args.GetValue(_device)!;
        // Naming the processor as a device of libtorch would load it.
        var models = new ModelSource(args.GetValue(_model), device.Equals("cpu", StringComparison.OrdinalIgnoreCase) ? null : TorchRuntime.ParseDevice(device));
        if (args.GetValue(_model) is not null)
            _ = models.Codec;
        return models;
    }
}

/// <summary>Loads each model once.</summary>
internal sealed class ModelSource(string? model, torch.Device? device) : IDisposable
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
            return Load(FindBundled(header.WeightHash) ?? throw new CheckpointException(file, Missing(header)));
        return Codec;
    }

    public void Dispose()
    {
        foreach (var codec in _loaded.Values)
            codec.Dispose();
    }

    private static string? FindBundled(uint hash)
        => PretrainedModels.All.FirstOrDefault(bundled => CodecFileHeader.HashPrefix(bundled.Sha256) == hash)?.Path;

    private static string Missing(CodecFileHeader header)
    {
        var name = CodecCatalog.Find(header.CatalogueId)?.Name;
        return string.Create(CultureInfo.InvariantCulture,
            $"was made by {name ?? "a model"} with weights {header.WeightHash:x8}..., which are not bundled: give its checkpoint with --model");
    }

    private ICodec Load(string path)
    {
        if (!_loaded.TryGetValue(path, out var codec))
            _loaded[path] = codec = CodecCatalog.Load(path, device);
        return codec;
    }
}
