#:project ../src/Codec.Core/Codec.Core.csproj
#:property UsesLibTorch=true
#:property PublishAot=false

// Encode and decode frame by frame, as a call or a server does:  dotnet run samples/stream.cs

using System.Runtime.CompilerServices;
using Codec.Audio;
using Codec.Core;
using Codec.Core.Codecs;
using Codec.Core.Pretrained;
using Codec.Core.Runtime;
using static TorchSharp.torch;

TorchRuntime.Initialize(new TorchRuntimeOptions());
using var codec = CodecCatalog.Load(PretrainedModels.Resolve(null));
var info = codec.Info;
var speech = AudioFile.Read(Path.Combine(Here(), "../audio-fixtures/speech.wav")).ToMono();
var samples = Resampler.Resample(speech, info.SampleRate).Channel(0);

// Weights are shared by all streams: what one of them remembers is in its states.
using var sender = new StreamState();
using var receiver = new StreamState();
var streamed = new List<float>();
var bits = 0.0;
for (var start = 0; start + info.HopLength <= samples.Length; start += info.HopLength)
{
    using var scope = NewDisposeScope();
    using var frame_BCS = tensor(samples.AsSpan(start, info.HopLength).ToArray()).reshape(1, 1, info.HopLength);
    var codes = codec.Encode(frame_BCS, state: sender);
    bits += codes.Specs.Sum(book => book.BitsPerCode / book.Stride) * codes.Frames;
    streamed.AddRange(codec.Decode(codes, state: receiver).data<float>());
}
var delay = info.DelaySamples;
Console.WriteLine($"{streamed.Count / info.HopLength} frames of {1000 / info.FrameRate:0} ms, {bits / 8:0} bytes of codes, {1000.0 * delay / info.SampleRate:0} ms delay");

// The same in one call. An offline call removes the delay; apart from rounding the samples are the same.
using var whole = tensor(samples).reshape(1, 1, -1);
using var decoded = codec.Decode(codec.Encode(whole), samples.Length);
var offline = decoded.data<float>().ToArray();
var difference = streamed.Skip(delay).Zip(offline, (a, b) => Math.Abs(a - b)).Max();
Console.WriteLine($"largest difference from one offline call: {difference:E1}");

static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
