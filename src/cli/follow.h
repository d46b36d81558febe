// Waiting for a backfill at the terminal: polls, shows progress on stderr, ends at a terminal
// state, a time limit or Ctrl-C, which detaches and never cancels.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cli/session.h"

namespace servo::cli {

constexpr Millis kPollFirst{200};
constexpr Millis kPollMax{2'000};
// A server that answered before may be away this long (a restart) before waiting fails.
constexpr Millis kSilenceMax{60'000};

// Polls `step` until it returns an exit code. Between calls it waits, doubling from kPollFirst to
// `most`. Ctrl-C: says what to type to come back, returns 130. `until`: 7 when it has passed.
Result<int> poll_until(
    Session& session,
    const std::string& come_back,
    std::optional<Instant> until,
    const std::function<Result<std::optional<int>>()>& step,
    Millis most = kPollMax
);

// Exit code of an ended backfill: 0 completed, 1 failed, 9 cancelled.
int exit_code_of_state(const std::string& state);

// Waits for all of `ids` to end. The worst exit code wins: 1, then 9, then 0.
Result<int> wait_for_backfills(
    Session& session, const std::vector<std::string>& ids, std::optional<Instant> until
);

}  // namespace servo::cli
