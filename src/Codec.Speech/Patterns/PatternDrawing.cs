using System.Text;

namespace Codec.Speech.Patterns;

/// <summary>A pattern as text: one row per book, one column per step, each cell the time index of the code that stands there.</summary>
public static class PatternDrawing
{
    /// <summary>The drawing; "S" marks the start step, "." a place without a code. Lines end in "\n".</summary>
    public static string Draw(Pattern pattern)
    {
        var width = Math.Max(2, pattern.Frames.ToString().Length + 1);
        var text = new StringBuilder();
        for (var q = 0; q < pattern.Books; q++)
        {
            text.Append($"book {q} |");
            for (var s = 0; s < pattern.Steps.Count; s++)
            {
                var cell = s == 0 && pattern.StartsWithSpecial ? "S" : ".";
                foreach (var c in pattern.Steps[s])
                    if (c.Book == q && c.Time < pattern.Length(q))
                        cell = c.Time.ToString();
                text.Append(cell.PadLeft(width));
            }
            text.Append('\n');
        }
        return text.ToString();
    }
}
