using System.Text.Json.Nodes;
using Codec.Audio;
using Codec.Core.Bitstream;
using Codec.Core.Pretrained;

namespace Codec.Tests.EndToEnd;

/// <summary>A file outlives the decoder that was bundled when it was made, as long as encoder and books are the same.</summary>
public class EarlierWeightsTests
{
    // The second second of speech.wav at 1.5 kbit/s, written by the command when weights aeb8805b were bundled.
    private const string Earlier =
            "Q0RDAaEBrriAWyAUNQNOY7nuDBSAfXmX8fBfL1JqkCOGTBAnCkBzyupfvFBwf1TZ7l3dh3VBz/sNJrxpOeXAmNev8ic/cYEMu34tyMYM3GdOFwjy4YUZI6gH" +
            "UZ08BqLlrBycobyCANnmP2Nu8ygVWmzr6rqlsH0cpFiRSEbR2l6U78ScEMyERmBtorchcX6jAlwa65MOUdRuHtlp6i9P8Ufm5nQrg7J0/pf8zw+PbTVTo/M9" +
            "wp3uqZHVyPJBTiSYtrLwHY8PXqBIeovX";

    [Fact]
    public void A_file_of_replaced_weights_decodes_to_what_the_same_codes_give_today()
    {
        using var work = new Workplace();
        File.WriteAllBytes(work["old.cdc"], Convert.FromBase64String(Earlier));
        var info = JsonNode.Parse(Workplace.Succeeds("info", work["old.cdc"], "--json").Out)!.AsArray().Single()!;
        Assert.Equal(("aeb8805b", "speech-16khz"), ((string?)info["weights"], (string?)info["bundled_as"]));
        Workplace.Succeeds("decode", work["old.cdc"], "-o", work["old.wav"]);
        Workplace.Succeeds("decode", work["old.cdc"], "-o", work["named.wav"], "--model", "speech-16khz");

        var speech = AudioFile.Read(Workplace.Fixture("speech.wav"));
        AudioFile.Write(work["new.wav"], new AudioBuffer([speech[0].Slice(16000, 16000).ToArray()], speech.SampleRate));
        Workplace.Succeeds("encode", work["new.wav"], "-o", work["new.cdc"], "--kbps", "1.5", "--effort", "0");
        Workplace.Succeeds("decode", work["new.cdc"], "-o", work["again.wav"]);
        Assert.Equal(File.ReadAllBytes(work["again.wav"]), File.ReadAllBytes(work["old.wav"]));
        Assert.Equal(File.ReadAllBytes(work["again.wav"]), File.ReadAllBytes(work["named.wav"]));
    }

    [Fact]
    public void Only_weights_that_were_replaced_stand_for_others()
    {
        var bundled = PretrainedModels.Of(0xaeb8805b)!;
        Assert.Equal("speech-16khz", bundled.Name);
        Assert.True(PretrainedModels.HaveSameCodes(0xaeb8805b, CodecFileHeader.HashPrefix(bundled.Sha256)));
        Assert.False(PretrainedModels.HaveSameCodes(0xaeb8805b, 0xaeb8805c));
        Assert.Null(PretrainedModels.Of(0xaeb8805c));
    }
}
