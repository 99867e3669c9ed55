using Codec.Audio;

namespace Codec.Tests.Hostile;

/// <summary>What coverage-guided fuzzing (tests/Codec.Fuzz) kept: one input for every turn that the readers' code can take.</summary>
public sealed class CorpusTests
{
    [Theory]
    [InlineData("container")]
    [InlineData("coder")]
    [InlineData("range")]
    [InlineData("wav")]
    [InlineData("safetensors")]
    [InlineData("pickle")]
    [InlineData("torch")]
    [InlineData("ecdc")]
    [InlineData("tokens")]
    public void Every_input_is_read_or_refused(string target)
    {
        var folder = Path.Combine(SharedFolder.RepositoryRoot, "tests", "Codec.Tests", "Hostile", "Corpus", target);
        var corpus = (Directory.Exists(folder) ? Directory.EnumerateFiles(folder) : []).Select(path => (Name: Path.GetFileName(path), Bytes: File.ReadAllBytes(path)))
            .Concat(FuzzSeeds.Of(target).Select((bytes, i) => (Name: $"seed {i}", Bytes: bytes))).ToList();
        Assert.True(corpus.Count > 10, $"{corpus.Count} inputs in {folder}");
        foreach (var (name, bytes) in corpus)
            try
            {
                FuzzTargets.All[target](bytes);
            }
            catch (Exception e) when (FuzzTargets.IsRefusal(e))
            {
                Assert.False(name.StartsWith("seed", StringComparison.Ordinal) && target is not ("coder" or "pickle"), $"{target}: {name} is a valid file and was refused: {e.Message}");
            }
            catch (Exception e)
            {
                Assert.Fail($"{target}: {name}: {e}");
            }
    }

    /// <summary>Found by fuzzing.</summary>
    [Fact]
    public void Items_for_nothing_and_line_ends_in_names_are_refused_in_one_line()
    {
        var items = Record.Exception(() => FuzzTargets.All["pickle"](Convert.FromHexString("80024E4B014B02732E")));
        Assert.True(items is not null && FuzzTargets.IsRefusal(items), $"{items}");
        Assert.DoesNotContain('\n', new CodecException("an entry called a\nb\u001b[2J").Message);
    }
}
