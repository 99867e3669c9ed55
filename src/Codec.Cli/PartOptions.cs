using System.CommandLine;
using System.Globalization;
using Codec.Audio;
using Codec.Core.Files;

namespace Codec.Cli;

/// <summary>--from and --to: a part of a recording.</summary>
internal sealed class PartOptions
{
    private readonly Option<string?> _from = new("--from") { Description = "where to start: seconds, M:S or H:M:S", HelpName = "TIME" };
    private readonly Option<string?> _to = new("--to") { Description = "where to end; by default the end", HelpName = "TIME" };

    public void AddTo(Command command)
    {
        command.Add(_from);
        command.Add(_to);
        command.Validators.Add(result =>
        {
            foreach (var option in new[] { _from, _to })
                if (result.GetResult(option) is { } given && !given.Errors.Any() && result.GetValue(option) is { } text && Parse(text) is null)
                    result.AddError($"{option.Name}: expected seconds, M:S or H:M:S, found {text}");
            if (Read(result.GetValue(_from)) is { } from && Read(result.GetValue(_to)) is { } to && to <= from)
                result.AddError($"--to: expected more than --from ({result.GetValue(_from)}), found {result.GetValue(_to)}");
        });
    }

    /// <returns>Null where everything is wanted.</returns>
    public TimeRange? Of(ParseResult args)
    {
        var (from, to) = (Read(args.GetValue(_from)), Read(args.GetValue(_to)));
        return from is null && to is null ? null : new TimeRange(from ?? TimeSpan.Zero, to ?? TimeSpan.MaxValue);
    }

    /// <summary>Seconds with fraction, minutes:seconds or hours:minutes:seconds; null for anything else.</summary>
    internal static TimeSpan? Parse(string text)
    {
        var parts = text.Split(':');
        if (parts.Length > 3)
            return null;
        decimal seconds = 0;
        for (var i = 0; i < parts.Length; i++)
        {
            var style = i == parts.Length - 1 ? NumberStyles.AllowDecimalPoint : NumberStyles.None;
            // Only the first part may be larger than a clock shows.
            if (!decimal.TryParse(parts[i], style, CultureInfo.InvariantCulture, out var value) || (i > 0 && value >= 60) || value > 100_000_000)
                return null;
            seconds = seconds * 60 + value;
        }
        return TimeSpan.FromTicks((long)(seconds * TimeSpan.TicksPerSecond));
    }

    private static TimeSpan? Read(string? text) => text is null ? null : Parse(text);
}
