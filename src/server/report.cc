// Reads the history of a period and of the one before it, page by page.
#include "server/report.h"

#include <fmt/format.h>

#include <mutex>

#include "base/text.h"
#include "server/lookup.h"
#include "server/review.h"
#include "server/settings.h"

namespace servo::server {
namespace {

using namespace model;

constexpr Millis kSpanMin{3'600'000};
constexpr Millis kSpanMax{45LL * 86'400'000};  // failures are kept for twice that long
constexpr const char* kSpanUsual = "7d";
// What one report reads at most: a few seconds of one thread. The newest backfills come first.
constexpr size_t kJobsMax = 10'000;
constexpr size_t kDoneMax = 10'000'000;
constexpr size_t kFailuresMax = 200'000;
constexpr int kDonePage = 65'536;
constexpr int kRetryAfterS = 5;

// One report at a time in a process: several would keep the workers from everything else.
std::mutex one_at_a_time;

class HistoryWalk {
 public:
    HistoryWalk(store::Past& past, Review& review) : past_(past), review_(review) {}

    Status run(TenantId tenant, Instant since) {
        store::JobFilter filter;
        filter.tenant = tenant;
        filter.ended_since = since;
        std::string page_token;
        do {
            const store::JobPage page = SERVO_TRY(past_.jobs(filter, store::kPageMax, page_token));
            for (const store::JobPage::Item& item : page.items) {
                if (jobs_ == kJobsMax) {
                    cut_jobs_ = true;
                    return {};
                }
                ++jobs_;
                review_.add_job(item);
                SERVO_CHECK(read_done(item));
                SERVO_CHECK(read_failures(item.row));
            }
            page_token = page.next_page_token;
        } while (!page_token.empty());
        return {};
    }

    std::vector<std::string> notes() const {
        std::vector<std::string> out;
        if (cut_jobs_) {
            out.push_back(fmt::format(
                "Only the newest {} backfills were looked at.",
                with_commas(static_cast<int64_t>(kJobsMax))
            ));
        }
        if (cut_done_) {
            out.push_back(fmt::format(
                "Only {} completed partitions were read, those of the newest backfills first.",
                with_commas(static_cast<int64_t>(kDoneMax))
            ));
        }
        if (cut_failures_) {
            out.push_back(fmt::format(
                "Only {} failed attempts were read, those of the newest backfills first.",
                with_commas(static_cast<int64_t>(kFailuresMax))
            ));
        }
        return out;
    }

 private:
    Status read_done(const store::JobPage::Item& item) {
        for (Index next = 0; next < item.total;) {
            if (done_ >= kDoneMax) {
                cut_done_ = true;
                return {};
            }
            const auto entries =
                SERVO_TRY(past_.done(item.row.id, Run{next, item.total}, kDonePage));
            review_.add_done(item.row, entries);
            done_ += entries.size();
            if (entries.size() < static_cast<size_t>(kDonePage)) {
                return {};
            }
            next = entries.back().index + 1;
        }
        return {};
    }

    Status read_failures(const JobRow& job) {
        int64_t before_row = 0;
        do {
            if (failures_ >= kFailuresMax) {
                cut_failures_ = true;
                return {};
            }
            const auto rows = SERVO_TRY(past_.failures(
                job.id, std::nullopt, false, store::kPageMax, before_row, &before_row
            ));
            review_.add_failures(job, rows);
            failures_ += rows.size();
        } while (before_row != 0);
        return {};
    }

    store::Past& past_;
    Review& review_;
    size_t jobs_ = 0;
    size_t done_ = 0;
    size_t failures_ = 0;
    bool cut_jobs_ = false;
    bool cut_done_ = false;
    bool cut_failures_ = false;
};

// Slot time of the two periods. An hour that a bound cuts counts by its minutes; they are kept less
// long than hours, and without them it counts where it begins.
Status add_ledger(store::Past& past, const ReviewSpan& span, Review& review) {
    const auto read = [&past](LedgerSpan of, const ReviewSpan::Hours& hours) {
        return past.ledger(of, LedgerScope::kAll, hours.from, hours.to);
    };
    for (const ReviewSpan::Hours& hours : span.whole_hours()) {
        review.add_ledger(SERVO_TRY(read(LedgerSpan::kHour, hours)));
    }
    for (const ReviewSpan::Hours& cut : span.cut_hours()) {
        auto rows = SERVO_TRY(read(LedgerSpan::kMinute, cut));
        if (rows.empty()) {
            rows = SERVO_TRY(read(LedgerSpan::kHour, cut));
        }
        review.add_ledger(rows);
    }
    return {};
}

Result<ReviewSpan> span_of(Call& call) {
    const std::string typed = call.query_value("since");
    const Instant now = call.backend.now();
    const Instant since = SERVO_TRY(parse_since(typed.empty() ? kSpanUsual : typed, now));
    const Millis length = now - since;
    if (length < kSpanMin || length > kSpanMax) {
        return fail(invalid_argument(
            "bad_since",
            fmt::format(
                "since: must be from {} to {} ago, such as 7d.",
                format_duration(kSpanMin),
                format_duration(kSpanMax)
            )
        ));
    }
    return ReviewSpan::of(now + Millis(1), length);  // with what happens at this very moment
}

Result<std::optional<int64_t>> slots_now(Call& call) {
    if (!call.sees_all_tenants()) {
        return std::nullopt;
    }
    return SERVO_TRY(call.backend.read([](const core::Scheduler& scheduler, Instant now) {
        int64_t slots = 0;
        for (const core::ExecutorView& view : scheduler.executors(now)) {
            slots += view.slots;
        }
        return std::optional(slots);
    }));
}

}  // namespace

Result<Response> get_report(Call& call) {
    const TenantId tenant = SERVO_TRY(tenant_filter(call));
    const ReviewSpan span = SERVO_TRY(span_of(call));
    const std::unique_lock alone(one_at_a_time, std::try_to_lock);
    if (!alone) {
        Error error = resource_exhausted(
            "report_running", "Another report is being made; ask again in a few seconds."
        );
        error.retry_after_s = kRetryAfterS;
        return fail(std::move(error));
    }
    Review review(span);
    HistoryWalk walk(call.past(), review);
    SERVO_CHECK(walk.run(tenant, span.before_since));
    if (!tenant) {
        SERVO_CHECK(add_ledger(call.past(), span, review));
    }
    const Names names = SERVO_TRY(read_names(call.backend));
    api::Report out = review.report(names);
    if (tenant) {
        const auto name = names.tenants.find(tenant);
        out.tenant_id = name == names.tenants.end() ? "" : name->second;
    }
    out.slots = SERVO_TRY(slots_now(call));
    out.notes = walk.notes();
    return json_response(to_json(out));
}

}  // namespace servo::server
