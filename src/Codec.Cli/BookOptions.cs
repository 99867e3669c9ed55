using System.CommandLine;
using Codec.Audio;
using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Files;

namespace Codec.Cli;

/// <summary>--kbps or --books: how much of the codes is kept.</summary>
/// <param name="unasked">What the verb does where neither is given, for the help.</param>
internal sealed class BookOptions(string unasked = "")
{
    private readonly Option<double?> _kbps = new("--kbps") { Description = $"highest bit rate of all channels together, in kbit/s (about it in recordings beyond five minutes, where the model has a low band){unasked}", HelpName = "X" };
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

    /// <summary>--kbps, in bit/s; null where it was not given.</summary>
    public double? BitsPerSecond(ParseResult args) => args.GetValue(_kbps) * 1000;

    /// <summary>Whether one of them was given.</summary>
    public bool Given(ParseResult args) => args.GetValue(_kbps) is not null || args.GetValue(_books) is not null;

    /// <summary>Refuses before the first file what no file could be given.</summary>
    /// <param name="codec">Asked for only where an option was given.</param>
    /// <param name="nested">Whether the verb takes rates between whole books.</param>
    /// <exception cref="ConfigException">Nothing fits, not even for one channel.</exception>
    public void Check(ParseResult args, Func<CodecInfo> codec, bool nested = false)
    {
        if (!Given(args))
            return;
        if (nested)
            ChooseNested(args, codec(), channels: 1);
        else
            Choose(args, codec(), channels: 1);
    }

    /// <summary>As <see cref="Choose"/>, with rates between whole books where the codec and its tables know nested ones.</summary>
    /// <returns>What to keep; null for all.</returns>
    /// <exception cref="ConfigException">Nothing fits.</exception>
    public BookSelection? ChooseNested(ParseResult args, CodecInfo codec, int channels)
        => BitsPerSecond(args) is { } rate ? NestedFile.Fitting(codec, rate, channels, "--kbps")
            : Choose(args, codec, channels) is { } whole ? new BookSelection(whole) : null;

    /// <returns>Whole books to keep; null for all.</returns>
    /// <exception cref="ConfigException">Nothing fits.</exception>
    public int? Choose(ParseResult args, CodecInfo codec, int channels)
    {
        var (kbps, books) = (args.GetValue(_kbps), args.GetValue(_books));
        if (books is { } wanted)
        {
            Require.InRange(wanted, 1, codec.Books.Count, "--books");
            Require.That(LowbandBooks.Within(codec.Books, wanted) == wanted, "--books", $"at most {LowbandBooks.Before(codec.Books)} or all {codec.Books.Count}: a low band is not cut", wanted);
        }
        if (kbps is not { } limit)
            return books;
        var streams = (channels + codec.Channels - 1) / codec.Channels;
        var lowest = codec.BitsPerSecond(1) * streams / 1000;
        Require.That(limit >= lowest * 0.999, "--kbps", FormattableString.Invariant($"at least {lowest:0.###} ({codec.Name}, {channels} channel(s))"), limit);
        return Enumerable.Range(1, codec.Books.Count).Last(n => LowbandBooks.Within(codec.Books, n) == n && codec.BitsPerSecond(n) * streams / 1000 <= limit * 1.001);
    }
}
