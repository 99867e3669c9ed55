using System;
using System.Collections.Generic;
using System.IO;
using System.Text;

/// <summary>
/// The symbol versions that an ELF library demands of others (section .gnu.version_r; "Linux Standard Base Core",
/// symbol versioning). TorchSharp's libLibTorchSharp.so demands GLIBCXX_3.4.32 for one symbol that no relocation uses, and
/// Debian 12 and Ubuntu 22.04 end at 3.4.30: the loader refuses the library. A demand that is flagged weak is not fatal.
/// Compiled by MSBuild's inline task factory (against .NET Standard 2.0) and by the tests.
/// </summary>
public static class ElfVersionNeeds
{
    /// <summary>VER_FLG_WEAK.</summary>
    public const ushort Weak = 2;

    private const uint SectionTypeVersionNeed = 0x6ffffffe;
    private const int FlagsOffset = 4, NameOffset = 8, NextOffset = 12;

    /// <summary>Every demanded version with its flags.</summary>
    /// <exception cref="InvalidDataException">No 64-bit little-endian ELF file, or a damaged one.</exception>
    public static Dictionary<string, ushort> Flags(byte[] elf)
    {
        var flags = new Dictionary<string, ushort>();
        foreach (var need in Entries(elf))
            flags[need.Value] = BitConverter.ToUInt16(elf, need.Key + FlagsOffset);
        return flags;
    }

    /// <summary>Flags the demand for one version as weak, in memory.</summary>
    /// <returns>False where the library demands no such version, or already weakly.</returns>
    /// <exception cref="InvalidDataException">No 64-bit little-endian ELF file, or a damaged one.</exception>
    public static bool Weaken(byte[] elf, string version)
    {
        var changed = false;
        foreach (var need in Entries(elf))
        {
            if (need.Value != version || (elf[need.Key + FlagsOffset] & Weak) != 0)
                continue;
            elf[need.Key + FlagsOffset] |= (byte)Weak;
            changed = true;
        }
        return changed;
    }

    /// <summary>Offset of every vernaux record, with the version that it names.</summary>
    private static List<KeyValuePair<int, string>> Entries(byte[] elf)
    {
        var entries = new List<KeyValuePair<int, string>>();
        try
        {
            if (BitConverter.ToUInt32(elf, 0) != 0x464c457f || elf[4] != 2 || elf[5] != 1)
                throw new InvalidDataException("expected a 64-bit little-endian ELF file");
            var sections = checked((int)BitConverter.ToInt64(elf, 0x28));
            int sectionSize = BitConverter.ToUInt16(elf, 0x3a), count = BitConverter.ToUInt16(elf, 0x3c);
            for (var s = 0; s < count; s++)
            {
                var header = sections + s * sectionSize;
                if (BitConverter.ToUInt32(elf, header + 4) != SectionTypeVersionNeed)
                    continue;
                var names = sections + BitConverter.ToInt32(elf, header + 40) * sectionSize;
                AddEntries(elf, SectionStart(elf, header), BitConverter.ToInt32(elf, header + 44), SectionStart(elf, names), entries);
            }
        }
        catch (Exception e) when (e is ArgumentException or OverflowException or IndexOutOfRangeException)
        {
            throw new InvalidDataException("damaged ELF file", e);
        }
        return entries;
    }

    private static int SectionStart(byte[] elf, int header) => checked((int)BitConverter.ToInt64(elf, header + 24));

    private static void AddEntries(byte[] elf, int need, int libraries, int names, List<KeyValuePair<int, string>> entries)
    {
        for (var library = 0; library < libraries; library++)
        {
            int versions = BitConverter.ToUInt16(elf, need + 2), entry = need + BitConverter.ToInt32(elf, need + 8);
            for (var version = 0; version < versions; version++)
            {
                entries.Add(new KeyValuePair<int, string>(entry, NameAt(elf, names + BitConverter.ToInt32(elf, entry + NameOffset))));
                entry += BitConverter.ToInt32(elf, entry + NextOffset);
            }
            need += BitConverter.ToInt32(elf, need + 12);
        }
    }

    private static string NameAt(byte[] elf, int start)
        => Encoding.ASCII.GetString(elf, start, Array.IndexOf(elf, (byte)0, start) - start);
}

#if !CODEC_TESTS
/// <summary>Writes a copy of a library in which the demand for one symbol version is weak.</summary>
public sealed class WeakenVersionNeed : Microsoft.Build.Utilities.Task
{
    [Microsoft.Build.Framework.Required]
    public string Source { get; set; } = "";

    [Microsoft.Build.Framework.Required]
    public string Destination { get; set; } = "";

    [Microsoft.Build.Framework.Required]
    public string SymbolVersion { get; set; } = "";

    public override bool Execute()
    {
        var bytes = File.ReadAllBytes(Source);
        ElfVersionNeeds.Weaken(bytes, SymbolVersion);
        Directory.CreateDirectory(Path.GetDirectoryName(Destination));
        // A new file under a temporary name: the old one may be hard-linked from output folders.
        var temporary = Destination + "." + Guid.NewGuid().ToString("N") + ".tmp";
        File.WriteAllBytes(temporary, bytes);
        File.Delete(Destination);
        File.Move(temporary, Destination);
        return true;
    }
}
#endif
