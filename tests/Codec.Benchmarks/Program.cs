using Codec.Benchmarks;

return args switch
{
    ["table", ..] => TableBenchmark.Run(args[1..]),
    ["lm", ..] => LmBenchmark.Run(args[1..]),
    ["metrics", _, ..] => MetricBenchmark.Run(args[1..]),
    ["snake", ..] => SnakeBenchmark.Run(args[1..]),
    _ => CodecBenchmark.Run(args),
};
