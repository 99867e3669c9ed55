using Codec.Audio;
using Codec.Speech.Sampling;

namespace Codec.Speech.Drafting;

/// <summary>Accepted part of a tree.</summary>
/// <param name="Path">Index into <see cref="DraftTree.Paths"/>.</param>
/// <param name="Tokens">Accepted tokens, without the root.</param>
/// <param name="LastNode">Node of the last accepted token: its outputs give the next one.</param>
public sealed record TreeVerdict(int Path, int[] Tokens, int LastNode);

/// <summary>
/// A tree of proposals verified in one pass (Medusa, arXiv 2401.10774): node 0 is the token already decided, a choice
/// [a, b, ...] is the a-th best token of head 0, then the b-th best of head 1, and so on. Nodes are sorted by depth, then lexicographically.
/// </summary>
public sealed class DraftTree
{
    private readonly int[][] _choices;

    /// <param name="choices">Rank paths; every prefix of a path must be there too.</param>
    /// <exception cref="ConfigException">A prefix is missing or a path is there twice.</exception>
    public DraftTree(IEnumerable<IReadOnlyList<int>> choices)
    {
        _choices = choices.Select(c => c.ToArray())
            .Order(Comparer<int[]>.Create((a, b) => a.Length != b.Length ? a.Length.CompareTo(b.Length) : a.AsSpan().SequenceCompareTo(b))).ToArray();
        var index = new Dictionary<string, int> { [""] = 0 };
        Parent = new int[_choices.Length + 1];
        Depth = new int[_choices.Length + 1];
        Parent[0] = -1;
        for (var i = 0; i < _choices.Length; i++)
        {
            var key = string.Join(",", _choices[i]);
            Require.That(_choices[i].Length > 0 && index.TryAdd(key, i + 1), $"choice [{key}]", "once", "twice or empty");
            var prefix = string.Join(",", _choices[i][..^1]);
            Require.That(index.TryGetValue(prefix, out Parent[i + 1]), $"choice [{key}]", $"its prefix [{prefix}] among the choices", null);
            Depth[i + 1] = _choices[i].Length;
        }
        var inner = Parent.ToHashSet();
        Paths = Enumerable.Range(0, Nodes).Where(n => !inner.Contains(n)).Select(PathTo).ToArray();
    }

    public int Nodes => _choices.Length + 1;

    /// <summary>-1 for node 0.</summary>
    public int[] Parent { get; }

    /// <summary>Position of a node relative to node 0.</summary>
    public int[] Depth { get; }

    /// <summary>Root-to-leaf node lists, leaves in node order.</summary>
    public int[][] Paths { get; }

    /// <summary>Whether node i sees node j: itself and its ancestors.</summary>
    public bool[,] Mask()
    {
        var mask = new bool[Nodes, Nodes];
        for (var i = 0; i < Nodes; i++)
            foreach (var j in PathTo(i))
                mask[i, j] = true;
        return mask;
    }

    /// <summary>The token of every node.</summary>
    /// <param name="root">Token of node 0.</param>
    /// <param name="headLogits">[heads][V]; head h proposes the token h + 1 places after the root.</param>
    public int[] Tokens(int root, double[][] headLogits)
    {
        var sampler = new Sampler(SamplerConfig.Greedy);
        var ranked = headLogits.Select(h => sampler.Descending(h).ToArray()).ToArray();
        var tokens = new int[Nodes];
        tokens[0] = root;
        for (var i = 0; i < _choices.Length; i++)
            tokens[i + 1] = ranked[_choices[i].Length - 1][_choices[i][^1]];
        return tokens;
    }

    /// <summary>Greedy verification, lossless: the longest path whose tokens are the target's argmax after their parents.</summary>
    /// <param name="tokens">Per node.</param>
    /// <param name="targetLogits">[nodes][V]: the target's output after each node.</param>
    public TreeVerdict VerifyGreedy(int[] tokens, double[][] targetLogits)
        => Longest(tokens, (node, parent) => tokens[node] == LogMath.ArgMax(targetLogits[parent]));

    /// <summary>
    /// Typical acceptance: p(token) > min(epsilon, delta * exp(-entropy)) under the tempered target. Not distribution-preserving.
    /// </summary>
    public TreeVerdict VerifyTypical(int[] tokens, double[][] targetLogits, double temperature, double epsilon, double delta)
    {
        var probabilities = targetLogits.Select(row => Tempered(row, temperature)).ToArray();
        var thresholds = TypicalThresholds(targetLogits, temperature, epsilon, delta);
        return Longest(tokens, (node, parent) => probabilities[parent][tokens[node]] > thresholds[parent]);
    }

    /// <summary>min(epsilon, delta * exp(-entropy)) after each node.</summary>
    public static double[] TypicalThresholds(double[][] targetLogits, double temperature, double epsilon, double delta)
        => targetLogits.Select(row =>
        {
            var entropy = -Tempered(row, temperature).Sum(p => p > 0 ? p * Math.Log(p) : 0);
            return Math.Min(epsilon, delta * Math.Exp(-entropy));
        }).ToArray();

    private static double[] Tempered(double[] logits, double temperature)
    {
        var values = logits.Select(v => v / temperature).ToArray();
        LogMath.LogSoftmax(values);
        return values.Select(Math.Exp).ToArray();
    }

    private TreeVerdict Longest(int[] tokens, Func<int, int, bool> accepts)
    {
        var (best, length) = (0, -1);
        for (var p = 0; p < Paths.Length; p++)
        {
            var accepted = Paths[p].Skip(1).TakeWhile(n => accepts(n, Parent[n])).Count();
            if (accepted > length)
                (best, length) = (p, accepted);
        }
        return new TreeVerdict(best, Paths[best].Skip(1).Take(length).Select(n => tokens[n]).ToArray(), Paths[best][length]);
    }

    private int[] PathTo(int node)
    {
        List<int> path = [];
        for (var at = node; at >= 0; at = Parent[at])
            path.Add(at);
        path.Reverse();
        return path.ToArray();
    }
}
