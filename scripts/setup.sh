#!/bin/sh
# Makes this folder ready to work in: a virtual environment in .venv with the locked dependencies, and the
# RabbitMQ and Redis programs that `make demo` and `make test` start for themselves.
#
#   scripts/setup.sh [--no-servers] [--tests] [--bench] [--chart] [--contract] [--fuzz] [--mutate] [--quiet]
#
# --tests adds Prometheus, with which the tests look at the dashboard and the alert rules. Where it cannot be
# installed, these tests are skipped.
#
# --bench adds what the benchmark compares the bridge with: a second virtual environment in .venv-bench, and the
# packages of the Node peer if there is a Node for it.
#
# --chart adds what checks the Helm chart and the Dockerfile: Helm's engine, hadolint and others in .venv-chart, and the
# types of the operators' resources if there is a Node for them.
#
# --contract adds what checks the contract: AsyncAPI's parser and what drives a browser, if there is a Node for them,
# and Chromium.
#
# --fuzz adds what drives the fuzz targets, in .venv-fuzz.
#
# --mutate adds what mutates the code, with all that the tests need, in .venv-mutate.
#
# PYTHON=/path/to/python chooses the interpreter (3.11 or newer). What is there already is left alone.
set -eu

cd "$(dirname "$0")/.."
unset PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV

servers=yes
tests=no
bench=no
chart=no
contract=no
fuzz=no
mutate=no
quiet=no
for option in "$@"; do
    case $option in
        --no-servers) servers=no ;;
        --tests) tests=yes ;;
        --bench) bench=yes ;;
        --chart) chart=yes ;;
        --contract) contract=yes ;;
        --fuzz) fuzz=yes ;;
        --mutate) mutate=yes ;;
        --quiet) quiet=yes ;;
        *) echo "usage: scripts/setup.sh [--no-servers] [--tests] [--bench] [--chart] [--contract] [--fuzz] [--mutate] [--quiet]" >&2; exit 2 ;;
    esac
done

policy=/usr/sbin/policy-rc.d
policy_is_ours=no
ticker=
output=

fail() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

# Run a command as root. `can_be_root` tells beforehand whether that is possible.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

can_be_root() {
    [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null 2>&1 && sudo -n true >/dev/null 2>&1; }
}

stop_ticker() {
    if [ -n "$ticker" ]; then
        kill "$ticker" 2>/dev/null || :
        wait "$ticker" 2>/dev/null || :
        ticker=
    fi
}

clean_up() {
    status=$?
    trap - EXIT INT TERM HUP
    stop_ticker
    if [ "$policy_is_ours" = yes ]; then as_root rm -f "$policy"; fi
    if [ -n "$output" ]; then rm -f "$output"; fi
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# shown TEXT COMMAND...: say what is going on, with a dot every two seconds; show its output if it fails.
shown() {
    text=$1
    shift
    began=$(date +%s)
    printf '%s ' "$text"
    (while sleep 2 >/dev/null 2>&1; do printf '.'; done) 9<&- &
    ticker=$!
    result=0
    "$@" >"$output" 2>&1 </dev/null 9<&- || result=$?
    stop_ticker
    if [ "$result" = 0 ]; then
        printf ' done (%s s)\n' "$(($(date +%s) - began))"
    else
        printf ' failed\n'
        tail -n 25 "$output" >&2
    fi
    return "$result"
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# Tried by running it: a version switcher's stand-in exists for every version and works for some.
find_python() {
    for candidate in python3 python3.13 python3.12 python3.11 python3.14 python /usr/bin/python3; do
        if is_new_enough "$candidate"; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return 0
        fi
    done
    return 1
}

apt_install() {
    if [ "$updated" = no ]; then
        # An unreachable extra source must not matter when the others have the packages.
        shown "Reading Debian's package lists" as_root apt-get update || :
        updated=yes
    fi
    shown "Installing Debian packages: $*" as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "$@"
}

have_apt() {
    command -v apt-get >/dev/null 2>&1 && can_be_root
}

choose_python() {
    if [ -n "${PYTHON:-}" ]; then
        is_new_enough "$PYTHON" || fail "PYTHON=$PYTHON does not run as Python 3.11 or newer"
        python=$("$PYTHON" -c 'import sys; print(sys.executable)')
    elif ! python=$(find_python); then
        if have_apt; then apt_install python3 python3-venv || fail "apt-get could not install python3"; fi
        python=$(find_python) ||
            fail "no Python 3.11 or newer found: install one, or name one with PYTHON=/path/to/python make setup"
    fi
}

has_ensurepip() {
    "$python" -c 'import ensurepip, venv' >/dev/null 2>&1
}

# Debian keeps the part of Python that puts pip into a virtual environment in a package of its own. Without
# it, a pip that the interpreter has itself can fill the environment from outside.
make_environment() {
    options=
    if ! has_ensurepip; then
        package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        case $python in
            /usr/bin/*) if have_apt; then apt_install "$package" || :; fi ;;
        esac
        if ! has_ensurepip; then
            "$python" -m pip --python "$python" --version >/dev/null 2>&1 ||
                fail "$python cannot create virtual environments: install the package $package, or name another one with PYTHON=/path/to/python"
            options=--without-pip
        fi
    fi
    rm -rf "$environment"
    # shellcheck disable=SC2086
    shown "Creating the virtual environment $environment with $("$python" -V 2>&1)" "$python" -m venv $options "$environment" ||
        fail "$python cannot create virtual environments (see above); name another one with PYTHON=/path/to/python"
}

# Run pip for the environment: its own, else that of the interpreter it was made with.
pip_install() {
    if "$environment/bin/python" -m pip --version >/dev/null 2>&1; then
        set -- "$environment/bin/python" -m pip --disable-pip-version-check --no-input install --quiet --progress-bar off "$@"
    else
        set -- "$("$environment/bin/python" -c 'import sys; print(sys._base_executable)')" -m pip --python "$environment/bin/python" \
            --disable-pip-version-check --no-input install --quiet --progress-bar off "$@"
    fi
    "$@"
}

# What the environment depends on. Its place is part of it: an editable installation points there.
fingerprint() {
    {
        pwd
        cat "$lock" scripts/setup.sh
        if [ "$lock" = requirements-dev.lock ]; then cat pyproject.toml bridge/__init__.py; fi
        readlink -f "$environment/bin/python" 2>/dev/null || :
    } | { sha256sum 2>/dev/null || shasum -a 256; }
}

is_set_up() {
    [ "$(cat "$environment/.set-up" 2>/dev/null)" = "$(fingerprint)" ]
}

# set_up_environment FOLDER LOCK: make a virtual environment with the locked dependencies.
set_up_environment() {
    environment=$1
    lock=$2
    if [ -z "${PYTHON:-}" ] && is_new_enough "$environment/bin/python" && is_set_up; then return 0; fi
    if [ -n "${PYTHON:-}" ] || ! is_new_enough "$environment/bin/python"; then
        choose_python
        # An environment that was made with this very interpreter can stay.
        base=$("$environment/bin/python" -c 'import sys; print(sys.base_prefix)' 2>/dev/null || :)
        if [ "$base" != "$("$python" -c 'import sys; print(sys.base_prefix)')" ]; then make_environment; fi
    fi
    if is_set_up; then return 0; fi
    rm -f "$environment/.set-up"
    # Bytecode is made of what is imported, when it is: of the tools of .venv-chart that is a small part.
    compile=
    if [ "$lock" = requirements-chart.lock ]; then compile=--no-compile; fi
    # shellcheck disable=SC2086
    shown "Installing the locked dependencies of $lock" pip_install $compile --require-hashes -r "$lock" ||
        fail "the dependencies could not be installed (see above): is the package index reachable?"
    if [ "$lock" = requirements-dev.lock ]; then
        shown "Installing lcm-bridge itself" pip_install --no-deps --no-build-isolation --editable . ||
            fail "lcm-bridge itself could not be installed (see above)"
    fi
    fingerprint >"$environment/.set-up"
    did_something=yes
}

# set_up_node FOLDER WHAT WITHOUT: install the locked packages of a folder; without a Node that is new enough, say WITHOUT.
set_up_node() {
    folder=$1
    if ! command -v npm >/dev/null 2>&1 || ! node -e '
        const [major, minor] = process.versions.node.split(".").map(Number);
        process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1);' >/dev/null 2>&1; then
        if [ "$quiet" = no ]; then echo "Not installed: npm and Node 20.19 or newer. $3"; fi
        return 0
    fi
    wanted=$({ cat "$folder/package-lock.json" && node --version; } | { sha256sum 2>/dev/null || shasum -a 256; })
    if [ "$(cat "$folder/node_modules/.set-up" 2>/dev/null)" = "$wanted" ]; then return 0; fi
    # Nothing of these packages is built, and no script of theirs is run.
    shown "Installing the packages of $2" npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund ||
        fail "the packages of $2 could not be installed (see above): is the package registry reachable?"
    printf '%s\n' "$wanted" >"$folder/node_modules/.set-up"
    did_something=yes
}

. scripts/programs.sh

updated=no
did_something=no
# Two at a time would spoil each other's environment. (Commands are run without 9, or would hold the lock.)
if command -v flock >/dev/null 2>&1; then
    exec 9<scripts/setup.sh
    flock 9
fi
output=$(mktemp)
set_up_environment .venv requirements-dev.lock
if [ "$bench" = yes ]; then
    set_up_environment .venv-bench requirements-bench.lock
    # The Node peer is one of several: the benchmark can do without it.
    set_up_node bench/peers/node "the Node peer" "The benchmark leaves its Node peer out."
fi
if [ "$chart" = yes ]; then
    set_up_environment .venv-chart requirements-chart.lock
    set_up_node scripts/chart/types "the types of resources" "The checks of the chart leave the types of custom resources out."
fi
if [ "$contract" = yes ]; then
    set_up_node scripts/contract "AsyncAPI's parser" "The checks of the contract leave it out."
    set_up_node scripts/contract/browser "the page's checks" "The checks of the contract leave the page out."
    set_up_chromium
fi
if [ "$fuzz" = yes ]; then set_up_environment .venv-fuzz requirements-fuzz.lock; fi
if [ "$mutate" = yes ]; then set_up_environment .venv-mutate requirements-mutate.lock; fi
if [ "$servers" = yes ]; then
    set_up_servers
    set_up_openssl
fi
if [ "$tests" = yes ]; then set_up_prometheus; fi
if [ "$quiet" = no ]; then
    if [ "$did_something" = yes ]; then echo "Ready: make demo"; else echo "Everything is set up."; fi
fi
