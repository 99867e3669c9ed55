using System.CommandLine;
using System.Globalization;
using Codec.Audio;
using Codec.Core.Codecs;
using Codec.Core.Pretrained;
using Codec.Speech.Lm;
using Codec.Speech.Pretrained;
using Codec.Speech.Sampling;

namespace Codec.Cli.Verbs;

/// <summary><c>codec continue</c>: a recording and what a language model makes follow it.</summary>
internal sealed class ContinueVerb
{
    private readonly Argument<string> _input = new("IN") { Description = "audio file" };
    private readonly Option<string> _output = new("--output", "-o") { Description = "audio file", HelpName = "OUT", Required = true };
    private readonly Option<string?> _model = new("--lm") { Description = "speech language model that codec train has made; default: the bundled one", HelpName = "FILE" };
    private readonly Option<string?> _codec = new("--codec") { Description = "the codec whose tokens it knows; default: the bundled one", HelpName = "NAME|FILE" };
    private readonly Option<double> _seconds = new("--seconds") { Description = "length of the continuation", HelpName = "S", DefaultValueFactory = _ => 5 };
    private readonly Option<double> _temperature = new("--temperature") { Description = "0 = always the most probable token", HelpName = "T", DefaultValueFactory = _ => 1 };
    private readonly Option<int> _topK = new("--top-k") { Description = "most probable tokens considered; 0 = all", HelpName = "K", DefaultValueFactory = _ => 0 };
    private readonly Option<long> _seed = new("--seed") { Description = "one seed, one result", HelpName = "N", DefaultValueFactory = _ => 1 };
    private readonly Option<int?> _threads = new("--threads") { Description = "threads of libtorch", HelpName = "N" };
    private readonly CommandContext _context;

    private ContinueVerb(CommandContext context) => _context = context;

    public static Command Create(CommandContext context)
    {
        var verb = new ContinueVerb(context);
        var command = new Command("continue", "Go on where a recording ends.")
        {
            verb._input, verb._output, verb._model, verb._codec, verb._seconds, verb._temperature, verb._topK, verb._seed, verb._threads,
        };
        command.SetAction(verb.Run);
        return command;
    }

    private int Run(ParseResult args)
    {
        var output = new CommandOutput(_context.Terminal, json: false);
        var sampler = new SamplerConfig { Temperature = args.GetValue(_temperature), TopK = args.GetValue(_topK) }.Validate();
        var seconds = args.GetValue(_seconds);
        Require.InRange(seconds, 0.01, 3600, "--seconds");
        _context.UseTorch(args.GetValue(_threads));
        var recording = AudioFile.Read(args.GetValue(_input)!);
        using var codec = CodecCatalog.Load(PretrainedModels.Resolve(args.GetValue(_codec)));
        var (model, info) = SpeechLmFile.Load(args.GetValue(_model) ?? PretrainedLm.Path);
        using (model)
        {
            var seed = args.GetValue(_seed);
            output.Message(string.Create(CultureInfo.InvariantCulture,
                $"{model.parameters().Sum(p => p.numel()) / 1e6:F1} M parameters, codec {info.Codec}, seed {seed}, {TorchSharp.torch.get_num_threads()} threads"));
            var audio = new SpeechContinuer(codec, model, info).Continue(recording, TimeSpan.FromSeconds(seconds), sampler, (ulong)seed);
            AudioFile.Write(args.GetValue(_output)!, audio);
            output.Result(string.Create(CultureInfo.InvariantCulture,
                $"{args.GetValue(_output)}  {audio.Duration.TotalSeconds:F2} s, of which {seconds:F2} s are new"));
        }
        return ExitCode.Done;
    }
}
