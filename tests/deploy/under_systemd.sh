#!/bin/sh
# What scripts/test-package runs in a booted system that has the package, as a unit of its own: the
# services do a backfill, a stop drains, a crash and an upgrade restart, a wrong option does not. Leaves
# what it saw in /result, with `ok` as the last line.
set -eu
exec >/result 2>&1
trap 'systemctl poweroff' EXIT

fail() {
    echo "under_systemd: $*"
    journalctl --no-pager -u servo-server -u servo-executor | tail -n 40
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

state_is() {
    [ "$(systemctl is-active "$1")" = "$2" ]
}

restarted() {
    [ "$(systemctl show "$1" --property NRestarts --value)" = 1 ]
}

start_services() {
    [ "$(stat -c '%a %U' /etc/servo/server.env)" = "600 root" ] || fail "tokens others can read"
    systemctl enable --now servo-server servo-executor
    SERVO_TOKEN=$(sed -n 's/^SERVO_ADMIN_TOKEN=//p' /etc/servo/server.env)
    export SERVO_TOKEN
    until_true servo executor show "$(hostname)"
    if SERVO_TOKEN=wrong servo status --quiet; then
        fail "a wrong token was taken"
    fi
    if setpriv --reuid servo-executor --regid servo-executor --clear-groups \
        cat /var/lib/servo/servo.db >/dev/null; then
        fail "the executors' user reads the store"
    fi
}

backfill() {
    mkdir -p /srv/partitions/out
    cd /srv/partitions
    servo init .
    chown servo-executor out
    servo apply -f servo.yaml --tenant default
    servo backfill start hello --start 2024-01-01 --end 2024-01-31 --wait --quiet || fail "the backfill"
    [ "$(ls out | wc -l)" = 31 ] || fail "out should hold 31 days"
    [ "$(stat -c %U out/2024-01-01.csv)" = servo-executor ] || fail "the programs' user"
}

# Partitions that wait for a gate: those that run are let finish, the others wait for the next start.
stop_drains() {
    cat >slow.yaml <<'END'
version: 1
assets:
  slow:
    partitions: { every: day, start: 2024-01-01 }
    run: { command: [./slow.sh, "{partition.key}"] }
END
    cat >slow.sh <<'END'
#!/bin/sh
echo "$1" >>out/begun
while [ ! -e gate ]; do sleep 0.05; done
echo "$1" >>out/done
END
    chmod +x slow.sh
    servo apply -f slow.yaml --tenant default
    id=$(servo backfill start slow --start 2024-01-01 --end 2024-01-31 --quiet)
    until_true test -e out/begun
    systemctl stop --no-block servo-executor
    until_true sh -c 'journalctl -u servo-executor | grep draining'
    state_is servo-executor deactivating || fail "the stop did not wait for what runs"
    touch gate
    until_true state_is servo-executor inactive
    [ "$(systemctl show servo-executor --property Result --value)" = success ] || fail "no clean stop"
    sort out/begun >begun
    sort out/done | cmp - begun || fail "a partition was cut off"
    [ "$(wc -l <begun)" -lt 31 ] || fail "the stop came too late to show anything"
    systemctl start servo-executor
    servo backfill wait "$id" --quiet || fail "the rest of the backfill"
    [ "$(sort out/done | uniq -d | wc -l)" = 0 ] || fail "a partition ran twice"
}

crash_restarts() {
    systemctl kill --signal=KILL --kill-who=main servo-server
    until_true restarted servo-server
    until_true servo executor show "$(hostname)"
    systemctl kill --signal=KILL --kill-who=main servo-executor
    until_true restarted servo-executor
}

# A package over a package, as an upgrade is: both run the new program, tokens and edits stay.
upgrade_restarts() {
    before=$(systemctl show servo-server servo-executor --property MainPID --value)
    tokens=$(cat /etc/servo/server.env)
    echo "log_level: debug" >>/etc/servo/server.yaml
    dpkg --install /servo.deb
    for old in $before; do
        until_true sh -c "! kill -0 $old"
    done
    until_true state_is servo-executor active
    until_true servo executor show "$(hostname)"
    [ "$tokens" = "$(cat /etc/servo/server.env)" ] || fail "new tokens"
    grep -q "^log_level: debug" /etc/servo/server.yaml || fail "the edit is gone"
}

wrong_option_stays_down() {
    echo "no_such_option: 1" >>/etc/servo/server.yaml
    systemctl restart servo-server || true
    until_true sh -c '[ "$(systemctl is-failed servo-server)" = failed ]'
    [ "$(systemctl show servo-server --property ExecMainStatus --value)" = 2 ] || fail "exit code"
    [ "$(systemctl show servo-server --property NRestarts --value)" = 0 ] || fail "it was restarted"
}

start_services
backfill
stop_drains
crash_restarts
upgrade_restarts
wrong_option_stays_down
echo ok
