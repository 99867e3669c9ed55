using Codec.Audio;
using Codec.Core;
using Codec.Speech.Lm;
using Codec.Speech.Patterns;
using Codec.Speech.Sampling;
using Codec.Speech.Tokens;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Speech.Lm;

public sealed class SpeechContinuerTests
{
    [Fact]
    public void The_recording_stays_and_the_continuation_depends_on_the_seed_alone()
    {
        using var model = TinyLm.Build(3, books: 2, vocabulary: 16);
        using var codec = new StepCodec();
        var info = new SpeechLmInfo(model.Config, new PatternSpec.Delay(), TokenIdentity.Of(codec));
        var continuer = new SpeechContinuer(codec, model, info);
        var recording = new AudioBuffer(Enumerable.Range(0, 640).Select(i => i / 640f).ToArray(), 1000);
        AudioBuffer Run(ulong seed) => continuer.Continue(recording, TimeSpan.FromSeconds(0.5), new SamplerConfig(), seed, context: 0.3);
        var first = Run(1);
        Assert.Equal(640 + 500, first.Length);
        using (NewDisposeScope())
            Assert.Equal(codec.Decode(codec.Encode(tensor(recording.Channel(0)).view(1, 1, -1), 2)).data<float>().ToArray(), first[0][..640].ToArray());
        Assert.Equal(first.Channel(0), Run(1).Channel(0));
        Assert.NotEqual(first.Channel(0), Run(2).Channel(0));
        Assert.Throws<ConfigException>(() => new SpeechContinuer(codec, model, info with { Codec = "another" }));
        Assert.Throws<ConfigException>(() => continuer.Continue(recording, TimeSpan.Zero, new SamplerConfig(), 1));
    }

    [Fact]
    public void Recordings_become_shards_once()
    {
        var folder = Directory.CreateTempSubdirectory("shards").FullName;
        try
        {
            var items = Enumerable.Range(0, 3).Select(i =>
            {
                var path = Path.Combine(folder, $"{i}.wav");
                AudioFile.Write(path, new AudioBuffer(Enumerable.Range(0, 100 + 20 * i).Select(n => n / 200f).ToArray(), 1000));
                return new SpokenItem(path, "speaker", "words");
            }).ToArray();
            using var codec = new StepCodec();
            var shards = TokenShardBuilder.Build(codec, items, folder, "part", perShard: 2);
            Assert.Equal(2, shards.Count);
            using (var shard = TokenShard.Open(shards[1]))
            {
                Assert.Equal(14, shard.Items[0].Frames);
                Assert.Equal("words", shard.Items[0].Text);
            }
            var written = File.GetLastWriteTimeUtc(shards[0]);
            TokenShardBuilder.Build(codec, items, folder, "part", perShard: 2);
            Assert.Equal(written, File.GetLastWriteTimeUtc(shards[0]));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>A codec of two scalar quantizers over frames of ten samples: its decoder holds the frame's mean.</summary>
    private sealed class StepCodec : ICodec
    {
        public CodecInfo Info { get; } = new() { Name = "step", SampleRate = 1000, HopLength = 10, Books = [new(16), new(16)], WeightHash = "00" };

        public Device Device => CPU;

        public Codes Encode(Tensor audio_BCS, int? books = null, StreamState? state = null)
        {
            var samples = audio_BCS.flatten().data<float>().ToArray();
            var means = samples.Chunk(10).Select(f => f.Average()).ToArray();
            var coarse = means.Select(m => Math.Clamp((int)(m * 16), 0, 15)).ToArray();
            var fine = means.Select((m, t) => Math.Clamp((int)((m * 16 - coarse[t]) * 16), 0, 15)).ToArray();
            return new Codes(Info.Books.Take(books ?? 2).ToArray(), new[] { new[] { coarse }, new[] { fine } }[..(books ?? 2)], means.Length);
        }

        public Tensor Decode(Codes codes, long? samples = null, StreamState? state = null)
            => tensor(Enumerable.Range(0, codes.Frames * 10).Select(i => codes[0][i / 10] / 16f + codes[1][i / 10] / 256f).ToArray()).view(1, 1, -1);

        public void Dispose() { }
    }
}
