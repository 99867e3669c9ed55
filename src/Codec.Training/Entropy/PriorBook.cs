using Codec.Audio;
using Codec.Core.Bitstream.Prediction;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Training.Entropy;

/// <summary>
/// The network of one book (<see cref="NeuralBookWeights"/>) in floating point, with its gradients written out: the layers are
/// small, so most of the time of an automatic backward pass would go into copies and calls.
/// </summary>
internal sealed class PriorBook : IDisposable
{
    private readonly Parameter _embedding;
    private readonly Layer _input, _middle, _cluster, _member;
    private readonly int[] _order;
    private readonly int[] _positions;
    private readonly int _members;

    /// <param name="order">Codes in the order of their clusters.</param>
    /// <param name="taps">Embedding vectors that the network sees.</param>
    /// <param name="config">Sizes.</param>
    public PriorBook(int[] order, int taps, NeuralPriorConfig config)
    {
        _order = order;
        _positions = new int[order.Length];
        for (var position = 0; position < order.Length; position++)
            _positions[order[position]] = position;
        _members = NeuralPrior.MembersFor(order.Length);
        _embedding = Zeroed(nn.Parameter(randn(order.Length, config.Width) * 0.3));
        _input = new Layer(taps * config.Width, config.Hidden);
        _middle = new Layer(config.Hidden, config.Rank);
        _cluster = new Layer(config.Rank, (order.Length + _members - 1) / _members);
        _member = new Layer(config.Rank, order.Length);
    }

    /// <summary>Parameters with gradients that are there from the start.</summary>
    public IEnumerable<(string Name, Parameter Weight)> Parameters =>
    [
        ("embedding", _embedding), ("input.weight", _input.Weight), ("input.bias", _input.Bias), ("middle.weight", _middle.Weight), ("middle.bias", _middle.Bias),
        ("cluster.weight", _cluster.Weight), ("cluster.bias", _cluster.Bias), ("member.weight", _member.Weight), ("member.bias", _member.Bias),
    ];

    /// <summary>Embeddings of codes, one after another.</summary>
    public float[] Embed(int[] codes)
    {
        ReadOnlySpan<float> table = _embedding.Floats();
        var width = (int)_embedding.shape[1];
        var vectors = new float[codes.Length * width];
        for (var m = 0; m < codes.Length; m++)
            table.Slice(codes[m] * width, width).CopyTo(vectors.AsSpan(m * width));
        return vectors;
    }

    /// <summary>Adds the gradient of <see cref="Embed"/> to that of the embeddings.</summary>
    public void EmbedBackward(int[] codes, float[] gradient)
    {
        var table = _embedding.grad!.Floats();
        var width = (int)_embedding.shape[1];
        for (var m = 0; m < codes.Length; m++)
            FloatRows.AddScaled(table.Slice(codes[m] * width, width), gradient.AsSpan(m * width, width), 1);
    }

    /// <summary>Embeddings start as the codebook's entries, outputs as its entries against pairs of opposite hidden units.</summary>
    /// <param name="codebook">[V, D'].</param>
    /// <param name="unit">Scale of the embeddings.</param>
    public void Initialize(float[,] codebook, float unit)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var entries_VD = tensor(codebook);
        var width = Math.Min(_embedding.shape[1], entries_VD.shape[1]);
        _embedding.narrow(1, 0, width).copy_(entries_VD.narrow(1, 0, width) * unit);
        var pairs = Math.Min(_middle.Weight.shape[0] / 2, entries_VD.shape[1]);
        _middle.Weight.narrow(0, pairs, pairs).copy_(-_middle.Weight.narrow(0, 0, pairs));
        _middle.Bias.zero_();
        var ordered_VD = entries_VD.index_select(0, tensor(_order, int64)).narrow(1, 0, pairs) * (0.2 / entries_VD.std());
        Place(_member.Weight, ordered_VD, pairs);
        Place(_cluster.Weight, cat([.. Enumerable.Range(0, _cluster.Rows).Select(c =>
            ordered_VD.narrow(0, c * _members, Math.Min(_members, _order.Length - c * _members)).mean([0], keepdim: true))], 0), pairs);
    }

    private static void Place(Tensor target, Tensor source, long pairs)
    {
        target.narrow(1, 0, pairs).copy_(source);
        target.narrow(1, pairs, pairs).copy_(-source);
    }

    /// <summary>Takes over trained weights: all, or the hidden layers only.</summary>
    /// <param name="real">The weights.</param>
    /// <param name="all">False: the hidden layers only.</param>
    /// <param name="inputScale">Factor of the weights that read embeddings.</param>
    /// <exception cref="ConfigException">Tables of other sizes.</exception>
    public void Load(NeuralBookWeights real, bool all, float inputScale)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (layer, weights) in new[] { (_input, real.Input), (_middle, real.Middle), (_cluster, real.Cluster), (_member, real.Member) }[..(all ? 4 : 2)])
        {
            Copy(layer.Weight, tensor(weights.Weight));
            Copy(layer.Bias, tensor(weights.Bias));
        }
        _input.Weight.mul_(inputScale);
        if (all)
            Copy(_embedding, tensor(real.Embeddings));
    }

    private static void Copy(Tensor target, Tensor source)
    {
        Require.That(target.shape.SequenceEqual(source.shape), "sizes of the tables to go on from",
            string.Join(" x ", target.shape), string.Join(" x ", source.shape));
        target.copy_(source);
    }

    /// <summary>Negative log likelihood of codes; adds its gradient to the parameters' gradients.</summary>
    /// <param name="context_MX">The taps.</param>
    /// <param name="codes">[M].</param>
    /// <param name="dropout">Share of units of the first hidden layer that are dropped.</param>
    /// <param name="nats">Mean over the codes.</param>
    /// <returns>The gradient of the mean for the taps. [M, X].</returns>
    public Tensor Backward(Tensor context_MX, int[] codes, double dropout, out double nats)
    {
        using var scope = NewDisposeScope();
        var first_MH = _input.Forward(context_MX).relu_();
        if (dropout > 0)
            first_MH = nn.functional.dropout(first_MH, dropout, training: true);
        var second_MR = _middle.Forward(first_MH).relu_();
        var clusters_MC = _cluster.Forward(second_MR);
        var share = 1f / codes.Length;
        var sum = 0.0;
        var logits = clusters_MC.Floats();
        for (var m = 0; m < codes.Length; m++)
            sum += FloatRows.SoftmaxGradient(logits.Slice(m * _cluster.Rows, _cluster.Rows), _positions[codes[m]] / _members, share);
        var gradient_MR = _cluster.Backward(second_MR, clusters_MC);
        sum += MemberBackward(second_MR.Floats(), gradient_MR.Floats(), codes, share);
        FloatRows.Mask(gradient_MR.Floats(), second_MR.Floats());
        var gradient_MH = _middle.Backward(first_MH, gradient_MR);
        if (dropout > 0)
            gradient_MH.mul_(1 / (1 - dropout));
        FloatRows.Mask(gradient_MH.Floats(), first_MH.Floats());
        nats = sum / codes.Length;
        return _input.Backward(context_MX, gradient_MH).MoveToOuterDisposeScope();
    }

    /// <summary>Which member of its cluster each code is: only the outputs of that cluster are computed.</summary>
    private double MemberBackward(ReadOnlySpan<float> second_MR, Span<float> gradient_MR, int[] codes, float share)
    {
        var rank = (int)_member.Weight.shape[1];
        Span<float> weight = _member.Weight.Floats(), bias = _member.Bias.Floats(), weightGradient = _member.Weight.grad!.Floats(), biasGradient = _member.Bias.grad!.Floats();
        Span<float> logits = stackalloc float[_members];
        var sum = 0.0;
        for (var m = 0; m < codes.Length; m++)
        {
            var first = _positions[codes[m]] / _members * _members;
            var own = logits[..Math.Min(_members, _order.Length - first)];
            var x = second_MR.Slice(m * rank, rank);
            var gradient = gradient_MR.Slice(m * rank, rank);
            for (var i = 0; i < own.Length; i++)
                own[i] = bias[first + i] + FloatRows.Dot(weight.Slice((first + i) * rank, rank), x);
            sum += FloatRows.SoftmaxGradient(own, _positions[codes[m]] - first, share);
            for (var i = 0; i < own.Length; i++)
            {
                FloatRows.AddScaled(gradient, weight.Slice((first + i) * rank, rank), own[i]);
                FloatRows.AddScaled(weightGradient.Slice((first + i) * rank, rank), x, own[i]);
                biasGradient[first + i] += own[i];
            }
        }
        return sum;
    }

    public NeuralBookWeights Weights()
        => new(Matrix(_embedding), _order, _members, _input.Weights(), _middle.Weights(), _cluster.Weights(), _member.Weights());

    public void Dispose()
    {
        foreach (var (_, parameter) in Parameters)
        {
            parameter.grad?.Dispose();
            parameter.Dispose();
        }
    }

    internal static float[,] Matrix(Tensor weight)
    {
        var matrix = new float[weight.shape[0], weight.shape[1]];
        weight.Floats().CopyTo(System.Runtime.InteropServices.MemoryMarshal.CreateSpan(ref matrix[0, 0], matrix.Length));
        return matrix;
    }

    /// <summary>A parameter whose gradient is there from the start, as zeros.</summary>
    private static Parameter Zeroed(Parameter parameter)
    {
        parameter.grad = zeros_like(parameter).DetachFromDisposeScope();
        return (Parameter)parameter.DetachFromDisposeScope();
    }

    /// <summary>y = x W^T + b.</summary>
    private sealed class Layer
    {
        public Layer(long columns, long rows)
        {
            var range = 1 / Math.Sqrt(columns);
            Weight = Zeroed(nn.Parameter((rand(rows, columns) * 2 - 1) * range));
            Bias = Zeroed(nn.Parameter(zeros(rows)));
        }

        public Parameter Weight { get; }

        public Parameter Bias { get; }

        public int Rows => (int)Weight.shape[0];

        public Tensor Forward(Tensor x) => addmm(Bias, x, Weight.t(), 1, 1);

        /// <summary>Adds to the gradients and returns that of x.</summary>
        public Tensor Backward(Tensor x, Tensor gradient)
        {
            Weight.grad!.addmm_(gradient.t(), x, 1, 1);
            Bias.grad!.add_(gradient.sum(dim: 0));
            return gradient.mm(Weight);
        }

        public LinearWeights Weights() => new(Matrix(Weight), Bias.Floats().ToArray());
    }
}
