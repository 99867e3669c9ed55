#!/usr/bin/env bash
# arm64.sh [RECORDING.wav]: the codec command built for Arm64, run by qemu, against the same command of this machine (x64):
# files and audio must be the same bytes, with one thread and two, with vector instructions and without.
# Needs qemu-aarch64-static (Debian: qemu-user-static). CODEC_ARM64_ROOT: a folder with Debian's Arm64 libraries (libc6, libstdc++6,
# libgcc-s1, libssl3, zlib1g); without it they are fetched by apt-get into the folder of the run, and nothing is installed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
recording=${1:-$here/../audio-fixtures/speech.wav}
skip() { echo "skipped: $*"; exit 0; }
command -v qemu-aarch64-static >/dev/null || skip "no qemu-aarch64-static on this machine"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

root=${CODEC_ARM64_ROOT:-}
if [ -z "$root" ]; then
    command -v apt-get >/dev/null || skip "no apt-get, and CODEC_ARM64_ROOT is not set"
    mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/debs"
    apt=(apt-get -q -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o "Dir::State::lists=$work/apt/lists" -o "Dir::Cache=$work/apt/cache")
    ("${apt[@]}" update && cd "$work/debs" && "${apt[@]}" download libc6 libstdc++6 libgcc-s1 libssl3 zlib1g) >"$work/apt.log" 2>&1 \
        || skip "Debian's Arm64 libraries could not be fetched: $(tail -n 1 "$work/apt.log")"
    root=$work/root
    for package in "$work"/debs/*.deb; do dpkg -x "$package" "$root"; done
fi

publish() { # runtime, folder
    dotnet publish "$here/../src/Codec.Cli" -c Release -r "$1" --self-contained -p:WithoutLibTorch=true -v q --nologo -o "$2" >"$work/publish.log" 2>&1 \
        || { cat "$work/publish.log"; exit 1; }
}
publish linux-x64 "$work/x64"
publish linux-arm64 "$work/arm64"

x64() { "$work/x64/codec" "$@" --force >/dev/null; }
export DOTNET_EnableWriteXorExecute=0 # code that is written through a second mapping has crashed under qemu
arm64() { qemu-aarch64-static -L "$root" -E LD_LIBRARY_PATH=/lib/aarch64-linux-gnu:/usr/lib/aarch64-linux-gnu "$work/arm64/codec" "$@" --force >/dev/null; }
plain() { DOTNET_EnableHWIntrinsic=0 "$@"; }
same() { cmp "$1" "$2" && echo "same bytes: $3 ($(stat -c %s "$1"))"; }

cd "$work"
# encoded NAME RECORDING OPTIONS: what encode makes of a recording, in all the ways there are; x.cdc is left.
encoded() {
    local name=$1 recording=$2
    shift 2
    x64 encode "$recording" -o x.cdc "$@" --threads 1
    for way in "x64:2" "plain x64:2" "arm64:1" "arm64:2"; do
        ${way%:*} encode "$recording" -o y.cdc "$@" --threads "${way#*:}"
        same x.cdc y.cdc "$name, ${way%:*}, ${way#*:} thread(s): recording to file"
    done
}
# every NAME RECORDING OPTIONS: that, and what decode makes of it.
every() {
    encoded "$@"
    x64 decode x.cdc -o x.wav --threads 1
    for way in "x64:2" "plain x64:2" "arm64:1" "arm64:2" "plain arm64:1"; do
        ${way%:*} decode x.cdc -o y.wav --threads "${way#*:}"
        same x.wav y.wav "$1, ${way%:*}, ${way#*:} thread(s): file to audio"
    done
}
# The container over the whole recording; audio, which is slow under qemu, over a little of it: two blocks, or a brief file.
x64 encode "$recording" -o whole.cdc --kbps 3 --threads 1
x64 decode whole.cdc -o short.wav --to 0:01.7 --threads 1
x64 decode whole.cdc -o brief.wav --from 0:01 --to 0:01.4 --threads 1
every "3 kbit/s" short.wav --kbps 3
every "brief" brief.wav --kbps 1.5
every "nested book" brief.wav --kbps 1.4
every "variable rate" short.wav --kbps 3 --vbr 0.02
for effort in 0 1 2 3; do encoded "effort $effort" brief.wav --kbps 3 --effort "$effort"; done
encoded "rate-aware" brief.wav --kbps 3 --rate-aware 0.02

x64 encode "$recording" -o variable.cdc --kbps 3 --vbr 0.02 --threads 1
x64 encode "$recording" -o nested.cdc --kbps 1.4 --threads 1
for file in whole variable nested; do
    x64 convert "$file.cdc" -o x.jsonl
    arm64 convert "$file.cdc" -o y.jsonl
    same x.jsonl y.jsonl "$file, Arm64: file to codes"
    arm64 convert x.jsonl -o y.cdc
    same "$file.cdc" y.cdc "$file, Arm64: codes to file"
    plain arm64 convert x.jsonl -o y.cdc
    same "$file.cdc" y.cdc "$file, Arm64, no intrinsics: codes to file"
done
arm64 transcode whole.cdc -o y.cdc --kbps 1.4
same nested.cdc y.cdc "Arm64: transcode to a nested book"
echo "Arm64 and x64 agree"
