using System.Runtime.CompilerServices;

namespace Codec.Audio;

/// <summary>Validation of configuration values: names the field, what was expected and what was found.</summary>
public static class Require
{
    /// <exception cref="ConfigException">The value is not positive.</exception>
    public static void Positive(double value, [CallerArgumentExpression(nameof(value))] string name = "")
        => That(value > 0, name, "> 0", value);

    /// <exception cref="ConfigException">The value lies outside [low, high] or is not a number.</exception>
    public static void InRange(double value, double low, double high, [CallerArgumentExpression(nameof(value))] string name = "")
        => That(value >= low && value <= high, name, $"{low} to {high}", value);

    /// <exception cref="ConfigException">The condition does not hold.</exception>
    public static void That(bool condition, string name, string expected, object? found)
    {
        if (!condition)
            throw new ConfigException(FormattableString.Invariant($"{name}: expected {expected}, found {found ?? "nothing"}"));
    }
}
