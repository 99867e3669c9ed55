using Codec.Core;
using Codec.Core.Codecs.Native;
using Codec.Core.Layers;
using Codec.Speech.Repair;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Speech.Repair;

/// <summary>A tiny codec with a tiny repair model, both random: what a model says must not depend on its being right.</summary>
internal sealed class SmallRepair : IDisposable
{
    public SmallRepair(RepairKind kind, int seed = 1)
    {
        Codec = (NativeCodec)new NativeFamily().CreateTiny(seed);
        manual_seed(seed);
        Model = RepairModel.Create(new RepairConfig
        {
            Kind = kind, LatentDim = Codec.Model.Config.LatentDim, Books = Codec.Info.Books.Count,
            Dim = 16, Layers = 2, Heads = 2, Hidden = 16, Past = 5, Future = kind == RepairKind.Masked ? 5 : 0,
        });
        using var mode = no_grad();
        foreach (var (name, weight) in Model.named_parameters())
            if (name == "head.weight")
                nn.init.normal_(weight, 0, 0.3); // a new model's head is zero: it would repair nothing
        Model.eval();
        Repair = new LatentRepair(Codec, Model);
    }

    public NativeCodec Codec { get; }

    public RepairModel Model { get; }

    public LatentRepair Repair { get; }

    public Codes Draw(int frames, int seed, int? books = null)
    {
        var random = new Random(seed);
        var specs = Codec.Info.Books.Take(books ?? Codec.Info.Books.Count).ToArray();
        return new Codes(specs, [.. specs.Select(book => new[] { Enumerable.Range(0, frames).Select(_ => random.Next(book.Size)).ToArray() })], frames);
    }

    public static int[][] Numbers(Codes codes) => [.. Enumerable.Range(0, codes.Books).Select(k => codes[k].ToArray())];

    public void Dispose()
    {
        Model.Dispose();
        Codec.Dispose();
    }
}
