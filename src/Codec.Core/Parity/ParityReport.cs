using System.Globalization;
using static TorchSharp.torch;

namespace Codec.Core.Parity;

/// <summary>
/// What came of a case. A runner hands in its own tensors under the recorded names; the report compares them and knows
/// which recorded tensors nobody looked at.
/// </summary>
public sealed class ParityReport(ParityCase parityCase)
{
    /// <summary>README of the recorded cases: 1e-4, times the level where it exceeds 1.</summary>
    public const double DefaultTolerance = 1e-4;

    private readonly List<ParityLine> _lines = [];
    private readonly HashSet<string> _seen = [];

    public ParityCase Case { get; } = parityCase;

    public IReadOnlyList<ParityLine> Lines => _lines;

    /// <summary>True where something was compared and everything passed.</summary>
    public bool Passed => _lines.Count > 0 && _lines.All(line => line.Passed);

    /// <summary>Codes that agree, of all that were compared; 1 where none were.</summary>
    public double CodeAgreement
    {
        get
        {
            var total = _lines.Sum(line => line.Codes);
            return total == 0 ? 1 : 1 - _lines.Where(line => line.Codes > 0).Sum(line => line.MaxError) / total;
        }
    }

    /// <summary>Recorded tensors that no comparison used and no <see cref="Uses"/> named.</summary>
    public IReadOnlyList<string> Unused => Case.Recorded.Tensors.Keys.Where(name => !_seen.Contains(name)).Order(StringComparer.Ordinal).ToArray();

    /// <summary>Says that recorded tensors were inputs or are of no use to a comparison (margins).</summary>
    public void Uses(params IEnumerable<string> names) => _seen.UnionWith(names);

    /// <summary>Real numbers against a recorded tensor, if it is recorded.</summary>
    public void Values(string name, Tensor actual, double tolerance = DefaultTolerance)
    {
        if (!Case.Has(name))
            return;
        using var scope = NewDisposeScope();
        _seen.Add(name);
        Values(name, Case.Load(name), actual, tolerance);
    }

    /// <summary>Codes against a recorded tensor, if it is recorded: all must be equal.</summary>
    public void Codes(string name, Tensor actual)
    {
        if (!Case.Has(name))
            return;
        using var scope = NewDisposeScope();
        _seen.Add(name);
        Codes(name, Case.Load(name), actual);
    }

    /// <summary>Real numbers against others of our own making, e.g. streamed against offline.</summary>
    /// <param name="name">What is compared.</param>
    /// <param name="expected">Any shape.</param>
    /// <param name="actual">The same shape.</param>
    /// <param name="tolerance">Of the largest difference, where the root mean square of the expected numbers is 1 or less; times that level above.</param>
    public void Values(string name, Tensor expected, Tensor actual, double tolerance = DefaultTolerance)
    {
        using var scope = NewDisposeScope();
        if (!SameShape(name, expected, actual))
            return;
        if (expected.numel() == 0)
        {
            Add(new ParityLine(name, 0, tolerance));
            return;
        }
        var reference = expected.to(ScalarType.Float64);
        var error = (reference - actual.cpu().to(ScalarType.Float64)).abs().max().item<double>();
        var level = reference.square().mean().sqrt().item<double>();
        Add(new ParityLine(name, error, tolerance * Math.Max(1, level)));
    }

    /// <summary>Codes against others of our own making.</summary>
    public void Codes(string name, Tensor expected, Tensor actual)
    {
        using var scope = NewDisposeScope();
        if (SameShape(name, expected, actual))
            Add(new ParityLine(name, expected.to(ScalarType.Int64).ne(actual.cpu().to(ScalarType.Int64)).sum().item<long>(), 0, Math.Max(expected.numel(), 1)));
    }

    /// <summary>Anything else that must hold.</summary>
    public void That(string name, bool holds, string problem) => Add(new ParityLine(name, 0, 0, Problem: holds ? "" : problem));

    private void Add(ParityLine line) => _lines.Add(line);

    private bool SameShape(string name, Tensor expected, Tensor actual)
    {
        if (expected.shape.SequenceEqual(actual.shape))
            return true;
        Add(new ParityLine(name, 0, 0, Problem: string.Create(CultureInfo.InvariantCulture,
            $"expected shape [{string.Join(", ", expected.shape)}], found [{string.Join(", ", actual.shape)}]")));
        return false;
    }
}
