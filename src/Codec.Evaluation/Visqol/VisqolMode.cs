namespace Codec.Evaluation.Visqol;

/// <summary>What ViSQOL listens to.</summary>
public enum VisqolMode
{
    /// <summary>16 kHz speech: 21 bands to 8 kHz, patches of 0.4 s where the reference is active.</summary>
    Speech,

    /// <summary>48 kHz audio: 32 bands to half the rate, patches of 0.6 s everywhere.</summary>
    Audio,
}
