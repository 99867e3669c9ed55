using System.Globalization;

namespace Codec.Fuzz;

/// <summary>Coverage-guided fuzzing of one reader: codec-fuzz TARGET EXECUTIONS [CORPUS FOLDER [plain [FIRST]]]. Plain runs the untouched libraries many
/// times faster over a corpus that coverage has made, from input number FIRST on, so that a long run can be made in parts.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        if (args.Length is < 2 or > 5 || !TryParse(args[1], out var executions) || !TryParse(args.ElementAtOrDefault(4) ?? "0", out var first))
        {
            Console.Error.WriteLine("codec-fuzz TARGET EXECUTIONS [CORPUS FOLDER [plain [FIRST]]]: instruments copies of our libraries, then mutates what reaches new code");
            return 2;
        }
        if (args.Length >= 4)
            return FuzzLoop.Run(args[0], executions, args[2], covered: false, first);
        // The loop runs in a second copy of this assembly, whose references lead to the instrumented libraries.
        var run = CoveredLibraries.Load().GetType("Codec.Fuzz.FuzzLoop")!.GetMethod("Run")!;
        return (int)run.Invoke(null, [args[0], executions, args.Length == 3 ? args[2] : null, true, 0])!;
    }

    private static bool TryParse(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
