namespace Codec.Evaluation.Visqol;

/// <summary>Similarity of two signals before any mapping to a mean opinion score.</summary>
/// <param name="Similarity">VNSIM: mean over bands and patches, at most 1.</param>
/// <param name="Bands">FVNSIM: mean over patches for each band, low to high.</param>
/// <param name="LagSeconds">Global alignment: negative where the degraded signal came late.</param>
public sealed record VisqolResult(double Similarity, double[] Bands, double LagSeconds)
{
    private const double Useless = 0.15;

    /// <summary>Speech mode: exponential mapping to MOS-LQO, 1 to 5, scaled so that identical speech gets 5.</summary>
    public double ExponentialMos => Exponential(1.245063);

    /// <summary>Speech mode without the scale: identical speech gets about 4.02.</summary>
    public double UnscaledExponentialMos => Exponential(1);

    /// <summary>Audio mode: support vector regression on the bands, 1 to 5.</summary>
    public double RegressionMos(SupportVectorRegression model)
        => Similarity < Useless ? 1 : Math.Clamp(model.Predict(Bands), 1, 5);

    private double Exponential(double scale)
        => Similarity < Useless ? 1 : Math.Clamp((-262.847869 + Math.Exp(0.0154302525 * (Similarity + 361.063949))) * scale, 1, 5);
}
