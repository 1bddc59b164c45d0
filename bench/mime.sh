#!/bin/sh
# How fast messages are taken apart, beside Python's email package.
# bench/run mime [FOLDER]: a folder of messages, one file each; default: the ham of ../shared/corpus.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${POSTA_BUILD:-$root/build}
shared=${POSTA_SHARED:-$root/../shared}
ninja -C "$build" bench/bench-mime_parse >/dev/null
folder=${1:-}
if [ -z "$folder" ]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	tar xf "$shared/corpus/ham.tar.xz" -C "$work"
	folder=$work/ham
fi
"$build/bench/bench-mime_parse" "$folder"
/usr/bin/python3 - "$folder" <<'P'
import email, email.policy, os, sys, time
messages = [open(f"{sys.argv[1]}/{name}", "rb").read() for name in os.listdir(sys.argv[1])]
size = sum(map(len, messages)) / 1e6
start = time.monotonic()
for m in messages:
    email.message_from_bytes(m, policy=email.policy.compat32)
took = time.monotonic() - start
print(f"{'Python email, parse':44} {size / took:8.1f} MB/s {len(messages) / took:10.0f} messages/s")
P
