using Codec.Benchmarks;

return args switch
{
    ["table", ..] => TableBenchmark.Run(args[1..]),
    ["lm", ..] => LmBenchmark.Run(args[1..]),
    ["metrics", _, ..] => MetricBenchmark.Run(args[1..]),
    ["reference", var folder, ..] => ReferenceTable.Run(folder, args.ElementAtOrDefault(2) ?? ""),
    ["training", ..] => TrainingBenchmark.Run(args[1..]),
    ["conv"] => ConvBenchmark.Run(),
    ["snake", ..] => SnakeBenchmark.Run(args[1..]),
    _ => CodecBenchmark.Run(args),
};
