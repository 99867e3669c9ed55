#!/bin/sh
# Makes the clips of this folder. Needs espeak-ng and sox; -R makes dither and plucked strings repeatable.
set -eu
cd "$(dirname "$0")"
t=$(mktemp -d)
trap 'rm -r "$t"' EXIT

espeak-ng -v en-us -s 165 -p 45 -w "$t/speech.wav" "The river ran quietly past the old mill, and the morning light lay on the water. A small file can carry a whole voice, if you know which parts to keep."
sox -R "$t/speech.wav" -b 16 -r 16000 -c 1 speech.wav norm -3

espeak-ng -v en-us+f3 -s 160 -p 55 -w "$t/left.wav" "One two three, testing the left side of the room."
espeak-ng -v en-gb -s 150 -p 35 -w "$t/right.wav" "Four five six, and this is the right side."
sox -R "$t/left.wav" -b 16 -r 44100 -c 1 "$t/left44.wav" norm -4
sox -R "$t/right.wav" -b 16 -r 44100 -c 1 "$t/right44.wav" norm -4 pad 0.4 0
sox -R -M "$t/left44.wav" "$t/right44.wav" -b 16 "$t/both.wav" remix 1v0.8,2v0.2 1v0.2,2v0.8
sox -R "$t/both.wav" two-voices-stereo.flac

sox -R -n -r 24000 -b 16 sweep.wav synth 3 sine 50:11000 gain -6 fade 0.02 3 0.02
sox -R -n -r 16000 -b 16 chord.flac synth 2 pluck A3 pluck E4 pluck A4 remix - gain -n -6
