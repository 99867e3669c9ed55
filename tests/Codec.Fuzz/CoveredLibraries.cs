using System.Reflection;
using System.Runtime.Loader;

namespace Codec.Fuzz;

/// <summary>Our libraries with a counter on every branch (SharpFuzz writes them as afl does), beside the untouched ones.</summary>
internal sealed class CoveredLibraries : AssemblyLoadContext
{
    private static readonly string[] Instrumented = ["Codec.Audio", "Codec.Core"];
    private readonly string _folder;

    private CoveredLibraries(string folder) => _folder = folder;

    /// <summary>This program over instrumented libraries.</summary>
    public static Assembly Load()
    {
        var folder = Directory.CreateTempSubdirectory("codec-fuzz").FullName;
        foreach (var name in Instrumented.Append("Codec.Fuzz"))
            File.Copy(Path.Combine(AppContext.BaseDirectory, name + ".dll"), Path.Combine(folder, name + ".dll"));
        foreach (var name in Instrumented)
            SharpFuzz.Fuzzer.Instrument(Path.Combine(folder, name + ".dll"), _ => true, SharpFuzz.Options.Value);
        return new CoveredLibraries(folder).LoadFromAssemblyPath(Path.Combine(folder, "Codec.Fuzz.dll"));
    }

    protected override Assembly? Load(AssemblyName assemblyName)
        => Instrumented.Contains(assemblyName.Name) ? LoadFromAssemblyPath(Path.Combine(_folder, assemblyName.Name + ".dll")) : null;
}
