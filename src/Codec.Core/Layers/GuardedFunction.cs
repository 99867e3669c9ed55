using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Layers;

/// <summary>Gradients by own nodes, see <see cref="GuardedFunction{T}"/>.</summary>
public static class GuardedFunction
{
    private static Exception? _fault; // one for all threads: libtorch may go backwards on another

    /// <summary>The gradients of a loss.</summary>
    /// <param name="loss">Scalar.</param>
    /// <param name="of">What they are of; those that the loss does not depend on get null.</param>
    /// <param name="retainGraph">Whether the graph is asked again.</param>
    /// <exception cref="InvalidOperationException">The backward pass of an own node failed; the message says why.</exception>
    public static IReadOnlyList<Tensor?> Gradients(Tensor loss, IList<Tensor> of, bool retainGraph = false)
    {
        var gradients = autograd.grad([loss], of, retain_graph: retainGraph, allow_unused: true);
        if (Interlocked.Exchange(ref _fault, null) is { } fault)
            throw new InvalidOperationException(fault.Message, fault);
        return [.. gradients.Select(gradient => gradient is null || gradient.IsInvalid ? null : gradient)];
    }

    internal static void Keep(Exception fault) => Interlocked.CompareExchange(ref _fault, fault, null);
}

/// <summary>
/// A node of the graph whose exceptions reach whoever built the graph or asked for gradients. libtorch calls both passes, and what is thrown through its frames
/// ends the process; here it is kept until libtorch has returned.
/// </summary>
/// <typeparam name="T">The node itself.</typeparam>
public abstract class GuardedFunction<T> : autograd.SingleTensorFunction<T> where T : GuardedFunction<T>, new()
{
    [ThreadStatic]
    private static Exception? _fault;

    private long[]?[] _shapes = [];

    /// <exception cref="InvalidOperationException">The forward pass failed; the message says why.</exception>
    public static new Tensor apply(params object[] inputs)
    {
        var result = autograd.SingleTensorFunction<T>.apply(inputs);
        if (_fault is not { } fault)
            return result;
        _fault = null;
        result.Dispose();
        throw new InvalidOperationException($"{typeof(T).Name}: {fault.Message}", fault);
    }

    public sealed override Tensor forward(autograd.AutogradContext context, params object[] inputs)
    {
        _shapes = [.. inputs.Select(input => (input as Tensor)?.shape)];
        try
        {
            return Forward(context, inputs);
        }
        catch (Exception e)
        {
            _fault = e;
            return empty(0);
        }
    }

    public sealed override List<Tensor> backward(autograd.AutogradContext context, Tensor gradient)
    {
        try
        {
            return Backward(context, gradient);
        }
        catch (Exception e)
        {
            GuardedFunction.Keep(new InvalidOperationException($"{typeof(T).Name}: {e.Message}", e));
            return [.. _shapes.Select(shape => shape is null ? null! : zeros(shape))]; // fitting: libtorch would end the process over any other
        }
    }

    /// <summary>The forward pass.</summary>
    protected abstract Tensor Forward(autograd.AutogradContext context, object[] inputs);

    /// <summary>Gradients of all inputs.</summary>
    protected abstract List<Tensor> Backward(autograd.AutogradContext context, Tensor gradient);
}
