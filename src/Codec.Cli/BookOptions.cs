using System.CommandLine;
using Codec.Audio;
using Codec.Core;

namespace Codec.Cli;

/// <summary>--kbps or --books: how much of the codes is kept.</summary>
internal sealed class BookOptions
{
    private readonly Option<double?> _kbps = new("--kbps") { Description = "highest bit rate of all channels together, in kbit/s", HelpName = "X" };
    private readonly Option<int?> _books = new("--books") { Description = "codebooks to keep, coarse first", HelpName = "N" };

    public void AddTo(Command command)
    {
        command.Add(_kbps);
        command.Add(_books);
        command.Validators.Add(result =>
        {
            if (result.GetResult(_kbps) is not null && result.GetResult(_books) is not null)
                result.AddError("--kbps and --books: give one of them");
        });
    }

    /// <summary>Refuses before the first file what no file could be given.</summary>
    /// <param name="codec">Asked for only where an option was given.</param>
    /// <exception cref="ConfigException">Nothing fits, not even for one channel.</exception>
    public void Check(ParseResult args, Func<CodecInfo> codec)
    {
        if (args.GetValue(_kbps) is not null || args.GetValue(_books) is not null)
            Choose(args, codec(), channels: 1);
    }

    /// <returns>Books to keep; null for all.</returns>
    /// <exception cref="ConfigException">Nothing fits.</exception>
    public int? Choose(ParseResult args, CodecInfo codec, int channels)
    {
        var (kbps, books) = (args.GetValue(_kbps), args.GetValue(_books));
        if (books is { } wanted)
            Require.InRange(wanted, 1, codec.Books.Count, "--books");
        if (kbps is not { } limit)
            return books;
        var streams = (channels + codec.Channels - 1) / codec.Channels;
        var lowest = codec.BitsPerSecond(1) * streams / 1000;
        Require.That(limit >= lowest * 0.999, "--kbps", FormattableString.Invariant($"at least {lowest:0.###} ({codec.Name}, {channels} channel(s))"), limit);
        return Enumerable.Range(1, codec.Books.Count).Last(n => codec.BitsPerSecond(n) * streams / 1000 <= limit * 1.001);
    }
}
