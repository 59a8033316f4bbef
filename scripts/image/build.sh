#!/bin/sh
# Builds the container image, and copies its SBOM to dist/.
#
#   scripts/image/build.sh
#
#   IMAGE       its name (lcm-bridge:<version>)
#   ENGINE      docker or podman (whichever answers, docker first)
#   BUILD_ARGS  more for `build`, such as: --build-arg LOCK=requirements.lock
set -eu

cd "$(dirname "$0")/../.."
engine=$(scripts/image/engine.sh)
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' bridge/__init__.py)
image=${IMAGE:-lcm-bridge:$version}
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
if [ -n "$(git status --porcelain 2>/dev/null)" ]; then revision=$revision-dirty; fi

# An image in OCI's own format has no HEALTHCHECK.
case $("$engine" --version 2>/dev/null) in podman*) format="--format docker" ;; *) format= ;; esac

# shellcheck disable=SC2086
"$engine" build $format \
    --label "org.opencontainers.image.version=$version" \
    --label "org.opencontainers.image.revision=$revision" \
    --label "org.opencontainers.image.created=$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
    --tag "$image" ${BUILD_ARGS:-} .

mkdir -p dist
container=$("$engine" create "$image")
trap '"$engine" rm "$container" >/dev/null' EXIT
"$engine" cp "$container:/usr/share/doc/lcm-bridge/sbom.cdx.json" dist/sbom.cdx.json
size=$("$engine" image inspect --format '{{.Size}}' "$image")
printf 'Built %s with %s: %s MB. Its SBOM: dist/sbom.cdx.json\n' "$image" "$engine" "$((size / 1000000))"
