using Codec.Audio;

namespace Codec.Tests.Audio;

public sealed class AtomicFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("codec-atomic").FullName;

    private string Target => Path.Combine(_folder, "out.bin");

    [Fact]
    public void A_file_appears_only_with_the_commit()
    {
        using (var file = new AtomicFile(Target))
        {
            file.Stream.Write([1, 2, 3]);
            Assert.False(File.Exists(Target));
            file.Commit();
        }
        Assert.Equal([1, 2, 3], File.ReadAllBytes(Target));
        Assert.Single(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void Without_commit_nothing_is_left_and_the_old_file_stays()
    {
        File.WriteAllText(Target, "old");
        Assert.Throws<InvalidDataException>(() => AtomicFile.Write(Target, s =>
        {
            s.Write(new byte[100000]);
            throw new InvalidDataException();
        }));
        Assert.Equal("old", File.ReadAllText(Target));
        Assert.Single(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void An_existing_file_is_only_replaced_on_request()
    {
        File.WriteAllText(Target, "old");
        Assert.Equal($"{Target}: exists already", Assert.Throws<OutputFileException>(() => new AtomicFile(Target, overwrite: false)).Message);
        AtomicFile.Write(Target, s => s.Write("new"u8));
        Assert.Equal("new", File.ReadAllText(Target));
    }

    [Fact]
    public void A_file_that_appears_meanwhile_is_not_replaced()
    {
        using (var file = new AtomicFile(Target, overwrite: false))
        {
            File.WriteAllText(Target, "theirs");
            Assert.EndsWith("exists already", Assert.Throws<OutputFileException>(file.Commit).Message);
        }
        Assert.Equal("theirs", File.ReadAllText(Target));
        Assert.Single(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void Impossible_places_are_one_clear_line()
    {
        Assert.EndsWith("its folder does not exist", Assert.Throws<OutputFileException>(() => new AtomicFile(Path.Combine(_folder, "no", "x"))).Message);
        Assert.EndsWith("is a folder", Assert.Throws<OutputFileException>(() => new AtomicFile(_folder)).Message);
    }

    [Fact]
    public void Links_are_followed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege");
        var link = Path.Combine(_folder, "link");
        File.WriteAllText(Target, "old");
        File.CreateSymbolicLink(link, Target);
        AtomicFile.Write(link, s => s.Write("new"u8));
        Assert.Equal(Target, new FileInfo(link).LinkTarget);
        Assert.Equal("new", File.ReadAllText(Target));
    }

    [Fact]
    public void A_full_disk_names_the_file_that_was_asked_for()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "/dev/full is absent");
        using var file = new AtomicFile("/dev/full");
        var e = Assert.Throws<OutputFileException>(() =>
        {
            file.Stream.Write(new byte[1 << 20]);
            file.Commit();
        });
        Assert.Equal("/dev/full: No space left on device", e.Message);
    }

    [Fact]
    public void Audio_on_a_full_disk_is_the_same_line_whatever_writes_it()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "/dev/full is absent");
        var audio = new AudioBuffer(new float[100000], 16000);
        Assert.Equal("/dev/full: No space left on device", Assert.Throws<OutputFileException>(() => AudioFile.Write("/dev/full", audio, AudioFormat.Wav)).Message);
    }

    [Fact]
    public void Devices_are_written_in_place()
    {
        Assert.SkipUnless(File.Exists("/dev/null"), "/dev/null is absent");
        AudioFile.Write("/dev/null", new AudioBuffer(new float[1000], 16000), AudioFormat.Wav);
        Assert.True(File.Exists("/dev/null"));
    }

    public void Dispose() => Directory.Delete(_folder, true);
}
