namespace Codec.Speech.Lm;

/// <summary>
/// Keeps a byte-level decoder to well-formed UTF-8 (Unicode 17, table 3-7): no overlong forms, no surrogates, nothing above U+10FFFF.
/// Tokens 0..255 are bytes; tokens from 256 on are special (end, padding) and allowed between characters only. A value: copy it to branch.
/// </summary>
public struct Utf8Constraint
{
    private int _left; // continuation bytes still to come
    private byte _low, _high; // bounds of the next of them

    /// <summary>Whether the bytes so far end with a whole character.</summary>
    public readonly bool IsComplete => _left == 0;

    public readonly bool Allows(int token)
    {
        if (_left > 0)
            return token >= _low && token <= _high;
        return token is >= 0 and <= 0x7F or >= 0xC2 and <= 0xF4 or > 255;
    }

    /// <exception cref="ArgumentException">The token is not allowed here.</exception>
    public void Advance(int token)
    {
        if (!Allows(token))
            throw new ArgumentException($"token {token} cannot follow in UTF-8", nameof(token));
        if (_left > 0)
            (_left, _low, _high) = (_left - 1, 0x80, 0xBF);
        else if (token is >= 0xC2 and <= 0xF4)
        {
            _left = token < 0xE0 ? 1 : token < 0xF0 ? 2 : 3;
            _low = token switch { 0xE0 => 0xA0, 0xF0 => 0x90, _ => 0x80 };
            _high = token switch { 0xED => 0x9F, 0xF4 => 0x8F, _ => 0xBF };
        }
    }

    /// <summary>Sets the logits of forbidden tokens to -infinity.</summary>
    /// <param name="logits">[V].</param>
    /// <param name="bytesLeft">Bytes that may still be written, to end on a whole character: no character is begun that does not fit.</param>
    public readonly void Mask(Span<float> logits, int bytesLeft = int.MaxValue)
    {
        for (var token = 0; token < logits.Length; token++)
        {
            var needed = _left > 0 || token > 255 ? 0 : token < 0x80 ? 1 : token < 0xE0 ? 2 : token < 0xF0 ? 3 : 4;
            if (!Allows(token) || needed > bytesLeft)
                logits[token] = float.NegativeInfinity;
        }
    }
}
