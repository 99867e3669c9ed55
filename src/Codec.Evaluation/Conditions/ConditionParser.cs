using System.Globalization;
using Codec.Audio;
using Codec.Core;
using Codec.Core.Codecs;
using Codec.Core.Pretrained;

namespace Codec.Evaluation.Conditions;

/// <summary>
/// Reads lists such as "native@1.5,native@3,native@4+60,encodec:PATH@6,opus@6,codec2@1200,mp3@16"; native is the bundled model, 4+60 four books and a low band
/// in 60 steps (4+0: without one; 3+auto: what 3 kbit/s leave room for), * every rate of whole books. Files are made as <c>codec encode</c> makes them. Models are loaded once and shared;
/// disposing the parser frees them.
/// </summary>
/// <param name="searchPath">Where programs are looked for, as in PATH.</param>
public sealed class ConditionParser(string? searchPath) : IDisposable
{
    private readonly Dictionary<string, ICodec> _models = [];
    private readonly List<ICodec> _lenders = []; // of weights to some of the models

    /// <exception cref="ConfigException">Not understood.</exception>
    /// <exception cref="Codec.Core.Checkpoints.CheckpointException">A model that does not load.</exception>
    public IReadOnlyList<ICondition> Parse(string list)
    {
        var conditions = list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).SelectMany(One).ToArray();
        var twice = conditions.GroupBy(c => c.Name).FirstOrDefault(g => g.Count() > 1);
        return twice is null ? conditions : throw new ConfigException($"{twice.Key} is there {twice.Count()} times: ask for rates that differ");
    }

    private IEnumerable<ICondition> One(string item)
    {
        var at = item.LastIndexOf('@');
        var (codec, rate) = at < 0 ? (item, "") : (item[..at], item[(at + 1)..]);
        if (codec != "native" && !codec.Contains(':'))
        {
            yield return CommandLineCodec.Create(codec, rate, searchPath)
                ?? throw new ConfigException($"{item}: unknown codec '{codec}'; known: native, NAME:PATH, {string.Join(", ", CommandLineCodec.Names)}");
            yield break;
        }
        var model = Model(codec);
        var family = codec.Split(':')[0];
        if (rate is "" or "*")
            for (var books = 1; books <= model.Info.Books.Count; books++)
                yield return model.Info.LowbandCoefficients > 0 ? NeuralCodec.Nearest(family, model, model.Info.BitsPerSecond(books)) : new NeuralCodec(family, model, books);
        else if (rate.Split('+') is [var room, "auto"] && double.TryParse(room, CultureInfo.InvariantCulture, out var whole))
            yield return NeuralCodec.WithLowband(family, model, whole * 1000);
        else if (rate.Split('+') is [var kept, var steps] && int.TryParse(kept, CultureInfo.InvariantCulture, out var first) && int.TryParse(steps, CultureInfo.InvariantCulture, out var fine))
            yield return NeuralCodec.WithLowband(family, model, first, fine);
        else if (double.TryParse(rate, CultureInfo.InvariantCulture, out var kilobits) && kilobits > 0)
            yield return NeuralCodec.Nearest(family, model, kilobits * 1000);
        else
            throw new ConfigException($"{item}: expected a rate in kbit/s, *, BOOKS+STEPS or KBPS+auto of a low band, found '{rate}'");
    }

    private ICodec Model(string codec)
    {
        if (_models.TryGetValue(codec, out var model))
            return model;
        var path = PretrainedModels.Resolve(codec.IndexOf(':') is >= 0 and var colon ? codec[(colon + 1)..] : null);
        var loaded = CodecCatalog.Load(path);
        if (ISearchingCodec.ForFiles(loaded) is not { } searching)
            return _models[codec] = loaded;
        _lenders.Add(loaded);
        return _models[codec] = searching;
    }

    public void Dispose()
    {
        foreach (var model in _models.Values.Concat(_lenders))
            model.Dispose();
    }
}
