#!/bin/sh
# What scripts/test-package runs inside a clean system:
#
#   in_clean_system.sh PROGRAM     version, init, and a backfill with `servo dev`
#   in_clean_system.sh removed     takes the package away; the store stays, the tokens go
set -eu

fail() {
    echo "in_clean_system: $*" >&2
    exit 1
}

# Until the command succeeds, looking twenty times a second for a minute.
until_true() {
    for _ in $(seq 1200); do
        if "$@" >/dev/null 2>&1; then
            return 0
        fi
        sleep 0.05
    done
    fail "not within a minute: $*"
}

check_backfill() {
    # The log of the run's programs and their output files say the same as the command's exit code.
    [ "$(ls "$1" | wc -l)" = 31 ] || fail "$1 should hold 31 days"
}

try_program() {
    servo=$1
    folder=$(mktemp -d)
    cd "$folder"
    "$servo" --version
    "$servo" init hello
    "$servo" dev --data-dir data -f hello/servo.yaml >log 2>&1 &
    server=$!
    until_true "$servo" version -o json --quiet
    until_true "$servo" asset show hello
    "$servo" backfill start hello --start 2024-01-01 --end 2024-01-31 --wait --quiet ||
        { cat log >&2; fail "the backfill"; }
    check_backfill hello/out
    kill -TERM "$server"
    wait "$server" || { cat log >&2; fail "servo dev ended with $?"; }
    "$servo" fsck --data-dir data
    echo "in_clean_system: $servo runs a backfill"
}

try_removal() {
    apt-get purge -q -y servo >/dev/null 2>&1
    [ ! -e /usr/bin/servo ] || fail "the program is still there"
    [ ! -e /etc/servo ] || fail "/etc/servo is still there"
    [ -d /var/lib/servo ] || fail "the store is gone"
    echo "in_clean_system: removed"
}

case $1 in
removed) try_removal ;;
*) try_program "$1" ;;
esac
