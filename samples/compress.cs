#:project ../src/Codec.Core/Codec.Core.csproj
#:property UsesLibTorch=true
#:property PublishAot=false

// Compress a recording with the bundled model and get it back:  dotnet run samples/compress.cs [recording] [restored.wav]

using System.Runtime.CompilerServices;
using Codec.Audio;
using Codec.Core.Bitstream;
using Codec.Core.Codecs;
using Codec.Core.Files;
using Codec.Core.Pretrained;
using Codec.Core.Runtime;

var input = args.Length > 0 ? args[0] : Path.Combine(Here(), "../audio-fixtures/speech.wav");
var output = args.Length > 1 ? args[1] : Path.Combine(Path.GetTempPath(), "restored.wav");

TorchRuntime.Initialize(new TorchRuntimeOptions());
using var codec = CodecCatalog.Load(PretrainedModels.Resolve(null));

using var compressed = new MemoryStream();
using (var audio = AudioFile.OpenRead(input))
{
    var report = RatedFile.Compress(audio, codec, compressed); // bitsPerSecond: 1500 for smaller ones
    Console.WriteLine($"{report.Seconds:0.00} s of audio -> {report.Bytes} bytes, {report.KilobitsPerSecond:0.00} kbit/s, 1/{report.Ratio:0} of 16-bit PCM");
}

compressed.Position = 0;
using var file = new CodecFileReader(compressed);
using (var audio = AudioFile.OpenWrite(output, file.Header.OriginalRate, file.Header.Channels, overwrite: true))
{
    CodecFile.Decompress(file, codec, audio);
    audio.Complete();
}
Console.WriteLine($"{file.Samples} samples at {file.Header.OriginalRate} Hz -> {output}");

static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
