#!/bin/sh
# Finds or gets a RabbitMQ 4 beside the machine's own, and prints what PRIVATE_RABBITMQ names it by:
#
#   PRIVATE_RABBITMQ=$(scripts/rabbitmq4.sh) make demo
#
# 1. A RabbitMQ 4 that is installed.
# 2. As root on Debian: that of Debian 13 (4.0), by mmdebstrap from the mirror that apt has here, in .rabbitmq4 (260 MB).
#    It is installed nowhere: each of its programs sees Debian 13's /usr in the place of the machine's, and all other
#    folders as they are.
# 3. With docker or podman: the official image.
set -eu

cd "$(dirname "$0")/.."
suite=trixie
image=rabbitmq:4-management
cache=$PWD/.rabbitmq4
output=

say() {
    printf 'rabbitmq4: %s\n' "$*" >&2
}

clean_up() {
    status=$?
    trap - EXIT INT TERM HUP
    if [ -n "$output" ]; then
        if [ ! -d "$cache/root" ]; then tail -n 25 "$output" >&2; fi
        rm -rf "$output" "$cache/new"
    fi
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The process keeps its id all the way: whoever starts the program signals the server itself.
write_programs() {
    mkdir -p "$cache/bin"
    for program in /usr/lib/rabbitmq/bin/rabbitmq-server /usr/lib/rabbitmq/bin/rabbitmqctl /usr/bin/epmd; do
        cat >"$cache/bin/${program##*/}" <<END
#!/bin/sh
exec unshare --mount sh -c 'mount --bind "\$0" /usr && exec "\$@"' "\${0%/*}/../root/usr" $program "\$@"
END
        chmod 755 "$cache/bin/${program##*/}"
    done
}

# The mirror from which apt gets this very release of Debian.
mirror() {
    # shellcheck disable=SC1091,SC2016  # the file is the system's; the words in $() are apt's
    (. /etc/os-release && apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(CODENAME)' 'Created-By: Packages' |
        awk -v release="${VERSION_CODENAME:-}" '$2 == "Debian" && $3 == release { print $1; exit }')
}

# Makes .rabbitmq4 unless it is there, and says why where it cannot.
build() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        say "it is no Debian with root's rights"
        return 1
    fi
    if ! unshare --mount mount --bind /tmp /mnt 2>/dev/null; then
        say "nothing may be mounted here, not even for one process"
        return 1
    fi
    mkdir -p "$cache"
    exec 9<"$cache"
    flock 9
    if [ -d "$cache/root" ]; then return 0; fi
    write_programs
    output=$(mktemp)
    if [ -z "$(mirror)" ]; then apt-get update >"$output" 2>&1 || :; fi
    from=$(mirror)
    if [ -z "$from" ]; then
        say "apt knows no mirror of Debian"
        return 1
    fi
    if ! command -v mmdebstrap >/dev/null 2>&1; then
        say "installing mmdebstrap"
        apt-get install -y --no-install-recommends mmdebstrap >"$output" 2>&1 || return 1
    fi
    say "getting Debian $suite with RabbitMQ into ${cache##*/} (half a minute)"
    rm -rf "$cache/new"
    mmdebstrap --mode=root --variant=minbase --include=rabbitmq-server "$suite" "$cache/new" "$from" >"$output" 2>&1 &&
        mv "$cache/new" "$cache/root"
}

if ls -d /usr/lib/rabbitmq/lib/rabbitmq_server-4* >/dev/null 2>&1; then
    echo /usr/lib/rabbitmq/bin
elif build; then
    echo "$cache/bin"
elif docker version >/dev/null 2>&1 || podman version >/dev/null 2>&1; then
    echo "$image"
else
    say "neither does docker or podman answer"
    exit 1
fi
