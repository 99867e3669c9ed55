using System.Runtime.InteropServices;
using Codec.Audio;
using Codec.Audio.SndFile;
using Codec.Core.Codecs;
using Codec.Core.Pretrained;
using Codec.Core.Runtime;
using TorchSharp;

namespace Codec.Cli;

internal enum Health
{
    Good,

    /// <summary>Works, with something less.</summary>
    Limited,
    Broken,
}

/// <summary>One thing that was looked at.</summary>
internal sealed record Finding(string Subject, Health Health, string Detail, string? Advice = null);

/// <summary>Looks at everything that the commands need.</summary>
internal sealed class Doctor(CommandContext context)
{
    public IEnumerable<Finding> Examine()
    {
        yield return new Finding("program", Health.Good,
            $"codec {typeof(Doctor).Assembly.GetName().Version!.ToString(3)}, .NET {Environment.Version}, {RuntimeInformation.OSDescription}");
        yield return Processor();
        var torch = Torch();
        foreach (var finding in torch)
            yield return finding;
        if (torch.All(finding => finding.Health != Health.Broken))
        {
            yield return Threads();
            yield return Cuda();
        }
        yield return SndFile();
        foreach (var finding in Models())
            yield return finding;
    }

    private static Finding Processor()
    {
        var names = string.Join(", ", CpuCapabilities.Names);
        return CpuCapabilities.Names.Contains("AVX2") || CpuCapabilities.Names.Contains("NEON")
            ? new Finding("processor", Health.Good, $"{CpuCapabilities.Summary}: {names}")
            : new Finding("processor", Health.Limited, $"{CpuCapabilities.Summary}: no AVX2", "models run, but many times slower: use a newer machine");
    }

    private List<Finding> Torch()
    {
        try
        {
            context.UseTorch();
            using var probe = torch.ones(2, 2);
            return
            [
                new Finding("TorchSharp", Health.Good, TorchRuntime.TorchSharpVersion),
                new Finding("libtorch", Health.Good, $"{TorchRuntime.LibTorchVersion} from {TorchRuntime.LibTorchPath ?? "an unknown place"}"),
            ];
        }
        catch (CodecException e)
        {
            return [new Finding("libtorch", Health.Broken, e.Message, LoadAdvice())];
        }
    }

    private string LoadAdvice()
    {
        if (context.LibTorchFolder is not null)
            return $"correct {CommandContext.LibTorchVariable}, or unset it to use the bundled libtorch";
        if (OperatingSystem.IsLinux())
            return "needs Linux x64 with glibc 2.34 and libstdc++ of GCC 12 or newer (Debian 12, Ubuntu 22.04): apt-get install libstdc++6; "
                + "then build again with 'dotnet build -c Release'";
        return "build again with 'dotnet build -c Release'";
    }

    private static Finding Threads()
    {
        var detail = $"{TorchRuntime.Threads} for tensor operations, {Environment.ProcessorCount} cores";
        return TorchRuntime.Threads > Environment.ProcessorCount
            ? new Finding("threads", Health.Limited, detail, "more threads than cores slow everything down: use fewer")
            : new Finding("threads", Health.Good, detail);
    }

    private static Finding Cuda()
        => torch.cuda.is_available()
            ? new Finding("CUDA", Health.Good, $"{torch.cuda.device_count()} device(s): use --device cuda")
            : new Finding("CUDA", Health.Limited, "no usable device: models run on the CPU",
                $"with an NVIDIA GPU and PyTorch {LibTorchContext.Release} installed, set {CommandContext.LibTorchVariable} to its torch/lib folder");

    private static Finding SndFile()
        => SndFileLibrary.Version is { } version
            ? new Finding("libsndfile", Health.Good, version)
            : new Finding("libsndfile", Health.Limited, "not installed: only WAV is read and written",
                "apt-get install libsndfile1 (Debian, Ubuntu), brew install libsndfile (macOS)");

    private static IEnumerable<Finding> Models()
    {
        if (PretrainedModels.All.All(model => model.Name != PretrainedModels.DefaultName))
            yield return new Finding("model", Health.Broken, $"{PretrainedModels.DefaultName} is missing from {PretrainedModels.Folder}",
                "build again with 'dotnet build -c Release', or give a checkpoint with --model");
        foreach (var model in PretrainedModels.All)
            yield return Examine(model);
    }

    /// <summary>Reads the whole file for its hash, and its table of tensors, but builds no model.</summary>
    private static Finding Examine(PretrainedModel model)
    {
        try
        {
            var description = CodecCatalog.Describe(model.Path);
            return new Finding("model", Health.Good,
                FormattableString.Invariant($"{model.Name}: {description.Preset.Name}, {description.Parameters / 1e6:0.0} M parameters, SHA-256 {model.Sha256}"));
        }
        catch (CodecException e)
        {
            return new Finding("model", Health.Broken, e.Message, "the file is damaged: build again with 'dotnet build -c Release'");
        }
    }
}
