using System.Globalization;
using System.Text.Json.Nodes;
using Codec.Audio;
using Codec.Core.Checkpoints;
using Codec.Core.Codecs;
using Codec.Core.Codecs.Dac;
using Codec.Core.Tokens;

namespace Codec.Core.Interchange;

/// <summary>
/// The .dac files of the reference tool as recordings of token files, and back. What only .dac files say (loudness, chunks) is kept
/// in the tags, under "dac". A .dac file does not say which of the three models made it: the frame rate does.
/// </summary>
public static class DacCodes
{
    private const int Size = 1024, DefaultDb = -16;

    private static readonly (string Name, int Rate, int Hop)[] Models = [("dac/44khz", 44100, 512), ("dac/24khz", 24000, 320), ("dac/16khz", 16000, 320)];

    /// <exception cref="CheckpointException">Unreadable, or not such a file.</exception>
    public static TokenizedAudio Read(string path)
    {
        var file = DacFile.Read(path, Size);
        var seconds = (double)file.OriginalLength / file.SampleRate;
        // The last chunk may hold more than the recording: of the rates that hold all of it, the lowest.
        var (name, rate, hop) = Models.Where(model => file.Codes.Frames * (double)model.Hop / model.Rate >= seconds - (double)model.Hop / model.Rate)
            .OrderBy(model => (double)model.Hop / model.Rate).DefaultIfEmpty(Models[^1]).First();
        var preset = CodecCatalog.Families.SelectMany(family => family.Presets).First(preset => preset.Name == name);
        var tags = new JsonObject
        {
            ["dac"] = new JsonObject
            {
                ["input_db"] = new JsonArray([.. file.InputDb.Select(level => JsonValue.Create(level))]),
                ["chunk_length"] = file.ChunkLength,
                ["padding"] = file.Padding,
                ["channels"] = file.Channels,
            },
        };
        return TokenizedAudio.Of(file.Codes, path, rate, hop, file.SampleRate, file.Codes.Batch, file.OriginalLength) with
        {
            Model = preset.Name,
            CatalogueId = preset.Id,
            Tags = tags.ToJsonString(),
        };
    }

    /// <returns>The file, and whether its loudness is a guess because the recording does not come from a .dac file.</returns>
    /// <exception cref="TokenFileException">Codes of another codec.</exception>
    public static (DacFile File, bool GuessedLevel) Write(TokenizedAudio recording, string name)
    {
        var codes = recording.ToCodes(name);
        if (!codes.Specs.All(book => book == new CodebookSpec(Size)) || codes.Segments is not null || !Models.Any(model => model.Rate == recording.CodecRate && model.Hop == recording.HopLength))
            throw new TokenFileException(name, $"a .dac file holds DAC's codes of 16, 24 or 44.1 kHz, found {codes.Books} books of {codes.Specs[0].Size} at {recording.CodecRate} Hz, {recording.HopLength} samples a frame");
        try
        {
            var dac = recording.Tags.Length == 0 ? null : JsonNode.Parse(recording.Tags)?["dac"];
            var channels = dac?["channels"]?.GetValue<int>() ?? 1;
            var file = new DacFile
            {
                Codes = codes,
                InputDb = dac?["input_db"]?.AsArray().Select(level => level!.GetValue<float>()).ToArray() ?? [.. Enumerable.Repeat((float)DefaultDb, codes.Batch / Math.Max(1, channels))],
                OriginalLength = recording.Samples,
                SampleRate = recording.SampleRate,
                ChunkLength = dac?["chunk_length"]?.GetValue<int>() ?? codes.Frames,
                Channels = channels,
                Padding = dac?["padding"]?.GetValue<bool>() ?? true,
            };
            return codes.Batch == file.InputDb.Count * channels && channels > 0 && file.ChunkLength > 0
                ? (file, dac?["input_db"] is null)
                : throw new TokenFileException(name, string.Create(CultureInfo.InvariantCulture, $"tags: {file.InputDb.Count} levels of {channels} channels do not fit {codes.Batch} streams"));
        }
        catch (Exception e) when (e is System.Text.Json.JsonException or InvalidOperationException or FormatException)
        {
            throw new TokenFileException(name, $"tags: {e.Message}", e);
        }
    }
}
