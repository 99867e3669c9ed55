using System.Globalization;

namespace Codec.Benchmarks;

/// <summary>A line of the table.</summary>
/// <param name="What">Was measured.</param>
/// <param name="Ours">In <paramref name="Unit"/>.</param>
/// <param name="Unit">Of both figures.</param>
/// <param name="Operators">The same by the operators of libtorch, in the same run.</param>
/// <param name="Peer">Key of <see cref="PyTorchPeers.Find"/>; "" where PyTorch has nothing to compare.</param>
/// <param name="Note">What was checked.</param>
internal sealed record TableRow(string What, double Ours, string Unit, double? Operators = null, string Peer = "", string Note = "")
{
    public const string Times = "x real time";

    /// <summary>The heads of the columns.</summary>
    public static string Head(string peers)
        => $"| what | ours | libtorch's operators | ratio | {peers} | ratio | |\n|---|---|---|---|---|---|---|";

    /// <summary>As Markdown.</summary>
    /// <param name="peer">What PyTorch reaches, if it was there.</param>
    public string Markdown(double? peer)
        => $"| {What} | {Number(Ours)} {Unit} | {Number(Operators)} | {Number(Ours / Operators)} | {Number(peer)} | {Number(Ours / peer)} | {Note} |";

    /// <summary>Three digits.</summary>
    private static string Number(double? value) => value is not { } number ? "" : number.ToString(number switch { >= 100 => "0", >= 10 => "0.0", _ => "0.00" }, CultureInfo.InvariantCulture);
}
