using Codec.Core.Parity;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Encodec;

/// <summary>Replays the recorded overlap-add of segments.</summary>
public sealed class OverlapAddParity : IParityRunner
{
    public bool Handles(ParityCase parityCase) => parityCase.Has("0.frame0") && parityCase.Has("0.stride") && parityCase.Has("0.out");

    public void Run(ParityCase parityCase, ParityReport report)
    {
        for (var i = 0; parityCase.Has($"{i}.out"); i++)
        {
            var frames = Enumerable.Range(0, int.MaxValue).Select(j => $"{i}.frame{j}").TakeWhile(parityCase.Has).ToArray();
            report.Uses([.. frames, $"{i}.stride"]);
            var segments = frames.Select(name => Channels(parityCase.Load(name))).ToArray();
            var joined = OverlapAdd.Join(segments, (int)parityCase.Load($"{i}.stride").item<long>());
            report.Values($"{i}.out", stack(joined.Select(channel => tensor(channel))).unsqueeze(0), 1e-5);
        }
    }

    private static float[][] Channels(Tensor audio_1CS)
        => Enumerable.Range(0, (int)audio_1CS.shape[1]).Select(c => audio_1CS[0, c].contiguous().data<float>().ToArray()).ToArray();
}
