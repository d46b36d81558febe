#include "server/review.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/job_id.h"
#include "report/statistics.h"

namespace servo::server {
namespace {

using namespace model;

constexpr Millis kHour{3'600'000};
constexpr Millis kDay{86'400'000};
constexpr Millis kHourlyUpTo = 2 * kDay;
constexpr int kBucketsPerOctave = 8;

Instant hour_of(Instant at) {
    return at - at.time_since_epoch() % kHour;
}

std::string tenant_of(const Names& names, TenantId id) {
    const auto found = names.tenants.find(id);
    return found == names.tenants.end() ? fmt::format("tenant {}", id.value) : found->second;
}

std::string asset_of(const Names& names, AssetId id) {
    const auto found = names.assets.find(id);
    return found == names.assets.end() ? fmt::format("asset {}", id.value) : found->second;
}

void add_group(api::ReportGroup& sum, const api::ReportGroup& one) {
    sum.completed_partitions += one.completed_partitions;
    sum.failed_partitions += one.failed_partitions;
    sum.busy_ms += one.busy_ms;
    sum.completed_before += one.completed_before;
    sum.failed_before += one.failed_before;
}

// The busiest first; those beyond the limit as one.
std::vector<api::ReportGroup> cut(const std::map<std::string, api::ReportGroup>& groups) {
    std::vector<api::ReportGroup> out;
    for (const auto& [name, group] : groups) {
        out.push_back(group);
        out.back().name = name;
    }
    std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
        return std::pair(a.busy_ms, a.completed_partitions + a.failed_partitions) >
               std::pair(b.busy_ms, b.completed_partitions + b.failed_partitions);
    });
    if (out.size() > api::kReportRowsMax) {
        api::ReportGroup others;
        others.name = "others";
        for (size_t i = api::kReportRowsMax - 1; i < out.size(); ++i) {
            add_group(others, out[i]);
        }
        out.resize(api::kReportRowsMax - 1);
        out.push_back(std::move(others));
    }
    return out;
}

}  // namespace

ReviewSpan ReviewSpan::of(Instant until, Millis length) {
    return {until - 2 * length, until - length, until};
}

Millis ReviewSpan::step() const {
    return length() <= kHourlyUpTo ? kHour : kDay;
}

std::vector<ReviewSpan::Hours> ReviewSpan::whole_hours() const {
    std::vector<Hours> out;
    for (const auto& [begin, end] : {std::pair(before_since, since), std::pair(since, until)}) {
        const Hours hours{hour_of(begin + kHour - Millis(1)), hour_of(end)};
        if (hours.from < hours.to) {
            out.push_back(hours);
        }
    }
    return out;
}

std::vector<ReviewSpan::Hours> ReviewSpan::cut_hours() const {
    std::vector<Hours> out;
    for (const Instant bound : {before_since, since, until}) {
        const Instant hour = hour_of(bound);
        if (hour < bound && (out.empty() || out.back().from < hour)) {
            out.push_back({hour, hour + kHour});
        }
    }
    return out;
}

void SizeCounts::add(int64_t bytes) {
    const auto size = static_cast<double>(std::max<int64_t>(bytes, 1));
    ++buckets_[static_cast<int>(std::ceil(std::log2(size) * kBucketsPerOctave))];
    ++total_;
    most_ = std::max(most_, bytes);
}

std::optional<int64_t> SizeCounts::most() const {
    return total_ == 0 ? std::nullopt : std::optional(most_);
}

std::optional<int64_t> SizeCounts::percentile(int percent) const {
    if (total_ == 0) {
        return std::nullopt;
    }
    const uint64_t wanted = (total_ * static_cast<uint64_t>(percent) + 99) / 100;
    uint64_t seen = 0;
    for (const auto& [bucket, count] : buckets_) {
        seen += count;
        if (seen >= wanted) {
            const double edge = std::exp2(static_cast<double>(bucket) / kBucketsPerOctave);
            return std::min(most_, static_cast<int64_t>(std::llround(edge)));
        }
    }
    return most_;
}

Review::Review(const ReviewSpan& span) : span_(span) {
    for (Instant start = span.since; start < span.until; start += span.step()) {
        steps_.push_back({start, 0, {}});
    }
}

Review::Period* Review::period_of(Instant at) {
    if (at < span_.before_since || at >= span_.until) {
        return nullptr;
    }
    return at < span_.since ? &before_ : &now_;
}

api::ReportStep* Review::step_of(Instant at) {
    if (at < span_.since || at >= span_.until) {
        return nullptr;
    }
    return &steps_[static_cast<size_t>((at - span_.since) / span_.step())];
}

void Review::add_job(const store::JobPage::Item& item) {
    const JobRow& row = item.row;
    if (Period* period = period_of(row.created_at)) {
        ++period->totals.backfills_started;
    }
    if (Period* period = row.completed_at ? period_of(*row.completed_at) : nullptr) {
        api::ReportTotals& totals = period->totals;
        totals.backfills_completed += row.state == JobState::kCompleted ? 1 : 0;
        totals.backfills_failed += row.state == JobState::kFailed ? 1 : 0;
        totals.backfills_cancelled += row.state == JobState::kCancelled ? 1 : 0;
    }
    add_claims(row);
    add_deadline(row);
}

void Review::add_claims(const JobRow& row) {
    for (const Claim& claim : row.claims) {
        if (Period* period = period_of(claim.at)) {
            period->claims_ms.push_back(static_cast<double>(claim.waited.count()));
        }
    }
}

void Review::add_deadline(const JobRow& row) {
    if (!row.settings.deadline || row.state == JobState::kCancelled) {
        return;
    }
    const Instant deadline = *row.settings.deadline;
    const Instant end = row.completed_at.value_or(span_.until);
    const bool ended_now = row.completed_at && period_of(end) == &now_;
    const bool due_now = !row.completed_at && deadline < span_.until;
    if (!ended_now && !due_now) {
        return;
    }
    api::ReportDeadline one;
    one.id = to_text(row.id);
    one.state = to_string(row.state);
    one.deadline_at = deadline;
    one.completed_at = row.completed_at;
    one.margin_ms = (deadline - end).count();
    deadlines_.emplace_back(Place{row.tenant, row.asset}, std::move(one));
}

void Review::add_done(const JobRow& job, const std::vector<DoneEntry>& entries) {
    api::ReportGroup& place = places_[{job.tenant, job.asset}];
    for (const DoneEntry& entry : entries) {
        const Instant ended = entry.started_at + std::chrono::ceil<Millis>(entry.duration);
        Period* period = period_of(ended);
        if (period == nullptr) {
            continue;
        }
        const int64_t ms = std::chrono::round<Millis>(entry.duration).count();
        ++period->totals.completed_partitions;
        period->totals.busy_ms += ms;
        if (entry.cpu_us >= 0) {
            period->cpu_us += entry.cpu_us;
            period->cpu_known_us += entry.duration.count();
        }
        if (entry.max_rss_kb >= 0) {
            period->memory.add(entry.max_rss_kb * 1'024);
        }
        if (period == &now_) {
            ++place.completed_partitions;
            place.busy_ms += ms;
            ++step_of(ended)->completed_partitions;
        } else {
            ++place.completed_before;
        }
    }
}

void Review::add_failures(const JobRow& job, const std::vector<FailureRow>& rows) {
    const Place place{job.tenant, job.asset};
    api::ReportGroup& group = places_[place];
    for (const FailureRow& row : rows) {
        Period* period = period_of(row.ended_at);
        if (period == nullptr) {
            continue;
        }
        const int64_t ms = std::max<int64_t>(0, (row.ended_at - row.started_at).count());
        ++period->totals.failed_attempts;
        period->totals.wasted_ms += ms;
        period->totals.failed_partitions += row.final ? 1 : 0;
        api::ReportClass& klass = classes_[row.klass];
        if (period == &before_) {
            ++klass.attempts_before;
            group.failed_before += row.final ? 1 : 0;
            continue;
        }
        group.failed_partitions += row.final ? 1 : 0;
        ++klass.attempts;
        klass.partitions += row.final ? 1 : 0;
        klass.wasted_ms += ms;
        Waste& waste = wasted_[{place, row.klass}];
        ++waste.attempts;
        waste.ms += ms;
        ++step_of(row.ended_at)->failed_attempts[std::string(to_string(row.klass))];
    }
}

void Review::add_ledger(const std::vector<LedgerRow>& rows) {
    for (const LedgerRow& row : rows) {
        Period* period = period_of(row.at);
        for (const auto& [key, amounts] : row.entries) {
            for (const auto& [word, ms] : amounts) {
                const auto state = ledger_name(word, kSlotWords);
                if (period != nullptr && state) {
                    period->totals.slot_ms[*state] += ms;
                }
            }
        }
    }
}

api::ReportTotals Review::totals_of(const Period& period) const {
    api::ReportTotals out = period.totals;
    const auto length = static_cast<double>(span_.length().count());
    out.mean_slots = static_cast<double>(out.busy_ms + out.wasted_ms) / length;
    if (period.cpu_known_us > 0) {
        out.mean_cpus = static_cast<double>(period.cpu_us) / 1'000 / length;
    }
    out.memory_p95_bytes = period.memory.percentile(95);
    out.memory_max_bytes = period.memory.most();
    out.claims = static_cast<int64_t>(period.claims_ms.size());
    out.claim_p50_ms = report::percentile(period.claims_ms, 50);
    out.claim_p95_ms = report::percentile(period.claims_ms, 95);
    out.claim_p99_ms = report::percentile(period.claims_ms, 99);
    return out;
}

void Review::fill_groups(const Names& names, api::Report& out) const {
    std::map<std::string, api::ReportGroup> tenants;
    std::map<std::string, api::ReportGroup> assets;
    for (const auto& [place, group] : places_) {
        if (group.completed_partitions + group.failed_partitions + group.completed_before +
                group.failed_before >
            0) {
            const std::string tenant = tenant_of(names, place.first);
            add_group(tenants[tenant], group);
            add_group(assets[tenant + "/" + asset_of(names, place.second)], group);
        }
    }
    out.tenants = cut(tenants);
    out.assets = cut(assets);
}

void Review::fill_failures(const Names& names, api::Report& out) const {
    for (const auto& [klass, counts] : classes_) {
        out.classes.push_back(counts);
        out.classes.back().failure_class = to_string(klass);
    }
    std::stable_sort(out.classes.begin(), out.classes.end(), [](const auto& a, const auto& b) {
        return std::pair(a.attempts, a.attempts_before) > std::pair(b.attempts, b.attempts_before);
    });
    for (const auto& [key, waste] : wasted_) {
        const auto& [place, klass] = key;
        out.wasted.push_back(
            {tenant_of(names, place.first),
             asset_of(names, place.second),
             std::string(to_string(klass)),
             waste.attempts,
             waste.ms}
        );
    }
    std::stable_sort(out.wasted.begin(), out.wasted.end(), [](const auto& a, const auto& b) {
        return a.wasted_ms > b.wasted_ms;
    });
    out.wasted.resize(std::min(out.wasted.size(), api::kReportShortMax));
}

void Review::fill_deadlines(const Names& names, api::Report& out) const {
    for (const auto& [place, one] : deadlines_) {
        out.deadlines.push_back(one);
        out.deadlines.back().tenant_id = tenant_of(names, place.first);
        out.deadlines.back().asset_name = asset_of(names, place.second);
    }
    std::stable_sort(out.deadlines.begin(), out.deadlines.end(), [](const auto& a, const auto& b) {
        return a.margin_ms < b.margin_ms;
    });
    out.deadlines.resize(std::min(out.deadlines.size(), api::kReportShortMax));
}

api::Report Review::report(const Names& names) const {
    api::Report out;
    out.before_since = span_.before_since;
    out.since = span_.since;
    out.until = span_.until;
    out.step_ms = span_.step().count();
    out.now = totals_of(now_);
    out.before = totals_of(before_);
    out.steps = steps_;
    fill_groups(names, out);
    fill_failures(names, out);
    fill_deadlines(names, out);
    return out;
}

}  // namespace servo::server
