// Reads expected windows from standard input (see partition_oracle.py) and compares them with the
// library. Exit code: 0 all agree, 1 some differ, 2 the input is not what the oracle writes.
#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "model/partition_scheme.h"

namespace servo::model {
namespace {

constexpr int kShownMax = 20;
constexpr int64_t kMinuteMs = 60'000;

struct Row {
    std::string key;
    int64_t ordinal = 0;
    int64_t start_min = 0;
    int64_t end_min = 0;
};

struct Case {
    std::string title;
    TimeWindows time;
    int64_t start_min = 0;
    int64_t end_min = 0;
    std::vector<Row> rows;
};

Instant at_minute(int64_t minute) {
    return instant_ms(minute * kMinuteMs);
}

std::string text_of(int64_t minute) {
    return format_rfc3339(at_minute(minute));
}

std::optional<Case> read_case(const std::vector<std::string>& cells) {
    if (cells.size() != 7) {
        return std::nullopt;
    }
    Case out;
    out.title = fmt::format("{} {} {} {}", cells[1], cells[2], cells[3], cells[4]);
    const std::string& unit = cells[2];
    out.time.timezone = cells[1];
    out.time.every = std::stoi(cells[3]);
    out.time.cron = cells[4];
    out.time.unit = unit == "minutes" ? Unit::kMinutes
                    : unit == "hours" ? Unit::kHours
                    : unit == "day"   ? Unit::kDay
                    : unit == "month" ? Unit::kMonth
                    : unit == "cron"  ? Unit::kCron
                                      : Unit::kWeek;
    if (out.time.unit == Unit::kWeek) {
        out.time.week_start = static_cast<Weekday>(unit.back() - '1');
    }
    out.start_min = std::stoll(cells[5]);
    out.end_min = std::stoll(cells[6]);
    out.time.start = text_of(out.start_min);
    return out;
}

class Checker {
 public:
    void check(const Case& expected) {
        ++cases_;
        const auto scheme = PartitionScheme::compile({{{"", expected.time}}});
        if (!scheme.has_value()) {
            differ(expected, scheme.error().message);
            return;
        }
        Selection selection;
        selection.start = text_of(expected.start_min);
        selection.end = text_of(expected.end_min);
        const auto resolved = (*scheme)->resolve(selection, at_minute(expected.end_min));
        if (!resolved.has_value()) {
            differ(expected, resolved.error().message);
            return;
        }
        const OrdinalView view(resolved->ordinals);
        if (view.size() != expected.rows.size()) {
            differ(
                expected, fmt::format("{} windows, {} expected", view.size(), expected.rows.size())
            );
        }
        for (size_t i = 0; i < expected.rows.size(); ++i) {
            check_row(expected, **scheme, expected.rows[i], i < view.size() ? view.at(i) : -1);
        }
    }
    int cases() const { return cases_; }
    int differences() const { return differences_; }

 private:
    void check_row(
        const Case& expected, const PartitionScheme& scheme, const Row& row, Ordinal ordinal
    ) {
        const auto info = scheme.describe(ordinal);
        if (!info.has_value()) {
            differ(expected, fmt::format("{}: {}", row.key, info.error().message));
            return;
        }
        const auto parsed = scheme.parse_key(row.key);
        if (ordinal != row.ordinal || info->key != row.key || parsed.value_or(-1) != ordinal ||
            info->window->start != at_minute(row.start_min) ||
            info->window->end != at_minute(row.end_min)) {
            differ(
                expected,
                fmt::format(
                    "{} #{} [{}, {}), expected {} #{} [{}, {})",
                    info->key,
                    ordinal,
                    format_rfc3339(info->window->start),
                    format_rfc3339(info->window->end),
                    row.key,
                    row.ordinal,
                    text_of(row.start_min),
                    text_of(row.end_min)
                )
            );
        }
    }
    void differ(const Case& expected, const std::string& what) {
        if (++differences_ <= kShownMax) {
            fmt::print(stderr, "{}: {}\n", expected.title, what);
        }
    }

    int cases_ = 0;
    int differences_ = 0;
};

int run() {
    Checker checker;
    std::optional<Case> open;
    std::string line;
    while (std::getline(std::cin, line)) {
        const std::vector<std::string> cells = split(line, '\t');
        if ((cells[0] == "CASE" || cells[0] == "END") && open.has_value()) {
            checker.check(*open);
            open.reset();
        }
        if (cells[0] == "END") {
            const bool complete =
                checker.cases() > 0 && cells[1] == std::to_string(checker.cases());
            fmt::print("{} cases, {} differences\n", checker.cases(), checker.differences());
            return !complete ? 2 : checker.differences() == 0 ? 0 : 1;
        }
        if (cells[0] == "CASE") {
            open = read_case(cells);
        } else if (open.has_value() && cells.size() == 4) {
            open->rows.push_back(
                {cells[0], std::stoll(cells[1]), std::stoll(cells[2]), std::stoll(cells[3])}
            );
        }
    }
    return 2;
}

}  // namespace
}  // namespace servo::model

int main() {
    return servo::model::run();
}
