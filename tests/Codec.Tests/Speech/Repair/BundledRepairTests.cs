using Codec.Audio;
using Codec.Core.Codecs.Native;
using Codec.Core.Pretrained;
using Codec.Speech.Repair;
using static TorchSharp.torch;

namespace Codec.Tests.Speech.Repair;

public class BundledRepairTests
{
    [Theory]
    [InlineData(RepairKind.Masked)]
    [InlineData(RepairKind.Fine)]
    public void The_bundled_codec_has_models_that_come_nearer_to_the_truth(RepairKind kind)
    {
        using var codec = NativeCheckpoint.Load(PretrainedModels.Resolve(null));
        var path = BundledRepairs.Find(codec, kind);
        // A codec that makes other codes works without them until they are trained again.
        Assert.SkipWhen(path is null, $"no {kind} model for the codes {codec.Info.TokenHash[..8]}...: train it again (src/Codec.Speech/Pretrained/Repair)");
        Assert.True(new FileInfo(path!).Length < 3 << 20);
        using var model = RepairFile.Load(path, codec, kind);

        // Read speech of a speaker that was not trained on.
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        var audio = Resampler.Resample(AudioFile.Read(SharedFolder.Require("speech", "test", "librispeech-1998-15444_0001.flac")).ToMono(), codec.Info.SampleRate);
        var codes = codec.Encode(tensor(audio.Channel(0)).view(1, 1, -1));
        var known = kind == RepairKind.Fine
            ? full([1, codes.Frames], 2L)
            : tensor(new PacketLoss(0.2, 3).Draw(codes.Frames, new Random(1)).Select(lost => lost ? 0L : codes.Books).ToArray()).unsqueeze(0);
        var truth = codec.LatentOf(codes);
        var start = known.eq(codes.Books).unsqueeze(-1) * truth + known.eq(2).unsqueeze(-1) * codec.LatentOf(codes.Take(2));
        var wanted = known.lt(codes.Books).unsqueeze(-1); // what is known is taken as it is, whatever the model says of it
        double Error(Tensor latent) => ((latent - truth) * wanted).square().sum().item<float>();
        var (plain, repaired) = (Error(model.Without(start, known)), Error(new LatentRepair(codec, model).Predict(start, known)));
        Assert.True(repaired < plain, $"error {repaired:F1} with the model, {plain:F1} without");
    }
}
