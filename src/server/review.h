// Adds up what jobs, their done log and their failures say of a period and of the one before it.
// A value that one thread fills; sizes follow from the jobs looked at, not from their partitions.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/review.h"
#include "server/lookup.h"
#include "store/store.h"

namespace servo::server {

// [before_since, since) is the period before, [since, until) the period. An hour is a step of a
// period of two days at most, a day one of a longer period.
struct ReviewSpan {
    Instant before_since;
    Instant since;
    Instant until;

    // `until` less `length` and less that again.
    static ReviewSpan of(Instant until, Millis length);
    Millis length() const { return until - since; }
    Millis step() const;
    // The hours that lie in one of the two periods as a whole, and those that a bound cuts.
    struct Hours {
        Instant from;
        Instant to;
    };
    std::vector<Hours> whole_hours() const;
    std::vector<Hours> cut_hours() const;
};

// Peaks of memory in buckets an eighth of an octave wide, so that a percentile is at most 9 % high.
class SizeCounts {
 public:
    void add(int64_t bytes);
    std::optional<int64_t> percentile(int percent) const;
    std::optional<int64_t> most() const;

 private:
    std::map<int, uint64_t> buckets_;
    uint64_t total_ = 0;
    int64_t most_ = 0;
};

class Review {
 public:
    explicit Review(const ReviewSpan& span);

    void add_job(const store::JobPage::Item& item);
    void add_done(const model::JobRow& job, const std::vector<model::DoneEntry>& entries);
    void add_failures(const model::JobRow& job, const std::vector<model::FailureRow>& rows);
    // Minutes and hours of the ledger of time, over all; each counts where it begins.
    void add_ledger(const std::vector<model::LedgerRow>& rows);

    // The tables are cut to their limits; what has no name any more is called by its number.
    api::Report report(const Names& names) const;

 private:
    struct Period {
        api::ReportTotals totals;
        std::vector<double> claims_ms;
        int64_t cpu_us = 0;
        int64_t cpu_known_us = 0;  // duration of the partitions whose processor time is known
        SizeCounts memory;
    };
    using Place = std::pair<model::TenantId, model::AssetId>;
    struct Waste {
        uint64_t attempts = 0;
        int64_t ms = 0;
    };

    Period* period_of(Instant at);
    api::ReportStep* step_of(Instant at);
    void add_claims(const model::JobRow& row);
    void add_deadline(const model::JobRow& row);
    api::ReportTotals totals_of(const Period& period) const;
    void fill_groups(const Names& names, api::Report& out) const;
    void fill_failures(const Names& names, api::Report& out) const;
    void fill_deadlines(const Names& names, api::Report& out) const;

    ReviewSpan span_;
    Period now_, before_;
    std::map<Place, api::ReportGroup> places_;
    std::map<model::FailureClass, api::ReportClass> classes_;
    std::map<std::pair<Place, model::FailureClass>, Waste> wasted_;
    std::vector<api::ReportStep> steps_;
    std::vector<std::pair<Place, api::ReportDeadline>> deadlines_;
};

}  // namespace servo::server
