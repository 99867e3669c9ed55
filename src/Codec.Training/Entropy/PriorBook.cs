using Codec.Audio;
using Codec.Core.Bitstream.Prediction;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Training.Entropy;

/// <summary>The network of one book (<see cref="NeuralBookWeights"/>) in floating point.</summary>
internal sealed class PriorBook : nn.Module
{
    private const int Ignored = -100; // cross entropy's own default

    private readonly Embedding embedding;
    private readonly Linear input, middle, cluster, member;
    private readonly int[] _order;
    private readonly int[] _positions;
    private readonly int _members;
    private readonly int _clusters;

    /// <param name="order">Codes in the order of their clusters.</param>
    /// <param name="taps">Embedding vectors that the network sees.</param>
    /// <param name="config">Sizes.</param>
    public PriorBook(int[] order, int taps, NeuralPriorConfig config) : base(nameof(PriorBook))
    {
        _order = order;
        _positions = new int[order.Length];
        for (var position = 0; position < order.Length; position++)
            _positions[order[position]] = position;
        _members = NeuralPrior.MembersFor(order.Length);
        _clusters = (order.Length + _members - 1) / _members;
        embedding = nn.Embedding(order.Length, config.Width);
        nn.init.normal_(embedding.weight!, 0, 0.3);
        input = nn.Linear(taps * config.Width, config.Hidden);
        middle = nn.Linear(config.Hidden, config.Rank);
        cluster = nn.Linear(config.Rank, _clusters);
        member = nn.Linear(config.Rank, order.Length);
        RegisterComponents();
    }

    /// <summary>Embeddings start as the codebook's entries, outputs as its entries against pairs of opposite hidden units.</summary>
    /// <param name="codebook">[V, D'].</param>
    /// <param name="unit">Scale of the embeddings.</param>
    public void Initialize(float[,] codebook, float unit)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        using var entries_VD = tensor(codebook);
        var width = Math.Min(embedding.weight!.shape[1], entries_VD.shape[1]);
        embedding.weight!.narrow(1, 0, width).copy_(entries_VD.narrow(1, 0, width) * unit);
        var pairs = Math.Min(middle.weight!.shape[0] / 2, entries_VD.shape[1]);
        middle.weight!.narrow(0, pairs, pairs).copy_(-middle.weight!.narrow(0, 0, pairs));
        middle.bias!.zero_();
        var ordered_VD = entries_VD.index_select(0, tensor(_order, int64)).narrow(1, 0, pairs) * (0.2 / entries_VD.std());
        Place(member.weight!, ordered_VD, pairs);
        var means_CD = cat([.. Enumerable.Range(0, _clusters).Select(c => ordered_VD.narrow(0, c * _members, Math.Min(_members, _order.Length - c * _members)).mean([0], keepdim: true))], 0);
        Place(cluster.weight!, means_CD, pairs);
    }

    private static void Place(Tensor target, Tensor source, long pairs)
    {
        target.narrow(1, 0, pairs).copy_(source);
        target.narrow(1, pairs, pairs).copy_(-source);
    }

    /// <exception cref="ConfigException">Tables of other sizes.</exception>
    public void Load(NeuralBookWeights real)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        Copy(embedding.weight!, tensor(real.Embeddings));
        foreach (var (layer, weights) in new[] { (input, real.Input), (middle, real.Middle), (cluster, real.Cluster), (member, real.Member) })
        {
            Copy(layer.weight!, tensor(weights.Weight));
            layer.bias!.copy_(tensor(weights.Bias));
        }
    }

    private static void Copy(Tensor target, Tensor source)
    {
        Require.That(target.shape.SequenceEqual(source.shape), "sizes of the tables to go on from",
            string.Join(" x ", target.shape), string.Join(" x ", source.shape));
        target.copy_(source);
    }

    public Tensor Embed(Tensor codes_NT) => embedding.forward(codes_NT);

    /// <summary>Mean negative log likelihood, in nats a code.</summary>
    /// <param name="context_NTX">The taps.</param>
    /// <param name="target_M">Codes, int64 [N * T].</param>
    /// <param name="dropout">Share of hidden units that are dropped.</param>
    public Tensor Loss(Tensor context_NTX, Tensor target_M, double dropout)
    {
        using var scope = NewDisposeScope();
        var hidden_MH = F.relu(input.forward(context_NTX.reshape(-1, context_NTX.shape[2])));
        if (dropout > 0)
            hidden_MH = F.dropout(hidden_MH, dropout);
        var second_MR = F.relu(middle.forward(hidden_MH));
        long[] codes = target_M.data<long>().ToArray();
        var clusters = codes.Select(code => (long)(_positions[code] / _members)).ToArray();
        var loss = F.cross_entropy(cluster.forward(second_MR), tensor(clusters), reduction: nn.Reduction.Sum);
        return ((loss + MemberLoss(second_MR, codes, clusters)) / codes.Length).MoveToOuterDisposeScope();
    }

    /// <summary>Which member of its cluster each code is: only the outputs of that cluster are computed.</summary>
    private Tensor MemberLoss(Tensor second_MR, long[] codes, long[] clusters)
    {
        var counts = new int[_clusters];
        foreach (var c in clusters)
            counts[c]++;
        var most = counts.Max();
        var rows = new long[_clusters * most];
        var targets = new long[rows.Length];
        Array.Fill(targets, Ignored);
        Array.Clear(counts);
        for (var i = 0; i < codes.Length; i++)
        {
            var place = clusters[i] * most + counts[clusters[i]]++;
            rows[place] = i;
            targets[place] = _positions[codes[i]] % _members;
        }
        var missing = _clusters * _members - _order.Length;
        var weight_CRS = F.pad(member.weight!, [0, 0, 0, missing]).view(_clusters, _members, -1).transpose(1, 2);
        var bias_C1S = F.pad(member.bias!, [0, missing], value: -1e4).view(_clusters, 1, _members);
        var chosen = second_MR.index_select(0, tensor(rows)).view(_clusters, most, -1);
        var logits = bmm(chosen, weight_CRS) + bias_C1S;
        return F.cross_entropy(logits.view(-1, _members), tensor(targets), reduction: nn.Reduction.Sum);
    }

    public NeuralBookWeights Weights()
        => new(Matrix(embedding.weight!), _order, _members, Layer(input), Layer(middle), Layer(cluster), Layer(member));

    private static LinearWeights Layer(Linear layer) => new(Matrix(layer.weight!), layer.bias!.data<float>().ToArray());

    internal static float[,] Matrix(Tensor weight)
    {
        var matrix = new float[weight.shape[0], weight.shape[1]];
        var values = weight.detach().cpu().contiguous().data<float>().ToArray();
        Buffer.BlockCopy(values, 0, matrix, 0, sizeof(float) * values.Length);
        return matrix;
    }
}
