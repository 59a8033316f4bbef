#!/bin/sh
# Prints the container engine to use: ENGINE, else docker or podman, whichever is there and answers.
set -eu

for engine in ${ENGINE:-docker podman}; do
    if "$engine" version >/dev/null 2>&1; then
        echo "$engine"
        exit 0
    fi
done
echo "${ENGINE:-neither docker nor podman} answers: install one, start its service, or name one with ENGINE=" >&2
exit 1
