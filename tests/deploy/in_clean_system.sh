#!/bin/sh
# What scripts/test-package runs inside a clean system:
#
#   in_clean_system.sh PROGRAM     version, init, and a backfill with `servo dev`
#   in_clean_system.sh pods        server and executor as the manifests start them, each in a mount
#                                  namespace of its own
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

# Whether a page of a port of this machine answers 200, as a probe asks.
probe() {
    bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" && printf "GET %s HTTP/1.0\r\n\r\n" "$1" >&3 &&
        read -r _ status _ <&3 && [ "$status" = 200 ]' "$1" "$2"
}

try_pods() {
    echo "127.0.0.1 localhost servo-server" >/etc/hosts
    mkdir /partitions
    cd /partitions
    servo init .
    ln -s /tmp/out out # the root cannot be written
    [ "$(stat -c %u /var/lib/servo)" = 10001 ] || fail "the image's folder"
    [ ! -e /etc/servo ] || fail "the image holds tokens"
    unshare --mount sh /pod-servo-server.sh >/run/server.log 2>&1 &
    server=$!
    unshare --mount sh /pod-servo-executor.sh >/run/executor.log 2>&1 &
    executor=$!
    export SERVO_TOKEN=servo-tokens-admin-token SERVO_SERVER=https://servo-server:7420
    export SERVO_CA_FILE=/tls/ca.crt
    until_true servo executor show metadata.name
    until_true probe 7421 /livez
    until_true probe 7421 /readyz
    install -d -o 10001 "/proc/$executor/root/tmp/out"
    servo apply -f servo.yaml --tenant default
    servo backfill start hello --start 2024-01-01 --end 2024-01-31 --wait --quiet ||
        { servo partition list hello --status failed; cat /run/server.log /run/executor.log >&2; fail "the backfill"; }
    check_backfill "/proc/$executor/root/tmp/out"
    if touch "/proc/$executor/root/written" 2>/dev/null; then
        fail "the root can be written"
    fi
    kill -TERM "$executor"
    wait "$executor" || { cat /run/executor.log >&2; fail "the executor ended with $?"; }
    kill -TERM "$server"
    wait "$server" || { cat /run/server.log >&2; fail "the server ended with $?"; }
    echo "in_clean_system: the pods run a backfill"
}

try_removal() {
    apt-get purge -q -y servo >/dev/null 2>&1
    [ ! -e /usr/bin/servo ] || fail "the program is still there"
    [ ! -e /etc/servo ] || fail "/etc/servo is still there"
    [ -d /var/lib/servo ] || fail "the store is gone"
    echo "in_clean_system: removed"
}

case $1 in
pods) try_pods ;;
removed) try_removal ;;
*) try_program "$1" ;;
esac
