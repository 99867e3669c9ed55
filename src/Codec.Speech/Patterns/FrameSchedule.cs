using System.Text.Json.Serialization;
using Codec.Audio;

namespace Codec.Speech.Patterns;

/// <summary>In which order stack-delay visits the frames.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(Identity), "identity")]
[JsonDerivedType(typeof(Stride), "stride")]
[JsonDerivedType(typeof(Window), "window")]
[JsonDerivedType(typeof(RunAhead), "run_ahead")]
public abstract record FrameSchedule
{
    /// <summary>0, 1, 2, ...</summary>
    public sealed record Identity : FrameSchedule
    {
        public override int[] Order(int frames, int books) => Enumerable.Range(0, frames).ToArray();
    }

    /// <summary>All frames that are 0 modulo M, then 1 modulo M, and so on: the length must be known beforehand.</summary>
    public sealed record Stride(int M) : FrameSchedule
    {
        public override int[] Order(int frames, int books)
        {
            Require.Positive(M);
            return Strided(0, frames, M).ToArray();
        }
    }

    /// <summary><see cref="Stride"/> within consecutive windows of M*M frames: bounded look-ahead.</summary>
    public sealed record Window(int M) : FrameSchedule
    {
        public override int[] Order(int frames, int books)
        {
            Require.InRange(M, 1, 1 << 15);
            List<int> order = [];
            for (var start = 0; start < frames; start += M * M)
                order.AddRange(Strided(start, Math.Min(frames, start + M * M), M));
            return order.ToArray();
        }
    }

    /// <summary>
    /// Even frames run ahead of odd ones: 0, 2, .., 2(Lead-1), then 1, 2 Lead, 3, 2 Lead + 2, and so on. Our own. With
    /// Lead > K no two neighbouring frames are in flight together (but at the very end of a sequence shorter than 2 Lead),
    /// and output waits for about K + Lead passes at any length.
    /// </summary>
    /// <param name="Lead">Even frames of lead; 0 = K + 1.</param>
    public sealed record RunAhead(int Lead = 0) : FrameSchedule
    {
        public override int[] Order(int frames, int books)
        {
            Require.That(Lead >= 0, nameof(Lead), ">= 0", Lead);
            var lead = Lead == 0 ? books + 1 : Lead;
            List<int> order = [];
            for (var t = 0; t < 2 * lead && t < frames; t += 2)
                order.Add(t);
            for (int odd = 1, even = 2 * lead; odd < frames || even < frames; odd += 2, even += 2)
            {
                if (odd < frames)
                    order.Add(odd);
                if (even < frames)
                    order.Add(even);
            }
            return order.ToArray();
        }
    }

    /// <summary>A permutation of 0..T-1.</summary>
    /// <param name="frames">T.</param>
    /// <param name="books">K: how many frames are in flight.</param>
    public abstract int[] Order(int frames, int books);

    private static IEnumerable<int> Strided(int start, int end, int m)
    {
        for (var phase = 0; phase < m; phase++)
            for (var t = start + phase; t < end; t += m)
                yield return t;
    }
}
