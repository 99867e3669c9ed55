using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Losses;

/// <summary>
/// Loss balancer of EnCodec (Défossez et al. 2022): each term's gradient at the output is scaled to its share of the whole,
/// by a running mean of its norm, so that weights mean shares and not units.
/// </summary>
public sealed class LossBalancer(double decay = 0.99)
{
    private readonly SortedDictionary<string, (double Norm, double Weight)> _norms = new(StringComparer.Ordinal);

    /// <summary>Running sums by term: what a resumed run needs.</summary>
    public IReadOnlyDictionary<string, (double Norm, double Weight)> State => _norms;

    /// <summary>Takes up the sums of a saved run.</summary>
    public void Resume(IEnumerable<KeyValuePair<string, (double Norm, double Weight)>> state)
    {
        _norms.Clear();
        foreach (var (name, value) in state)
            _norms[name] = value;
    }

    /// <summary>The balanced gradient as a scalar to call backward on.</summary>
    /// <param name="terms">Unweighted losses that depend on <paramref name="output"/>, with their shares.</param>
    /// <param name="output">What the model made; part of the graph.</param>
    public Tensor Combine(IReadOnlyList<LossTerm> terms, Tensor output)
    {
        using var scope = NewDisposeScope();
        var total = terms.Sum(t => t.Weight);
        var sum = zeros_like(output);
        foreach (var (name, loss, share) in terms)
        {
            using var mode = no_grad();
            var gradient = autograd.grad([loss], [output], retain_graph: true)[0];
            var (norm, weight) = _norms.GetValueOrDefault(name);
            norm = decay * norm + (1 - decay) * gradient.norm().item<float>();
            weight = decay * weight + (1 - decay);
            _norms[name] = (norm, weight);
            sum.add_(gradient, alpha: share / total * weight / Math.Max(norm, 1e-12));
        }
        return (output * sum).sum().MoveToOuterDisposeScope();
    }
}
