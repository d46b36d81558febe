// How numbers and times look to people. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/admin.h"
#include "api/backfill.h"
#include "base/time.h"

namespace servo::cli {

// "3m 20s ago" is the caller's to say: this is "3m 20s". Negative spans count as zero.
std::string span(Instant from, Instant to);
std::string span_ms(double ms);  // "0.4ms", "5.3ms", "12ms", "3.2s"
// UTC, whole seconds: "2024-01-29 05:15:00Z".
std::string when(Instant t);
std::string when(const std::optional<Instant>& t);  // "" when absent
// "12.3/s", "4.1/min", "2.0/h"; "-" for nothing.
std::string rate(double per_second);
std::string count(uint64_t value);
std::string bytes(std::optional<int64_t> value);  // "1.5 GiB"; "" when absent
// ", exit 65", ", exit -9" for a signal; empty: it did not exit.
std::string exit_words(const std::optional<int64_t>& code);
// Share of partitions that ended, in percent with one decimal; never "100.0%" before the end.
std::string percent(uint64_t part, uint64_t whole);
uint64_t ended(const api::Backfill& job);
// "63.2% 632/1,000", with the failed ones named.
std::string progress(const api::Backfill& job);
// "in 3h 10m", "in 3h 10m (up to 4h)"; "-" when nothing is known or the job is not open.
std::string eta(const api::Backfill& job, Instant now, bool interval);

// "2 up, 1 drained, 1 lost".
std::string executor_counts(const api::SystemStatus& status);
// "3 of 8 busy, 2 more on executors that take nothing new".
std::string slot_counts(const api::SystemStatus& status);
// "24.0 slots: 18.2 busy.useful, …", the largest first; empty when nothing is known.
std::string slot_time(const std::optional<api::TimeSpent>& spent);
// "60% db_exec, 12% cpu, 10% opaque", of all slot time; empty while no attempt has ended.
std::string phase_shares(const std::optional<api::TimeSpent>& spent);
// "82% of slot time: 60% db_exec, 12% cpu, 10% opaque".
std::string busy_time(const std::optional<api::TimeSpent>& spent);
// "2.5 now, 0.0 in the ten minutes before".
std::string lost_slots(
    const std::optional<api::TimeSpent>& now, const std::optional<api::TimeSpent>& before
);
// One line for each reason why work waits, with what would release it; "" for none.
std::string wait_reasons(const std::vector<api::WaitReason>& reasons, Instant now);

bool is_open(const std::string& state);

// Every word that stands between commas, over all values; empty ones are dropped.
std::vector<std::string> comma_words(const std::vector<std::string>& values);

}  // namespace servo::cli
