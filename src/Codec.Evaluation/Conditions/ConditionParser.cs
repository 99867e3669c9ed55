using System.Globalization;
using Codec.Audio;
using Codec.Core;
using Codec.Core.Codecs;

namespace Codec.Evaluation.Conditions;

/// <summary>
/// Reads lists such as "native@1.5,native@3,encodec:PATH@6,opus@6,codec2@1200,mp3@16". Models are loaded once and shared;
/// disposing the parser frees them.
/// </summary>
/// <param name="searchPath">Where programs are looked for, as in PATH.</param>
/// <param name="native">Loads the bundled codec; null where there is none.</param>
public sealed class ConditionParser(string? searchPath, Func<ICodec>? native) : IDisposable
{
    private readonly Dictionary<string, ICodec> _models = [];

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
                yield return new NeuralCodec(family, model, books);
        else if (double.TryParse(rate, CultureInfo.InvariantCulture, out var kilobits) && kilobits > 0)
            yield return new NeuralCodec(family, model, NeuralCodec.BooksFor(model.Info, kilobits * 1000));
        else
            throw new ConfigException($"{item}: expected a rate in kbit/s or *, found '{rate}'");
    }

    private ICodec Model(string codec)
    {
        if (_models.TryGetValue(codec, out var model))
            return model;
        model = codec == "native"
            ? (native ?? throw new ConfigException("native: this build has no bundled codec; give one as native:PATH"))()
            : CodecCatalog.Load(codec[(codec.IndexOf(':') + 1)..]);
        return _models[codec] = model;
    }

    public void Dispose()
    {
        foreach (var model in _models.Values)
            model.Dispose();
    }
}
