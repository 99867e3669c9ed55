#!/usr/bin/env bash
# whole-process.sh RECORDING [CLI_FOLDER]: the codec command from start to end, several times in turn, as a table:
# wall and CPU seconds, peak memory, x real time by wall and by CPU; start-up on its first second; with and without a busy process beside.
# Needs /usr/bin/time and sox. CLI_FOLDER: what `dotnet build -c Release src/Codec.Cli` made (default).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cli=${2:-$here/../../src/Codec.Cli/bin/Release/net10.0}
work=$(mktemp -d); busy=
trap 'if [ -n "$busy" ]; then kill "$busy"; fi; rm -rf "$work"' EXIT
sox "$1" -r 16000 -c 1 "$work/in.wav"
sox "$work/in.wav" "$work/short.wav" trim 0 1
seconds=$(soxi -D "$work/in.wav")
printf '%-34s %8s %8s %8s %10s %10s\n' "run ($seconds s of audio)" wall_s cpu_s peak_MB x_wall x_cpu

run() { # label, audio seconds, arguments
    local label=$1 length=$2; shift 2
    /usr/bin/time -o "$work/time" -f '%e %U %S %M' dotnet "$cli/codec.dll" "$@" --force >/dev/null
    awk -v l="$label" -v s="$length" '{ c = $2 + $3; printf "%-34s %8.2f %8.2f %8.0f %10.1f %10.1f\n", l, $1, c, $4 / 1024, s / $1, s / c }' "$work/time"
}

for threads in 1 2; do
    run "start: encode 1 s, $threads thr" 1 encode "$work/short.wav" -o "$work/short.cdc" --threads $threads
    run "encode 3 kbit/s, $threads thr" "$seconds" encode "$work/in.wav" -o "$work/$threads.cdc" --kbps 3 --threads $threads
    run "decode, $threads thr" "$seconds" decode "$work/$threads.cdc" -o "$work/$threads.wav" --threads $threads
done
cmp "$work/1.cdc" "$work/2.cdc" && cmp "$work/1.wav" "$work/2.wav" && echo "files and audio of 1 and 2 threads are the same"
sh -c 'while :; do :; done' & busy=$!
for threads in 1 2; do
    run "beside a busy process: encode, $threads thr" "$seconds" encode "$work/in.wav" -o "$work/$threads.cdc" --kbps 3 --threads $threads
    run "beside a busy process: decode, $threads thr" "$seconds" decode "$work/$threads.cdc" -o "$work/$threads.wav" --threads $threads
done
