using Codec.Benchmarks;

return args switch
{
    ["lm", ..] => LmBenchmark.Run(args[1..]),
    ["snake", ..] => SnakeBenchmark.Run(args[1..]),
    ["native", ..] => Native(args),
    _ => CodecBenchmark.Run(args),
};

static int Native(string[] args)
{
    Codec.Core.Runtime.TorchRuntime.Initialize(new());
    NativeBenchmark.Run(args.Length > 1 ? args[1] : null, 20, 5);
    return 0;
}
