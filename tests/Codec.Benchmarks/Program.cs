using Codec.Benchmarks;

return args switch
{
    ["lm", ..] => LmBenchmark.Run(args[1..]),
    ["snake", ..] => SnakeBenchmark.Run(args[1..]),
    _ => CodecBenchmark.Run(args),
};
