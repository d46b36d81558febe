// PartitionScheme::resolve: from what a user asked for to runs of ordinals, without expanding them.
#include <fmt/format.h>

#include <algorithm>

#include "base/suggest.h"
#include "base/text.h"
#include "base/utf8.h"
#include "model/compiled_scheme.h"

namespace servo::model {
namespace {

constexpr size_t kShownKeys = 5;

Error too_many(std::string_view what, uint64_t limit) {
    return invalid_argument(
        "too_many_partitions",
        fmt::format(
            "The selection has more than {} {}; narrow it with --start and --end, --dim or "
            "--partition.",
            with_commas(static_cast<int64_t>(limit)),
            what
        )
    );
}

Error bad_selection(std::string message) {
    return invalid_argument("bad_selection", std::move(message));
}

uint64_t members(const std::vector<OrdinalRun>& runs) {
    uint64_t sum = 0;
    for (const OrdinalRun& run : runs) {
        sum += run.count;
    }
    return sum;
}

std::vector<OrdinalRun> runs_of(std::vector<Ordinal>& ordinals) {
    std::sort(ordinals.begin(), ordinals.end());
    ordinals.erase(std::unique(ordinals.begin(), ordinals.end()), ordinals.end());
    OrdinalRunBuilder builder;
    for (const Ordinal ordinal : ordinals) {
        builder.add(ordinal);
    }
    return builder.take();
}

// Each of `high` shifted left by `shift`, joined with each of `low`.
Result<std::vector<OrdinalRun>> join_runs(
    const std::vector<OrdinalRun>& high, const std::vector<OrdinalRun>& low, int shift
) {
    const uint64_t high_count = members(high);
    const uint64_t low_count = members(low);
    if (low_count != 0 && high_count > kPartitionsPerJobMax / low_count) {
        return fail(too_many("partitions", kPartitionsPerJobMax));
    }
    const int64_t scale = int64_t{1} << shift;
    OrdinalRunBuilder builder;
    if (low_count == 1) {  // stays as regular as `high` is
        for (const OrdinalRun& run : high) {
            const int64_t stride = run.count == 1 ? 1 : run.stride * scale;
            builder.add(OrdinalRun{run.first * scale + low.front().first, run.count, stride});
        }
        return builder.take();
    }
    if (!low.empty() && high_count > kOrdinalRunsMax / low.size()) {
        return fail(too_many("separate ranges", kOrdinalRunsMax));
    }
    for (const OrdinalRun& run : high) {
        for (uint64_t i = 0; i < run.count; ++i) {
            const Ordinal base = (run.first + static_cast<int64_t>(i) * run.stride) * scale;
            for (const OrdinalRun& inner : low) {
                builder.add(OrdinalRun{base + inner.first, inner.count, inner.stride});
            }
        }
    }
    return builder.take();
}

// Collects the keys that do not exist, so that one answer names the first few.
class MissingKeys {
 public:
    void add(const std::string& key, Error error) {
        if (count_++ == 0) {
            first_ = std::move(error);
        }
        if (names_.size() < kShownKeys) {
            names_.push_back(fmt::format("\"{}\"", utf8_front(key, kStaticKeyLengthMax)));
        }
    }
    Status status() const {
        if (count_ == 0) {
            return {};
        }
        Error error = first_;
        if (count_ > 1) {
            error.message = fmt::format(
                "{} keys have no partition: {}{}. {}",
                count_,
                join(names_, ", "),
                count_ > names_.size() ? ", …" : "",
                error.message
            );
        }
        return fail(std::move(error));
    }

 private:
    size_t count_ = 0;
    Error first_;
    std::vector<std::string> names_;
};

// The numbers of `keys` as `parse` gives them. A malformed key is refused at once.
template <typename Parse>
Result<std::vector<Ordinal>> parse_all(const std::vector<std::string>& keys, Parse parse) {
    std::vector<Ordinal> out;
    MissingKeys missing;
    for (const std::string& key : keys) {
        Result<Ordinal> ordinal = parse(key);
        if (ordinal.has_value()) {
            out.push_back(*ordinal);
        } else if (ordinal.error().code == ErrorCode::kNotFound) {
            missing.add(key, std::move(ordinal).error());
        } else {
            return fail(std::move(ordinal).error());
        }
    }
    SERVO_CHECK(missing.status());
    return out;
}

// The same for keys of one dimension, which an error names.
template <typename Parse>
Result<std::vector<Ordinal>> parse_all_of(
    const std::string& dimension, const std::vector<std::string>& keys, Parse parse
) {
    Result<std::vector<Ordinal>> out = parse_all(keys, parse);
    if (!out) {
        Error error = std::move(out).error();
        error.message = fmt::format("Dimension \"{}\": {}", dimension, error.message);
        return fail(std::move(error));
    }
    return out;
}

}  // namespace

Result<Resolved> CompiledScheme::resolve(const Selection& selection, Instant now) const {
    SERVO_CHECK(check_selection(selection));
    Resolved resolved = selection.keys.empty() ? SERVO_TRY(resolve_range(selection, now))
                                               : SERVO_TRY(resolve_keys(selection.keys, now));
    return finish(std::move(resolved));
}

Status CompiledScheme::check_selection(const Selection& selection) const {
    const bool ranged = !selection.start.empty() || !selection.end.empty();
    if (!selection.keys.empty() && (ranged || !selection.dims.empty())) {
        return fail(bad_selection(
            "Explicit partition keys name the whole selection; leave out --start, --end and --dim."
        ));
    }
    if (ranged && time_ == nullptr) {
        return fail(
            bad_selection("The asset has no time windows, so --start and --end mean nothing; "
                          "select with --partition.")
        );
    }
    for (const auto& [name, values] : selection.dims) {
        const CompiledDimension* dimension = find(name);
        if (dimension == nullptr) {
            std::vector<std::string> names;
            for (const CompiledDimension& known : dimensions_) {
                names.push_back(known.name);
            }
            return fail(bad_selection(
                fmt::format("The asset has no dimension \"{}\".{}", name, did_you_mean(name, names))
            ));
        }
        if (values.empty()) {
            return fail(bad_selection(fmt::format("Dimension \"{}\" is given no keys.", name)));
        }
        if (dimension == time_ && ranged) {
            return fail(bad_selection(
                fmt::format("Restrict \"{}\" either by --dim or by --start and --end.", name)
            ));
        }
    }
    return {};
}

Result<Resolved> CompiledScheme::resolve_keys(const std::vector<std::string>& keys, Instant now)
    const {
    std::vector<Ordinal> ordinals =
        SERVO_TRY(parse_all(keys, [this](const std::string& key) { return parse_key(key); }));
    Resolved out;
    if (time_ != nullptr) {
        const Ordinal eligible = time_->time->eligible_end(now);
        const auto ended = [&](Ordinal ordinal) { return part_of(ordinal, *time_) < eligible; };
        std::sort(ordinals.begin(), ordinals.end());  // time is in the high bits
        const auto open = std::partition_point(ordinals.begin(), ordinals.end(), ended);
        out.not_yet_ended = static_cast<uint64_t>(std::unique(open, ordinals.end()) - open);
        ordinals.erase(open, ordinals.end());
    }
    out.ordinals = runs_of(ordinals);
    return out;
}

Result<TimeSelection> CompiledScheme::select_windows(
    const std::vector<std::string>& keys, Instant now
) const {
    const TimeDimension& time = *time_->time;
    std::vector<Ordinal> windows = SERVO_TRY(
        parse_all_of(time_->name, keys, [&](const std::string& key) { return time.parse(key); })
    );
    const Ordinal eligible = time.eligible_end(now);
    TimeSelection out;
    std::sort(windows.begin(), windows.end());
    windows.erase(std::unique(windows.begin(), windows.end()), windows.end());
    out.start_s = time.axis().span(windows.front())->start_s;
    out.end_s = time.axis().span(windows.back())->end_s;
    const auto open = std::lower_bound(windows.begin(), windows.end(), eligible);
    out.not_yet_ended = static_cast<uint64_t>(windows.end() - open);
    windows.erase(open, windows.end());
    out.windows = runs_of(windows);
    return out;
}

Result<CompiledScheme::Part> CompiledScheme::select_static(
    const CompiledDimension& dimension, const Selection& selection
) const {
    const auto given = selection.dims.find(dimension.name);
    Part out;
    if (dimension.name.empty() || given == selection.dims.end()) {
        out.runs = dimension.keys->live();
    } else {
        std::vector<Ordinal> ids =
            SERVO_TRY(parse_all_of(dimension.name, given->second, [&](const std::string& key) {
                return dimension.keys->parse(key);
            }));
        out.runs = runs_of(ids);
    }
    out.count = members(out.runs);
    return out;
}

Result<Resolved> CompiledScheme::resolve_range(const Selection& selection, Instant now) const {
    // All static dimensions joined, from the last declared, whose bits are the lowest.
    std::vector<OrdinalRun> joined{{0, 1, 1}};
    int width = 0;
    for (auto dimension = dimensions_.rbegin(); dimension != dimensions_.rend(); ++dimension) {
        if (dimension->keys.has_value()) {
            const Part part = SERVO_TRY(select_static(*dimension, selection));
            joined = SERVO_TRY(join_runs(part.runs, joined, width));
            width += dimension->bits == 64 ? 0 : dimension->bits;
        }
    }
    Resolved out;
    if (time_ == nullptr) {
        out.ordinals = std::move(joined);
        return out;
    }
    const auto given = selection.dims.find(time_->name);
    const TimeSelection time =
        time_->name.empty() || given == selection.dims.end()
            ? SERVO_TRY(time_->time->select(selection.start, selection.end, now))
            : SERVO_TRY(select_windows(given->second, now));
    const uint64_t per_window = members(joined);
    out.cut_by_bounds = time.cut_by_bounds * per_window;
    out.not_yet_ended = time.not_yet_ended * per_window;
    const Zone& zone = time_->time->axis().zone();
    out.range_start = format_rfc3339(instant_ms(time.start_s * 1000), zone);
    out.range_end = format_rfc3339(instant_ms(time.end_s * 1000), zone);
    out.ordinals = SERVO_TRY(join_runs(time.windows, joined, width));
    return out;
}

// Counts, limits, first and last key; the range is that of the windows where there are any.
Result<Resolved> CompiledScheme::finish(Resolved out) const {
    out.timezone = timezone_;
    out.count = members(out.ordinals);
    if (out.count > kPartitionsPerJobMax) {
        return fail(too_many("partitions", kPartitionsPerJobMax));
    }
    if (out.ordinals.size() > kOrdinalRunsMax) {
        return fail(too_many("separate ranges", kOrdinalRunsMax));
    }
    if (out.count == 0) {
        return out;
    }
    const PartitionInfo first = SERVO_TRY(describe(out.ordinals.front().first));
    const PartitionInfo last = SERVO_TRY(describe(out.ordinals.back().last()));
    out.first_key = first.key;
    out.last_key = last.key;
    out.range_start = first.start_text;
    out.range_end = last.end_text;
    return out;
}

}  // namespace servo::model
