#include "cli/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/rfc3339.h"
#include "base/text.h"
#include "model/job.h"

namespace servo::cli {

std::string span(Instant from, Instant to) {
    return human_duration(std::max(Millis(0), to - from));
}

std::string span_ms(double ms) {
    constexpr double kFractionsBelow = 10;
    return ms > 0 && ms < kFractionsBelow ? fmt::format("{:.2g}ms", ms)
                                          : human_duration(Millis(std::llround(ms)));
}

std::string when(Instant t) {
    std::string text = format_rfc3339(instant_ms(to_ms(t) / 1'000 * 1'000));
    if (const size_t at = text.find('T'); at != std::string::npos) {
        text[at] = ' ';
    }
    return text;
}

std::string when(const std::optional<Instant>& t) {
    return t ? when(*t) : "";
}

std::string rate(double per_second) {
    if (per_second <= 0) {
        return "-";
    }
    if (per_second >= 1) {
        return per_second >= 100 ? with_commas(static_cast<int64_t>(per_second)) + "/s"
                                 : fmt::format("{:.1f}/s", per_second);
    }
    return per_second * 60 >= 1 ? fmt::format("{:.1f}/min", per_second * 60)
                                : fmt::format("{:.1f}/h", per_second * 3'600);
}

std::string count(uint64_t value) {
    return with_commas(static_cast<int64_t>(value));
}

std::string bytes(std::optional<int64_t> value) {
    if (!value) {
        return "";
    }
    constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    auto size = static_cast<double>(*value);
    size_t unit = 0;
    while (size >= 1'024 && unit + 1 < std::size(kUnits)) {
        size /= 1'024;
        ++unit;
    }
    return unit == 0 ? fmt::format("{} B", *value) : fmt::format("{:.1f} {}", size, kUnits[unit]);
}

std::string exit_words(const std::optional<int64_t>& code) {
    return code ? ", exit " + std::to_string(*code) : "";
}

std::string percent(uint64_t part, uint64_t whole) {
    if (whole == 0 || part >= whole) {
        return "100.0%";
    }
    const double share = 100.0 * static_cast<double>(part) / static_cast<double>(whole);
    return fmt::format("{:.1f}%", std::min(share, 99.9));
}

uint64_t ended(const api::Backfill& job) {
    return job.completed_partitions + job.failed_partitions + job.skipped_partitions +
           job.cancelled_partitions;
}

std::string progress(const api::Backfill& job) {
    std::string text = percent(ended(job), job.total_partitions) + ' ' + count(ended(job)) + '/' +
                       count(job.total_partitions);
    if (job.failed_partitions > 0) {
        text += " (" + count(job.failed_partitions) + " failed)";
    }
    return text;
}

std::string eta(const api::Backfill& job, Instant now, bool interval) {
    if (!is_open(job.state) || !job.estimated_completion_at) {
        return "-";
    }
    std::string text = "in " + span(now, *job.estimated_completion_at);
    if (interval && job.estimated_completion_p90_at) {
        text += " (nine times of ten within " + span(now, *job.estimated_completion_p90_at) + ")";
    }
    return text;
}

namespace {

constexpr double kSlotsShown = 0.05;  // less reads as 0.0
constexpr double kShareShown = 0.5;   // less reads as 0%

std::vector<std::pair<double, std::string>> largest_first(const std::map<std::string, double>& all
) {
    std::vector<std::pair<double, std::string>> out;
    for (const auto& [word, slots] : all) {
        out.emplace_back(-slots, word);
    }
    std::sort(out.begin(), out.end());
    return out;
}

double sum_of(const std::map<std::string, double>& all) {
    double sum = 0;
    for (const auto& [word, slots] : all) {
        sum += slots;
    }
    return sum;
}

}  // namespace

std::string executor_counts(const api::SystemStatus& status) {
    std::string out = fmt::format("{} up", status.executors_up);
    if (status.executors_drained > 0) {
        out += fmt::format(", {} drained", status.executors_drained);
    }
    if (status.executors_lost > 0) {
        out += fmt::format(", {} lost", status.executors_lost);
    }
    return out;
}

std::string slot_counts(const api::SystemStatus& status) {
    std::string out = fmt::format("{} of {} busy", status.slots_busy, status.slots);
    if (status.slots_draining > 0) {
        out += fmt::format(", {} more on executors that take nothing new", status.slots_draining);
    }
    return out;
}

std::string slot_time(const std::optional<api::TimeSpent>& spent) {
    if (!spent) {
        return "";
    }
    std::string text;
    for (const auto& [negative, state] : largest_first(spent->slots)) {
        if (-negative >= kSlotsShown) {
            text += fmt::format("{}{:.1f} {}", text.empty() ? "" : ", ", -negative, state);
        }
    }
    return text.empty() ? "" : fmt::format("{:.1f} slots: {}", sum_of(spent->slots), text);
}

std::string phase_shares(const std::optional<api::TimeSpent>& spent) {
    const double all = spent ? sum_of(spent->slots) : 0;
    if (all <= 0) {
        return "";
    }
    std::string text;
    for (const auto& [negative, phase] : largest_first(spent->phases)) {
        const double share = -negative * 100 / all;
        if (share >= kShareShown) {
            text += fmt::format("{}{:.0f}% {}", text.empty() ? "" : ", ", share, phase);
        }
    }
    return text;
}

std::string busy_time(const std::optional<api::TimeSpent>& spent) {
    const std::string shares = phase_shares(spent);
    if (shares.empty()) {
        return "";
    }
    const double busy = sum_of(spent->phases) * 100 / sum_of(spent->slots);
    return fmt::format("{:.0f}% of slot time: {}", busy, shares);
}

std::string lost_slots(
    const std::optional<api::TimeSpent>& now, const std::optional<api::TimeSpent>& before
) {
    if (!now) {
        return "";
    }
    const std::string text = fmt::format("{:.1f} now", now->lost_slots);
    return before ? fmt::format("{}, {:.1f} in the ten minutes before", text, before->lost_slots)
                  : text;
}

std::string wait_reasons(const std::vector<api::WaitReason>& reasons, Instant now) {
    std::string text;
    for (const api::WaitReason& reason : reasons) {
        text += (text.empty() ? "" : "\n") + count(reason.partitions) + ' ' + reason.gate;
        if (!reason.subject.empty()) {
            text += " " + reason.subject;
        }
        if (reason.since) {
            text += ", for " + span(*reason.since, now);
        }
        if (reason.until) {
            text += ", until " + when(*reason.until);
        }
        if (!reason.release.empty()) {
            text += "\n  " + reason.release;
        }
    }
    return text;
}

bool is_open(const std::string& state) {
    const auto known = model::job_state_from(state);
    return !known || !model::is_terminal(*known);
}

std::vector<std::string> comma_words(const std::vector<std::string>& values) {
    std::vector<std::string> words;
    for (const std::string& value : values) {
        for (std::string& word : split(value, ',')) {
            if (!word.empty()) {
                words.push_back(std::move(word));
            }
        }
    }
    return words;
}

}  // namespace servo::cli
