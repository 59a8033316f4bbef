# shellcheck shell=sh disable=SC2154 # what it takes from setup.sh stands there
# The programs that the demonstration and the tests start: a part of setup.sh, which has the functions that install.

have_rabbitmq() {
    for place in /usr/lib/rabbitmq/bin /opt/rabbitmq/sbin /usr/local/opt/rabbitmq/sbin /usr/sbin; do
        if [ -x "$place/rabbitmq-server" ]; then return 0; fi
    done
    command -v rabbitmq-server >/dev/null 2>&1
}

have_redis() {
    command -v redis-server >/dev/null 2>&1 || [ -x /usr/bin/redis-server ] || [ -x /usr/local/bin/redis-server ]
}

# The servers are wanted as programs only: a system service that nobody asked for would hold the usual ports.
install_servers() {
    epmd_was_there=no
    if command -v epmd >/dev/null 2>&1; then epmd_was_there=yes; fi
    if [ ! -e "$policy" ]; then
        policy_is_ours=yes
        # shellcheck disable=SC2016
        as_root sh -c 'printf "#!/bin/sh\n# made by scripts/setup.sh of lcm-bridge for one apt-get call\nexit 101\n" >"$1" && chmod 755 "$1"' sh "$policy"
    fi
    installed=yes
    apt_install "$@" || installed=no
    if [ "$policy_is_ours" = yes ]; then
        as_root rm -f "$policy"
        policy_is_ours=no
    fi
    if [ "$installed" = no ]; then return 1; fi
    units=
    for package in "$@"; do
        units="$units $package.service"
        as_root update-rc.d "$package" disable >/dev/null 2>&1 || :
    done
    if [ "$epmd_was_there" = no ]; then units="$units epmd.service epmd.socket"; fi
    for unit in $units; do
        # It refuses to work for anyone but a package's own script.
        as_root env DPKG_MAINTSCRIPT_PACKAGE=lcm-bridge deb-systemd-helper disable "$unit" >/dev/null 2>&1 || :
    done
}

set_up_servers() {
    missing=
    if ! have_rabbitmq; then missing="rabbitmq-server"; fi
    if ! have_redis; then missing="$missing redis-server"; fi
    if [ -z "$missing" ]; then return 0; fi
    did_something=yes
    if have_apt; then
        # shellcheck disable=SC2086
        if install_servers $missing; then return 0; fi
    fi
    for engine in docker podman; do
        if "$engine" version >/dev/null 2>&1; then
            if [ "$quiet" = no ]; then
                echo "Not installed:${missing:+ }${missing# }. The demonstration and the tests run them in containers with $engine."
            fi
            return 0
        fi
    done
    fail "not installed: ${missing# }. Install these packages (as root: apt-get install ${missing# }), or docker or podman"
}

# The tests make certificates with it.
set_up_openssl() {
    if command -v openssl >/dev/null 2>&1; then return 0; fi
    did_something=yes
    if have_apt && apt_install openssl; then return 0; fi
    fail "not installed: openssl. Install this package (as root: apt-get install openssl)"
}

# Its package brings promtool too.
set_up_prometheus() {
    if command -v prometheus >/dev/null 2>&1 && command -v promtool >/dev/null 2>&1; then return 0; fi
    did_something=yes
    if have_apt && install_servers prometheus; then return 0; fi
    echo "Not installed: prometheus. The tests of the dashboard and of the alert rules that need it are skipped."
}

# Without a font of its own it draws boxes.
set_up_chromium() {
    if command -v chromium >/dev/null 2>&1; then return 0; fi
    did_something=yes
    if have_apt && apt_install chromium fonts-dejavu-core; then return 0; fi
    echo "Not installed: chromium. The checks of the contract leave the page out."
}
