#!/bin/sh
# What scripts/test-package runs inside a clean system:
#
#   in_clean_system.sh PROGRAM     version, init, and a backfill with `servo dev`
#   in_clean_system.sh services    a server and an executor, as the package's units start them
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

# What the unit would start, as its user, with its variables.
start_unit() {
    unit=/usr/lib/systemd/system/servo-$1.service
    user=$(sed -n 's/^User=//p' "$unit")
    variables=$(sed -n 's/^EnvironmentFile=//p' "$unit")
    state=/var/lib/$(sed -n 's/^StateDirectory=//p' "$unit")
    install -d -m 0700 -o "$user" -g "$user" "$state"
    command=$(sed -n 's/^ExecStart=//p' "$unit")
    # Words without spaces by construction: left unquoted on purpose.
    (cd "$state" && umask 077 && exec setpriv --reuid "$user" --regid "$user" --clear-groups \
        --no-new-privs env $(grep -v '^#' "$variables") $command) >"/tmp/$1.log" 2>&1 &
    echo $! >"/tmp/$1.pid"
}

stop_unit() {
    kill -TERM "$(cat "/tmp/$1.pid")"
    wait "$(cat "/tmp/$1.pid")" || { cat "/tmp/$1.log" >&2; fail "$1 ended with $?"; }
}

try_services() {
    [ "$(stat -c '%a %U' /etc/servo/server.env)" = "600 root" ] || fail "tokens others can read"
    start_unit server
    start_unit executor
    SERVO_TOKEN=$(sed -n 's/^SERVO_ADMIN_TOKEN=//p' /etc/servo/server.env)
    export SERVO_TOKEN
    until_true servo executor show "$(hostname)"
    SERVO_TOKEN=wrong servo status --quiet 2>/dev/null && fail "a wrong token was taken"
    mkdir -p /srv/partitions
    cd /srv/partitions
    servo init .
    mkdir out
    chown servo-executor out
    servo apply -f servo.yaml --tenant default
    servo backfill start hello --start 2024-01-01 --end 2024-01-31 --wait --quiet ||
        { cat /tmp/server.log /tmp/executor.log >&2; fail "the backfill"; }
    check_backfill out
    [ "$(stat -c %U out/2024-01-01.csv)" = servo-executor ] || fail "the programs' user"
    stop_unit executor
    stop_unit server
    setpriv --reuid servo-executor --regid servo-executor --clear-groups \
        cat /var/lib/servo/servo.db >/dev/null 2>&1 && fail "the executor's user reads the store"
    echo "in_clean_system: the services run a backfill"
}

try_removal() {
    apt-get purge -q -y servo >/dev/null 2>&1
    [ ! -e /usr/bin/servo ] || fail "the program is still there"
    [ ! -e /etc/servo ] || fail "/etc/servo is still there"
    [ -d /var/lib/servo ] || fail "the store is gone"
    echo "in_clean_system: removed"
}

case $1 in
services) try_services ;;
removed) try_removal ;;
*) try_program "$1" ;;
esac
