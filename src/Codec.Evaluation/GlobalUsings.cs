global using Codec.Audio.Dsp;
