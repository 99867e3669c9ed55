namespace Codec.Audio;

/// <summary>Puts a finished file in place of its temporary.</summary>
internal sealed class FileWriter(AtomicFile file, AudioWriter writer) : AudioWriter
{
    public override int SampleRate => writer.SampleRate;

    public override int Channels => writer.Channels;

    public override void Write(ReadOnlySpan<float> interleaved) => writer.Write(interleaved);

    public override void Complete()
    {
        writer.Complete();
        file.Commit();
    }

    protected override void Dispose(bool disposing)
    {
        writer.Dispose();
        file.Dispose();
    }
}
