using System.Globalization;

namespace Codec.Evaluation.Visqol;

/// <summary>A nu-SVR or epsilon-SVR model with a radial kernel, in libsvm's text format. Immutable.</summary>
public sealed class SupportVectorRegression
{
    private readonly double _gamma, _rho;
    private readonly (double Weight, double[] Vector)[] _vectors;

    private SupportVectorRegression(double gamma, double rho, (double, double[])[] vectors)
        => (_gamma, _rho, _vectors) = (gamma, rho, vectors);

    /// <summary>Reads a model file.</summary>
    /// <exception cref="MetricException">Missing, or not such a model.</exception>
    public static SupportVectorRegression Load(string path)
    {
        try
        {
            return Parse(File.ReadLines(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or IndexOutOfRangeException or OverflowException)
        {
            throw new MetricException($"{path}: expected a libsvm regression model with a radial kernel ({e.Message})", e);
        }
    }

    private static SupportVectorRegression Parse(IEnumerable<string> lines)
    {
        var header = new Dictionary<string, string>();
        var vectors = new List<(double, double[])>();
        var inBody = false;
        foreach (var line in lines)
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0)
                continue;
            if (inBody)
                vectors.Add((Number(words[0]), Features(words.AsSpan(1))));
            else if (words[0] == "SV")
                inBody = true;
            else
                header[words[0]] = words[^1];
        }
        if (header.GetValueOrDefault("kernel_type") != "rbf" || header.GetValueOrDefault("svm_type") is not ("nu_svr" or "epsilon_svr")
            || !header.TryGetValue("gamma", out var gamma) || !header.TryGetValue("rho", out var rho))
            throw new FormatException("svm_type, kernel_type, gamma or rho is missing or of another kind");
        return new SupportVectorRegression(Number(gamma), Number(rho), [.. vectors]);
    }

    private static double[] Features(ReadOnlySpan<string> words)
    {
        const int most = 4096;
        var values = new List<double>();
        foreach (var word in words)
        {
            var colon = word.IndexOf(':');
            var index = int.Parse(word.AsSpan(0, colon), CultureInfo.InvariantCulture);
            if (index is < 1 or > most)
                throw new FormatException($"feature index {index}");
            while (values.Count < index)
                values.Add(0);
            values[index - 1] = Number(word[(colon + 1)..]);
        }
        return [.. values];
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    /// <summary>sum of weight * exp(-gamma |x - v|^2), minus rho.</summary>
    public double Predict(ReadOnlySpan<double> features)
    {
        double sum = 0;
        foreach (var (weight, vector) in _vectors)
        {
            double distance = 0;
            for (var i = 0; i < Math.Max(features.Length, vector.Length); i++)
            {
                var difference = (i < features.Length ? features[i] : 0) - (i < vector.Length ? vector[i] : 0);
                distance += difference * difference;
            }
            sum += weight * Math.Exp(-_gamma * distance);
        }
        return sum - _rho;
    }
}
