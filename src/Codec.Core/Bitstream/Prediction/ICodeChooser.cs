namespace Codec.Core.Bitstream.Prediction;

/// <summary>Chooses codes by what they cost, in the order in which they will be coded.</summary>
internal interface ICodeChooser
{
    /// <summary>Codes that may be chosen.</summary>
    ReadOnlySpan<int> Candidates(int book, int frame);

    /// <summary>Takes one of them.</summary>
    /// <param name="bits">What each candidate costs after all that was chosen before.</param>
    int Choose(int book, int frame, ReadOnlySpan<double> bits);
}
