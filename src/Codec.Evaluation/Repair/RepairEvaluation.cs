using Codec.Audio;
using Codec.Core;
using Codec.Core.Codecs.Native;
using Codec.Speech.Repair;
using static TorchSharp.torch;

namespace Codec.Evaluation.Repair;

/// <summary>A row of the table of lost packets.</summary>
public sealed record LossRow(PacketLoss Loss, LossTreatment? Treatment, RepairScore Score);

/// <summary>A row of the table of books that are made up.</summary>
/// <param name="Books">Sent.</param>
/// <param name="Regenerated">Whether the rest was made up.</param>
/// <param name="KilobitsPerSecond">Of files with these books, with all overhead.</param>
public sealed record RegenerationRow(int Books, bool Regenerated, double KilobitsPerSecond, RepairScore Score);

/// <summary>Measures repair models on recordings.</summary>
/// <param name="codec">Stays the caller's.</param>
/// <param name="files">Paths of recordings; mixed to mono and resampled.</param>
/// <param name="books">Books of the codes.</param>
/// <param name="progress">Gets the share done.</param>
public sealed class RepairEvaluation(NativeCodec codec, IReadOnlyList<string> files, int books, Action<double>? progress = null)
{
    /// <summary>Every treatment under every loss; one row without loss comes first.</summary>
    /// <param name="masked">Null: only what needs no model.</param>
    /// <param name="seed">Of the losses, which are the same for all treatments.</param>
    public IReadOnlyList<LossRow> Losses(RepairModel? masked, IReadOnlyList<PacketLoss> losses, int seed)
    {
        var study = new LossStudy(codec, masked);
        var rows = new List<LossRow> { new(new PacketLoss(0), null, new RepairScore()) };
        rows.AddRange(losses.SelectMany(loss => study.Treatments.Select(t => new LossRow(loss, t, new RepairScore()))));
        ForEach((number, samples, codes) =>
        {
            foreach (var row in rows)
            {
                var lost = row.Loss.Draw(codes.Frames, new Random(unchecked(seed * 7919 + number)));
                var decoded = study.Decode(codes, lost, row.Treatment ?? LossTreatment.RepeatLast, samples.Length);
                row.Score.Add(samples, decoded, codec.Info.SampleRate, pesq: false);
            }
        });
        return rows;
    }

    /// <summary>Every number of books sent, as it is and with the rest made up; all books come last.</summary>
    public IReadOnlyList<RegenerationRow> Regeneration(RepairModel fine, IReadOnlyList<int> sent)
    {
        var study = new RegenerationStudy(codec, fine);
        var scores = sent.SelectMany(n => new[] { (n, false), (n, true) }).Append((books, false)).ToDictionary(key => key, _ => new RepairScore());
        var bits = new Dictionary<int, long>();
        double seconds = 0;
        ForEach((_, samples, codes) =>
        {
            seconds += (double)samples.Length / codec.Info.SampleRate;
            foreach (var ((n, regenerated), score) in scores)
            {
                var some = codes.Take(n);
                if (!regenerated)
                    bits[n] = bits.GetValueOrDefault(n) + study.Bits(some, samples.Length);
                score.Add(samples, regenerated ? study.Regenerated(some, samples.Length) : study.Plain(some, samples.Length), codec.Info.SampleRate, pesq: true);
            }
        });
        return [.. scores.Select(s => new RegenerationRow(s.Key.Item1, s.Key.Item2, bits[s.Key.Item1] / seconds / 1000, s.Value))];
    }

    private void ForEach(Action<int, float[], Codes> measure)
    {
        for (var i = 0; i < files.Count; i++)
        {
            using var mode = inference_mode();
            using var scope = NewDisposeScope();
            var samples = Resampler.Resample(AudioFile.Read(files[i]).ToMono(), codec.Info.SampleRate).Channel(0).ToArray();
            if (samples.Length > 0)
                measure(i, samples, codec.Encode(tensor(samples).reshape(1, 1, -1), books));
            progress?.Invoke((i + 1.0) / files.Count);
        }
    }
}
