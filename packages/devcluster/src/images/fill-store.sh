#!/bin/sh
# Fills a folder as containerd keeps its images, in namespaces of its own, and leaves nothing else.
# Usage: fill-store.sh CONTAINERD CTR FOLDER PLATFORM ARCHIVE ...
set -eu
containerd=$1 ctr=$2 folder=$3 platform=$4
shift 4

mount -t tmpfs -o mode=755 tmpfs /run
cat >/run/containerd.toml <<END
version = 3
root = "$folder"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri",
  "io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri",
]
END
"$containerd" --config /run/containerd.toml --log-level error &
until "$ctr" version >/dev/null 2>&1; do
  kill -0 $!
  sleep 0.1
done
for archive; do
  "$ctr" --namespace=k8s.io images import --platform="$platform" "$archive" >/dev/null
done
kill $!
wait $! || true
