using System.Text.Json;
using System.Text.RegularExpressions;
using Codec.Core;
using Codec.Speech.Patterns;

namespace Codec.Tests.Speech.Patterns;

/// <summary>The drawings of the patterns page are those of the code.</summary>
public sealed partial class PatternDrawingTests
{
    [GeneratedRegex(@"<!-- (?<spec>\{.*\}) (?<books>[^x]+)x(?<frames>\d+) -->\n```\n(?<drawing>[^`]*)```")]
    private static partial Regex Drawings { get; }

    [Fact]
    public void The_page_shows_what_the_code_does()
    {
        var page = File.ReadAllText(Path.Combine(SharedFolder.RepositoryRoot, "src", "Codec.Speech", "Patterns", "README.md"));
        var drawings = Drawings.Matches(page);
        Assert.Equal(12, drawings.Count);
        foreach (Match match in drawings)
        {
            var books = match.Groups["books"].Value;
            var specs = books.StartsWith("strides ", StringComparison.Ordinal)
                ? books[8..].Split(',').Select(s => new CodebookSpec(2, int.Parse(s))).ToArray()
                : Enumerable.Repeat(new CodebookSpec(2), int.Parse(books)).ToArray();
            var spec = JsonSerializer.Deserialize<PatternSpec>(match.Groups["spec"].Value)!;
            Assert.Equal(PatternDrawing.Draw(spec.Build(specs, int.Parse(match.Groups["frames"].Value))), match.Groups["drawing"].Value);
        }
    }
}
