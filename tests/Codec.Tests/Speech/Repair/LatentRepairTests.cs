using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Concealment;
using Codec.Speech.Repair;
using static TorchSharp.torch;

namespace Codec.Tests.Speech.Repair;

public sealed class LatentRepairTests : IDisposable
{
    private readonly SmallRepair _small = new(RepairKind.Masked);

    public void Dispose() => _small.Dispose();

    [Fact, NoTensorLeaks]
    public void Received_frames_stay_and_lost_ones_do_not_depend_on_what_stood_there()
    {
        var codes = _small.Draw(40, seed: 1);
        var lost = new bool[40];
        lost.AsSpan(10, 3).Fill(true);
        lost[39] = true;
        var other = _small.Draw(40, seed: 2);
        for (var book = 0; book < codes.Books; book++)
            for (var t = 0; t < 40; t++)
                if (!lost[t])
                    other[book][t] = codes[book][t];
        var (restored, again) = (SmallRepair.Numbers(_small.Repair.Restore(codes, lost)), SmallRepair.Numbers(_small.Repair.Restore(other, lost)));
        Assert.Equal(restored, again);
        for (var t = 0; t < 40; t++)
            if (!lost[t])
                Assert.All(Enumerable.Range(0, codes.Books), book => Assert.Equal(codes[book][t], restored[book][t]));
    }

    [Fact, NoTensorLeaks]
    public void Frames_that_lack_books_count_for_those_they_have()
    {
        using var scope = NewDisposeScope();
        using var mode = inference_mode();
        var specs = VariableBooks.Of(_small.Codec.Info.Books);
        var nothing = specs[2].Size - 1;
        var whole = new[] { _small.Draw(30, seed: 1), _small.Draw(30, seed: 2) };
        var thin = new Codes(specs, [.. Enumerable.Range(0, 3).Select(book => Enumerable.Range(0, 2).Select(item =>
            Enumerable.Range(0, 30).Select(t => book == 2 && (t + item) % 2 == 0 ? nothing : whole[item][book][t]).ToArray()).ToArray())], 30);
        var lost = Enumerable.Range(0, 30).Select(t => t is >= 14 and < 17).ToArray();
        var restored = _small.Repair.Restore(thin, lost);
        for (var item = 0; item < 2; item++)
        {
            var known = tensor(Enumerable.Range(0, 30).Select(t => lost[t] ? 0L : (t + item) % 2 == 0 ? 2 : 3).ToArray()).unsqueeze(0);
            var start = where(known.eq(2).unsqueeze(-1), _small.Codec.LatentOf(whole[item].Take(2)), _small.Codec.LatentOf(whole[item]));
            var expected = CodeTensors.ToCodes(_small.Codec.Model.Quantizer.Encode(_small.Repair.Predict(start, known)), specs);
            for (var book = 0; book < 3; book++)
                Assert.Equal(Enumerable.Range(0, 30).Select(t => lost[t] ? expected[book][t] : thin[book, item][t]), restored[book, item].ToArray());
        }
        var filled = new MaskedRepair(_small.Codec, () => _small.Model).Fill(new LostFrames(specs, 2, 3, thin.Slice(0, 14), thin.Slice(17, 13)));
        Assert.Equal(SmallRepair.Numbers(restored.Slice(14, 3)), SmallRepair.Numbers(filled.Codes));
    }

    [Fact, NoTensorLeaks]
    public void A_frame_sees_as_far_as_the_window_reaches_and_no_farther()
    {
        using var scope = NewDisposeScope();
        var reach = _small.Model.Config.Reach;
        var known = full([1, 60], 3L);
        known[0, 30] = 0;
        var latent = _small.Codec.LatentOf(_small.Draw(60, seed: 3));
        var plain = _small.Repair.Predict(latent, known);
        foreach (var (distance, seen) in new[] { (1, true), (reach + 1, false) })
            foreach (var place in new[] { 30 - distance, 30 + distance })
            {
                var changed = latent.clone();
                changed[0, place] += 3;
                var difference = (_small.Repair.Predict(changed, known)[0, 30] - plain[0, 30]).abs().max().item<float>();
                Assert.Equal(seen, difference > 1e-6);
            }
    }

    [Fact, NoTensorLeaks]
    public void Long_signals_in_pieces_are_as_if_in_one()
    {
        using var scope = NewDisposeScope();
        var codes = _small.Draw(1200, seed: 4);
        var known = tensor(new PacketLoss(0.2, 3).Draw(1200, new Random(1)).Select(l => l ? 0L : 3L).ToArray()).unsqueeze(0);
        var latent = _small.Codec.LatentOf(codes);
        using var mode = inference_mode();
        Tensors.Close(_small.Model.Forward(latent, known), _small.Repair.Predict(latent, known), 1e-4);
        Assert.Equal(0, _small.Repair.Predict(latent.narrow(1, 0, 0), known.narrow(1, 0, 0)).shape[1]);
    }

    [Theory, NoTensorLeaks]
    [InlineData(0)]
    [InlineData(4)]
    public void A_stream_gives_the_same_frames_however_it_is_pushed(int lookAhead)
    {
        var codes = _small.Draw(150, seed: 5);
        var lost = new PacketLoss(0.2, 2).Draw(150, new Random(2));
        var single = Stream(codes, lost, lookAhead, new Random(1), most: 1);
        Assert.Equal(single, Stream(codes, lost, lookAhead, new Random(2), most: 20));
        Assert.Equal(150, single[0].Length);
        Assert.All(Enumerable.Range(0, 150).Where(t => !lost[t]), t => Assert.Equal(codes[0][t], single[0][t]));
    }

    [Fact, NoTensorLeaks]
    public void A_stream_that_waits_for_all_knows_as_much_as_a_file()
    {
        var codes = _small.Draw(50, seed: 6);
        var lost = new bool[50];
        lost[20] = lost[21] = true;
        Assert.Equal(SmallRepair.Numbers(_small.Repair.Restore(codes, lost)), Stream(codes, lost, 50, new Random(1), most: 3));
    }

    [Fact, NoTensorLeaks]
    public void Gaps_of_files_are_filled_and_long_ones_fade()
    {
        var repair = new MaskedRepair(_small.Codec, () => _small.Model);
        var (before, after) = (_small.Draw(10, seed: 7, books: 2), _small.Draw(10, seed: 8, books: 2));
        var filled = repair.Fill(new LostFrames(before.Specs, 1, 3, before, after));
        Assert.Equal(3, filled.Codes.Frames);
        Assert.Equal(2, filled.Codes.Books);
        Assert.Equal([1f, 1f, 1f], filled.Gains);
        var long_ = repair.Fill(new LostFrames(before.Specs, 1, repair.LongestGap, before, null)).Gains;
        Assert.Equal(1, long_[0]);
        Assert.Equal(0, long_[^1]);
        Assert.True(long_.Zip(long_.Skip(1)).All(pair => pair.Second <= pair.First));
        Assert.Equal(1, repair.Fill(new LostFrames(before.Specs, 1, repair.LongestGap, null, after)).Gains[^1]);
        Assert.Throws<ArgumentException>(() => repair.Fill(new LostFrames([new CodebookSpec(7)], 1, 3, null, null)));
    }

    private int[][] Stream(Codes codes, bool[] lost, int lookAhead, Random random, int most)
    {
        var stream = new StreamingRepair(_small.Repair, codes.Specs, lookAhead);
        var pieces = new List<Codes?>();
        for (int t = 0, end; t < lost.Length; t = end)
        {
            var length = random.Next(1, most + 1);
            for (end = t + 1; end < lost.Length && end - t < length && lost[end] == lost[t];)
                end++;
            pieces.Add(lost[t] ? stream.PushLost(end - t) : stream.Push(codes.Slice(t, end - t)));
            Assert.Equal(Math.Max(0, end - lookAhead), pieces.Sum(p => p?.Frames ?? 0));
        }
        pieces.Add(stream.Finish());
        return SmallRepair.Numbers(Codes.Concat([.. pieces.OfType<Codes>()]));
    }
}
