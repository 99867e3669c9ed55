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

    /// <summary>The balanced gradient.</summary>
    /// <param name="terms">Gradients of the unweighted losses at the output, with their shares.</param>
    public Tensor Combine(IReadOnlyList<(string Name, Tensor Gradient, double Share)> terms)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var total = terms.Sum(t => t.Share);
        var sum = zeros_like(terms[0].Gradient);
        foreach (var (name, gradient, share) in terms)
        {
            var (norm, weight) = _norms.GetValueOrDefault(name);
            norm = decay * norm + (1 - decay) * gradient.norm().item<float>();
            weight = decay * weight + (1 - decay);
            _norms[name] = (norm, weight);
            sum.add_(gradient, alpha: share / total * weight / Math.Max(norm, 1e-12));
        }
        return sum.MoveToOuterDisposeScope();
    }
}
