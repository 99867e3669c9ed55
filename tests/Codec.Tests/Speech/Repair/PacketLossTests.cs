using Codec.Audio;
using Codec.Speech.Repair;

namespace Codec.Tests.Speech.Repair;

public class PacketLossTests
{
    [Theory]
    [InlineData(0.05, null, 1)] // rate, burst, frames a packet
    [InlineData(0.2, null, 5)]
    [InlineData(0.1, 3.0, 1)]
    [InlineData(0.2, 3.0, 2)]
    [InlineData(0.4, 1.0, 1)]
    public void Rate_bursts_and_packets_are_as_asked(double rate, double? burst, int packet)
    {
        const int packets = 200_000;
        var lost = new PacketLoss(rate, burst, packet).Draw(packets * packet, new Random(1));
        var byPacket = lost.Chunk(packet).ToArray();
        Assert.All(byPacket, frames => Assert.Single(frames.Distinct()));
        var runs = new List<int>();
        for (int i = 0, run = 0; i <= packets; i++)
        {
            if (i < packets && byPacket[i][0])
            {
                run++;
                continue;
            }
            if (run > 0)
                runs.Add(run);
            run = 0;
        }
        Assert.Equal(rate, lost.Count(l => l) / (double)lost.Length, 0.01);
        Assert.Equal(burst ?? 1 / (1 - rate), runs.Average(), 0.05);
    }

    [Fact]
    public void A_seed_gives_one_pattern_and_a_packet_may_be_cut_by_the_end()
    {
        var loss = new PacketLoss(0.3, 2, 4);
        var first = loss.Draw(10, new Random(5));
        Assert.Equal(first, loss.Draw(10, new Random(5)));
        Assert.Equal(10, first.Length);
        Assert.DoesNotContain(true, new PacketLoss(0).Draw(1000, new Random(1)));
    }

    [Theory]
    [InlineData(1.0, null, 1)]
    [InlineData(-0.1, null, 1)]
    [InlineData(double.NaN, null, 1)]
    [InlineData(0.1, 0.5, 1)]
    [InlineData(0.8, 2.0, 1)] // bursts of 2 cannot lose four fifths
    [InlineData(0.1, null, 0)]
    public void Impossible_channels_are_refused(double rate, double? burst, int packet)
        => Assert.Throws<ConfigException>(() => new PacketLoss(rate, burst, packet).Validate());
}
