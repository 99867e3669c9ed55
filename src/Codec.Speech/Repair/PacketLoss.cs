using Codec.Audio;

namespace Codec.Speech.Repair;

/// <summary>
/// Which packets of a transmission are lost: the two-state channel of Gilbert (Bell Syst. Tech. J. 39, 1960), in which every packet of the bad
/// state is lost and none of the good one.
/// </summary>
/// <param name="Rate">Share that is lost in the long run, in [0, 1).</param>
/// <param name="Burst">Mean number of packets lost in a row; null: every packet is lost for itself, independently of the others.</param>
/// <param name="PacketFrames">Frames in a packet.</param>
public sealed record PacketLoss(double Rate, double? Burst = null, int PacketFrames = 1)
{
    /// <exception cref="ConfigException">A value is out of range.</exception>
    public PacketLoss Validate()
    {
        Require.That(Rate is >= 0 and < 1, nameof(Rate), "at least 0 and below 1", Rate);
        Require.Positive(PacketFrames);
        // Leaving the bad state with 1 / Burst and entering it so that Rate holds must both be possible.
        Require.That(Burst is null || Burst >= Math.Max(1, Rate / (1 - Rate)), nameof(Burst), FormattableString.Invariant($"at least {Math.Max(1, Rate / (1 - Rate)):0.##}"), Burst ?? 0);
        return this;
    }

    /// <summary>True for lost frames. The first packet follows the long-run share, too.</summary>
    public bool[] Draw(int frames, Random random)
    {
        Validate();
        var lost = new bool[frames];
        var leave = Burst is { } burst ? 1 / burst : 1 - Rate;
        var enter = Burst is null ? Rate : leave * Rate / (1 - Rate);
        var bad = random.NextDouble() < Rate;
        for (var start = 0; start < frames; start += PacketFrames)
        {
            lost.AsSpan(start, Math.Min(PacketFrames, frames - start)).Fill(bad);
            bad = random.NextDouble() < (bad ? 1 - leave : enter);
        }
        return lost;
    }
}
