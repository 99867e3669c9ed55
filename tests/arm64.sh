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
arm64() { qemu-aarch64-static -L "$root" -E LD_LIBRARY_PATH=/lib/aarch64-linux-gnu:/usr/lib/aarch64-linux-gnu "$work/arm64/codec" "$@" --force >/dev/null; }
plain() { DOTNET_EnableHWIntrinsic=0 "$@"; }
same() { cmp "$1" "$2" && echo "same bytes: $3 ($(stat -c %s "$1"))"; }

cd "$work"
# The container over the whole recording; audio, which is slow under qemu, over two seconds of it.
x64 encode "$recording" -o whole.cdc --kbps 3 --threads 1
x64 decode whole.cdc -o short.wav --to 0:02 --threads 1
x64 encode short.wav -o x.cdc --kbps 3 --threads 1
x64 encode "$recording" -o x-nested.cdc --kbps 1.4 --threads 1
x64 decode x.cdc -o x.wav --threads 1
x64 convert whole.cdc -o x.jsonl
plain x64 encode short.wav -o x-plain.cdc --kbps 3 --threads 2
same x.cdc x-plain.cdc "x64, no intrinsics, 2 threads: recording to file"
plain x64 decode x.cdc -o x-plain.wav --threads 2
same x.wav x-plain.wav "x64, no intrinsics, 2 threads: file to audio"
arm64 convert whole.cdc -o a.jsonl
same x.jsonl a.jsonl "Arm64: file to codes"
arm64 convert x.jsonl -o a.cdc
same whole.cdc a.cdc "Arm64: codes to file"
plain arm64 convert x.jsonl -o a-plain.cdc
same whole.cdc a-plain.cdc "Arm64, no intrinsics: codes to file"
arm64 transcode whole.cdc -o a-nested.cdc --kbps 1.4
same x-nested.cdc a-nested.cdc "Arm64: transcode to a nested book"
arm64 encode short.wav -o a-1.cdc --kbps 3 --threads 1
same x.cdc a-1.cdc "Arm64, 1 thread: recording to file"
arm64 encode short.wav -o a-2.cdc --kbps 3 --threads 2
same x.cdc a-2.cdc "Arm64, 2 threads: recording to file"
arm64 decode x.cdc -o a-1.wav --threads 1
same x.wav a-1.wav "Arm64, 1 thread: file to audio"
arm64 decode x.cdc -o a-2.wav --threads 2
same x.wav a-2.wav "Arm64, 2 threads: file to audio"
plain arm64 decode x.cdc -o a-plain.wav --threads 1
same x.wav a-plain.wav "Arm64, no intrinsics: file to audio"
echo "Arm64 and x64 agree"
