return args is ["lm", ..] ? Codec.Benchmarks.LmBenchmark.Run(args[1..]) : Codec.Benchmarks.CodecBenchmark.Run(args);
