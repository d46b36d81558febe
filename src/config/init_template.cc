#include "config/init_template.h"

namespace servo::config {
namespace {

constexpr const char* kAssetFile =
    R"yaml(# An asset file: what Servo keeps complete, and how. Try it:
#
#   servo dev -f servo.yaml                                       # in one terminal
#   servo backfill start hello --start 2024-01-01 --end 2024-01-31 --wait
#   servo partition list hello --calendar
#
# Every key is described in docs/reference/servo-yaml.md.
version: 1

# Whose assets these are. `servo dev` has a tenant called "default" and needs no line here.
# tenants: [acme, bigco]

# Laid under every asset below.
defaults:
  owner: you@example.com
  timeout: 10m

# Outside systems with limits. An asset takes units of a pool while a partition runs.
# pools:
#   warehouse: { concurrency: 8, contact: dba@example.com }

assets:
  hello:
    description: One small CSV file a day
    # One partition a day since `start`. Also: 15m, hour, 6h, week, month, or cron: "0 6 * * 1".
    # A fixed list instead: { keys: [eu, us] }.
    partitions: { every: day, start: 2024-01-01, timezone: UTC }
    # The program of one partition, started in this folder. Exit code 0 means complete, 75 "try
    # again", 65 "bad data", 69 "something outside is down"; 1 is an error.
    run:
      command: [./hello.sh, "{partition.key}"]
    # env: { TARGET: test }
    # secrets: { DSN: { env: WAREHOUSE_DSN } }      # looked up by the executor, never stored
    # retries: { max_attempts: 3, backoff: { initial: 5s, max: 5m } }
    # limits: { concurrency: 4 }
    # pools: [warehouse]
    # upstream: { raw: { mapping: same } }
)yaml";

constexpr const char* kScript = R"sh(#!/bin/sh
# Makes one day of "hello": out/<day>.csv with a line for each hour. Running it twice for the same day
# gives the same file, which is what makes a backfill safe to repeat.
set -eu

day=${1:?usage: hello.sh DAY}
mkdir -p out

# Written aside and moved into place, so that nobody ever sees half a file.
part="out/.$day.$$"
trap 'rm -f "$part"' EXIT
{
    echo "hour,value"
    hour=0
    while [ "$hour" -lt 24 ]; do
        echo "$day $hour:00,$((hour * hour))"
        hour=$((hour + 1))
    done
} >"$part"
mv "$part" "out/$day.csv"

echo "wrote out/$day.csv (attempt ${SERVO_ATTEMPT:-1})"
# Optional: tell Servo how much it was.
echo '{"rows": 24}' >"${SERVO_RESULT_FILE:-/dev/null}"
)sh";

}  // namespace

std::vector<InitFile> init_files() {
    return {{"servo.yaml", kAssetFile, false}, {"hello.sh", kScript, true}};
}

}  // namespace servo::config
