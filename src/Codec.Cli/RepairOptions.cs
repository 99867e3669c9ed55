using System.CommandLine;
using Codec.Audio;
using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Codecs.Native;
using Codec.Core.Concealment;
using Codec.Speech.Repair;

namespace Codec.Cli;

/// <summary>--masked, --fine and --plain: the models that make up what was lost or not sent.</summary>
internal sealed class RepairOptions
{
    private readonly Option<string?> _masked = new("--masked") { Description = "model that makes up lost frames; default: the bundled one for the codec", HelpName = "PATH" };
    private readonly Option<string?> _fine = new("--fine") { Description = "model that makes up fine books; default: the bundled one for the codec", HelpName = "PATH" };
    private readonly Option<bool> _plain = new("--plain") { Description = "use neither: gaps are filled with what is around them, books that were not sent are left out" };

    public void AddTo(Command command)
    {
        command.Add(_masked);
        command.Add(_fine);
        command.Add(_plain);
    }

    public RepairSource Open(ParseResult args)
        => args.GetValue(_plain) ? new RepairSource(null, null, off: true) : new RepairSource(args.GetValue(_masked), args.GetValue(_fine), off: false);
}

/// <summary>Loads each repair model once, and only when something is to be repaired.</summary>
/// <param name="masked">Path; null for the bundled one.</param>
/// <param name="fine">Path; null for the bundled one.</param>
/// <param name="off">Repairs nothing.</param>
internal sealed class RepairSource(string? masked, string? fine, bool off) : IDisposable
{
    private readonly Dictionary<(ICodec, RepairKind), RepairModel> _loaded = [];

    /// <summary>Fills gaps; null where there is no model for the codec.</summary>
    /// <exception cref="ConfigException">A model was named and the codec is of another family.</exception>
    public ILostFrameRepair? ForGaps(ICodec codec)
        => Exists(codec, RepairKind.Masked) ? new MaskedRepair((NativeCodec)codec, () => Load((NativeCodec)codec, RepairKind.Masked)) : null;

    /// <summary>The codec with the books made up that a file lacks, if it asks for that.</summary>
    /// <param name="problem">Why what it asks for is not done.</param>
    /// <returns>Null: decode as it is.</returns>
    public ICodec? ForBooks(CodecFileHeader header, ICodec codec, out string? problem)
    {
        problem = null;
        if (off || !RegenerationTag.IsIn(header) || header.Books.Count >= codec.Info.Books.Count)
            return null;
        if (header.Books[^1].NestedIn != 0)
        {
            problem = "asks for the books that were not sent to be made up, which takes whole books: its last one is nested";
            return null;
        }
        if (Exists(codec, RepairKind.Fine))
            return new RegeneratingCodec((NativeCodec)codec, Load((NativeCodec)codec, RepairKind.Fine));
        problem = $"asks for the books that were not sent to be made up, but no model for the codes of {codec.Info.Name} is bundled: give it with --fine";
        return null;
    }

    /// <summary>Whether there is a model for a codec.</summary>
    /// <exception cref="ConfigException">A model was named and the codec is of another family.</exception>
    public bool Exists(ICodec codec, RepairKind kind) => !off && Path(codec, kind, kind == RepairKind.Masked ? masked : fine) is not null;

    /// <summary>The file of the model for a codec.</summary>
    /// <param name="named">By the user; null for the bundled one.</param>
    /// <returns>Null where none is bundled.</returns>
    /// <exception cref="ConfigException">A model was named and the codec is of another family.</exception>
    public static string? Path(ICodec codec, RepairKind kind, string? named)
    {
        if (codec is NativeCodec native)
            return named ?? BundledRepairs.Find(native, kind);
        return named is null ? null : throw new ConfigException($"{named}: expected a native codec, found {codec.Info.Name}");
    }

    /// <summary>A model that exists.</summary>
    /// <exception cref="ConfigException">None is bundled for the codec.</exception>
    /// <exception cref="Core.Checkpoints.CheckpointException">It cannot be loaded, or belongs to other codes.</exception>
    public RepairModel Load(NativeCodec codec, RepairKind kind)
    {
        if (_loaded.TryGetValue((codec, kind), out var model))
            return model;
        var path = Path(codec, kind, kind == RepairKind.Masked ? masked : fine) ?? throw new ConfigException(
            $"no {kind.ToString().ToLowerInvariant()} repair model is bundled for the codes of {codec.Info.Name}: train one (src/Codec.Speech/Repair/README.md)");
        return _loaded[(codec, kind)] = RepairFile.Load(path, codec, kind);
    }

    public void Dispose()
    {
        foreach (var model in _loaded.Values)
            model.Dispose();
    }
}
