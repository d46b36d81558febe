// Reading backfills: list, one, why.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <set>

#include "api/words.h"
#include "base/suggest.h"
#include "base/text.h"
#include "core/retry_rules.h"
#include "model/job_id.h"
#include "server/lookup.h"
#include "server/partition_views.h"
#include "server/render.h"
#include "server/settings.h"
#include "server/time_spent.h"
#include "store/page_token.h"

namespace servo::server {
namespace {

using namespace model;

constexpr Millis kEndedShown{24LL * 3'600'000};  // without a filter: ended ones of this long
constexpr int kFailuresLookedAt = 500;           // newest ones, for examples
constexpr int kPagesScannedMax = 20;             // of the store, for one page that is filtered here

// Estimates are a courtesy: without them everything else is still shown.
std::shared_ptr<const core::Forecast> estimates(Call& call) {
    return call.forecasts.current().value_or(nullptr);
}

Result<std::vector<JobState>> states_of(const std::string& text) {
    std::vector<JobState> out;
    if (text.empty()) {
        return out;
    }
    for (const std::string& word : split(text, ',')) {
        if (word == "open") {
            for (size_t i = 0; i < kJobStateCount; ++i) {
                if (!is_terminal(static_cast<JobState>(i))) {
                    out.push_back(static_cast<JobState>(i));
                }
            }
            continue;
        }
        const auto state = job_state_from(word);
        if (!state) {
            std::vector<std::string> known = api::job_state_words();
            known.emplace_back("open");
            return fail(invalid_argument(
                "bad_state",
                fmt::format(
                    "status: \"{}\" is not one of {}.{}",
                    word,
                    join(known, ", "),
                    did_you_mean(word, known)
                )
            ));
        }
        out.push_back(*state);
    }
    return out;
}

Result<store::JobFilter> filter_of(Call& call) {
    store::JobFilter filter;
    filter.tenant = SERVO_TRY(tenant_filter(call));
    filter.states = SERVO_TRY(states_of(call.query_value("status")));
    const std::string since = call.query_value("since");
    const std::string group = call.query_value("group");
    const std::string prefix = call.query_value("id_prefix");
    if (!since.empty()) {
        filter.created_since = SERVO_TRY(parse_since(since, call.backend.now()));
    }
    if (!group.empty()) {
        filter.group = SERVO_TRY(find_group(call, group));
    }
    if (!prefix.empty()) {
        const JobIdRange range = SERVO_TRY(parse_job_id_prefix(prefix));
        filter.id_range = std::pair(range.first, range.last);
    }
    if (filter.states.empty() && since.empty() && group.empty() && prefix.empty()) {
        filter.ended_since = call.backend.now() - kEndedShown;
    } else if (filter.states.empty()) {
        for (size_t i = 0; i < kJobStateCount; ++i) {
            filter.states.push_back(static_cast<JobState>(i));
        }
    }
    return filter;
}

// `total` beside the view: rows of a page may come without their ordinals.
struct Listed {
    core::JobView view;
    uint64_t total = 0;
};

// The page's rows with live counters laid over those that are in memory.
Result<std::vector<Listed>> overlay(Call& call, const store::JobPage& page) {
    const Names names = SERVO_TRY(read_names(call.backend));
    std::vector<Listed> out;
    for (size_t begin = 0; begin < page.items.size(); begin += kJobsPerRead) {
        std::vector<JobId> ids;
        for (size_t i = begin; i < std::min(begin + kJobsPerRead, page.items.size()); ++i) {
            ids.push_back(page.items[i].row.id);
        }
        auto live =
            SERVO_TRY(call.backend.read([ids](const core::Scheduler& scheduler, Instant now) {
                std::vector<std::optional<core::JobView>> views;
                for (const JobId id : ids) {
                    views.push_back(scheduler.job(id, now));
                }
                return views;
            }));
        for (size_t i = 0; i < live.size(); ++i) {
            const store::JobPage::Item& item = page.items[begin + i];
            if (live[i]) {
                out.push_back({std::move(*live[i]), item.total});
                continue;
            }
            core::JobView view;
            view.row = item.row;
            view.counters = item.counters;
            view.pending = item.total - std::min(item.total, item.counters.finished());
            const auto tenant = names.tenants.find(item.row.tenant);
            const auto asset = names.assets.find(item.row.asset);
            view.tenant_name = tenant == names.tenants.end() ? "" : tenant->second;
            view.asset_name = asset == names.assets.end() ? "" : asset->second;
            out.push_back({std::move(view), item.total});
        }
    }
    return out;
}

double progress(const api::Backfill& b) {
    const uint64_t done = b.completed_partitions + b.failed_partitions + b.skipped_partitions +
                          b.cancelled_partitions;
    return b.total_partitions == 0
               ? 0
               : static_cast<double>(done) / static_cast<double>(b.total_partitions);
}

Status sort_items(const std::string& by, std::vector<api::Backfill>& items) {
    using B = api::Backfill;
    const auto sort_by = [&items](auto less) {
        std::stable_sort(items.begin(), items.end(), less);
    };
    if (by.empty() || by == "created") {
        return {};  // the store's order: newest first
    }
    if (by == "-created") {
        std::reverse(items.begin(), items.end());
    } else if (by == "priority") {
        sort_by([](const B& a, const B& b) { return a.effective_priority > b.effective_priority; });
    } else if (by == "rank") {
        // Rank 0 means "not open": last.
        sort_by([](const B& a, const B& b) {
            return (a.rank == 0 ? INT64_MAX : a.rank) < (b.rank == 0 ? INT64_MAX : b.rank);
        });
    } else if (by == "progress") {
        sort_by([](const B& a, const B& b) { return progress(a) < progress(b); });
    } else if (by == "rate") {
        sort_by([](const B& a, const B& b) {
            return a.partitions_per_second > b.partitions_per_second;
        });
    } else {
        const std::vector<std::string> known = {
            "created", "-created", "priority", "rank", "progress", "rate"};
        return fail(invalid_argument(
            "bad_sort",
            fmt::format(
                "sort: \"{}\" is not one of {}.{}", by, join(known, ", "), did_you_mean(by, known)
            )
        ));
    }
    return {};
}

// Whether the list is of what has ended alone.
bool only_ended(const store::JobFilter& filter) {
    return !filter.states.empty() &&
           std::all_of(filter.states.begin(), filter.states.end(), is_terminal);
}

// An asset's name stands for one asset per tenant, while the store filters by one; so a name
// without a tenant is looked up page by page.
Result<store::JobPage> read_page(
    Call& call, store::Past& from, store::JobFilter filter, int limit
) {
    const std::string asset = call.query_value("asset");
    const std::string token = call.query_value("page_token");
    if (asset.empty()) {
        return from.jobs(filter, limit, token);
    }
    if (filter.tenant) {
        filter.asset = SERVO_TRY(find_asset(call, asset)).head.id;
        return from.jobs(filter, limit, token);
    }
    std::set<AssetId> wanted;
    for (const AssetRef& ref : SERVO_TRY(find_assets_of_all(call, asset))) {
        wanted.insert(ref.head.id);
    }
    if (wanted.size() == 1) {
        filter.asset = *wanted.begin();
        return from.jobs(filter, limit, token);
    }
    store::JobPage out;
    out.next_page_token = token;
    int pages = 0;
    do {
        store::JobPage page = SERVO_TRY(from.jobs(filter, store::kPageMax, out.next_page_token));
        std::erase_if(page.items, [&wanted](const auto& item) {
            return !wanted.contains(item.row.asset);
        });
        out.next_page_token = page.next_page_token;
        for (store::JobPage::Item& item : page.items) {
            if (out.items.size() == static_cast<size_t>(limit)) {  // the next page begins here
                const JobRow& last = out.items.back().row;
                out.next_page_token = store::encode_page_token({last.created_at, last.id});
                break;
            }
            out.items.push_back(std::move(item));
        }
        ++pages;
    } while (!out.next_page_token.empty() && out.items.size() < static_cast<size_t>(limit) &&
             pages < kPagesScannedMax);
    return out;
}

Result<Response> list_backfills(Call& call) {
    const int limit = SERVO_TRY(call.limit());
    const store::JobFilter filter = SERVO_TRY(filter_of(call));
    store::Past& from = only_ended(filter) ? call.past() : *call.history;
    const store::JobPage page = SERVO_TRY(read_page(call, from, filter, limit));
    const bool all_over =
        std::all_of(page.items.begin(), page.items.end(), [](const store::JobPage::Item& item) {
            return is_terminal(item.row.state);
        });
    if (!all_over) {
        SERVO_CHECK(call.needs_what_runs());
    }
    const auto views = SERVO_TRY(overlay(call, page));
    const bool any_open = std::any_of(views.begin(), views.end(), [](const Listed& listed) {
        return !is_terminal(listed.view.row.state);
    });
    const auto forecast = any_open ? estimates(call) : nullptr;
    api::List<api::Backfill> out;
    for (const Listed& listed : views) {
        const core::JobForecast* estimate = estimate_of(forecast.get(), listed.view.row);
        out.items.push_back(render_backfill(listed.view, estimate));
        out.items.back().total_partitions = listed.total;
    }
    SERVO_CHECK(sort_items(call.query_value("sort"), out.items));
    if (!page.next_page_token.empty()) {
        out.next_page_token = page.next_page_token;
    }
    return json_response(to_json(out));
}

std::string key_of(const AssetRevision* revision, const JobRow& row, Index index) {
    if (revision == nullptr || !row.ordinals || index >= row.total()) {
        return fmt::format("#{}", index);
    }
    const auto info = revision->scheme->describe(row.ordinals->at(index));
    return info ? info->key : fmt::format("#{}", index);
}

Result<std::vector<api::FailureSummary>> failure_summaries(
    Call& call, const core::JobView& view, const AssetRevision* revision
) {
    std::map<FailureClass, api::FailureSummary> by_class;
    for (size_t i = 0; i < kFailureClassCount; ++i) {
        if (view.counters.attempts_failed[i] > 0) {
            by_class[static_cast<FailureClass>(i)].attempts = view.counters.attempts_failed[i];
        }
    }
    if (view.counters.failed > 0) {
        const auto failed = SERVO_TRY(call.history->failed_by_class(view.row.id));
        for (const auto& [klass, indices] : failed) {
            by_class[klass].partitions = indices.size();
        }
    }
    if (by_class.empty()) {
        return std::vector<api::FailureSummary>();
    }
    const Names names = SERVO_TRY(read_names(call.backend));
    const auto rows = SERVO_TRY(
        call.history->failures(view.row.id, std::nullopt, false, kFailuresLookedAt, 0, nullptr)
    );
    for (const FailureRow& row : rows) {
        api::FailureSummary& summary = by_class[row.klass];
        std::string key = key_of(revision, view.row, row.index);
        // The newest attempt stands for its partition.
        const bool known =
            std::any_of(summary.examples.begin(), summary.examples.end(), [&key](const auto& one) {
                return one.partition == key;
            });
        if (!known && summary.examples.size() < api::kFailureExamplesMax) {
            const auto executor = names.executors.find(row.executor);
            summary.examples.push_back(
                {std::move(key),
                 row.message,
                 row.attempt,
                 exit_of(row),
                 executor == names.executors.end() ? "" : executor->second,
                 row.ended_at}
            );
        }
    }
    std::vector<api::FailureSummary> out;
    for (auto& [klass, summary] : by_class) {
        summary.failure_class = to_string(klass);
        out.push_back(std::move(summary));
    }
    std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
        return std::pair(a.partitions, a.attempts) > std::pair(b.partitions, b.attempts);
    });
    return out;
}

Result<Response> get_backfill(Call& call) {
    const JobRef job = SERVO_TRY(find_job(call, call.parameter("id")));
    const core::JobView& view = job.view;
    const auto revision = find_revision(call, view.row.asset, view.row.revision).value_or(nullptr);
    const auto forecast = is_terminal(view.row.state) ? nullptr : estimates(call);
    const core::JobForecast* estimate = estimate_of(forecast.get(), view.row);
    const Instant now = SERVO_TRY(call.backend.as_of());

    api::BackfillDetail out;
    fill_backfill(view, estimate, out);
    out.partitions_per_second_before = static_cast<double>(view.rate_before_milli) / 1'000;
    if (view.durations.count > 0) {
        out.p95_partition_duration_ms =
            static_cast<double>(view.durations.quantile_per_mille(950).count()) / 1'000;
    }
    if (forecast) {
        out.estimate_basis = estimate_basis(estimate, *forecast);
    } else {
        out.estimate_basis = is_terminal(view.row.state) ? "it has ended" : "it is being computed";
    }
    out.deadline_verdict = deadline_verdict(view, estimate, now);
    for (const core::SlotHolder& holder : view.holders) {
        out.holders.push_back(
            {holder.executor_name,
             key_of(revision.get(), view.row, holder.next),
             holder.unreported,
             holder.since}
        );
    }
    for (const core::GateShare& share : view.waiting) {
        out.waiting.push_back(render_wait(share));
    }
    out.failures = SERVO_TRY(failure_summaries(call, view, revision.get()));
    out.downstream_assets =
        SERVO_TRY(downstream_of(call.backend, view.row.tenant, view.asset_name)).size();
    const auto time = SERVO_TRY(call.backend.read([](const core::Scheduler& scheduler, Instant at) {
        return look_at_time(scheduler, LedgerScope::kAsset, at);
    }));
    const LedgerKey key{view.row.asset.value, view.row.revision};
    const auto of_revision = [key](const core::LedgerView::Row& row) { return row.key == key; };
    if (!is_terminal(view.row.state)) {  // a standby, which answers of the others, has no ledger
        out.time = time_spent(time.now, of_revision);
        out.time_before = time_spent(time.before, of_revision);
    }
    out.command = repeat_command(view, revision ? revision->scheme.get() : nullptr, now);
    out.as_of = now;
    return json_response(to_json(out));
}

// Why the scheduler itself paused the job, and what resuming it means.
Result<std::string> own_pause(
    Call& call, const core::JobView& view, const AssetRevision* revision
) {
    const std::string id = to_text(view.row.id);
    const std::string list = fmt::format(
        "`servo partition list {} --tenant {} --status failed` shows them",
        shell_quote(view.asset_name),
        view.tenant_name
    );
    const model::MaxFailures& limit = view.row.settings.max_failures;
    if (view.row.state_reason == "too_many_failures" &&
        !core::too_many_failures(limit, view.counters)) {
        return fmt::format(
            " It paused itself when {} had failed; --max-failures is {} since, and holds when it "
            "is "
            "resumed: servo backfill resume {}",
            counted(view.counters.failed, "partition", "partitions"),
            to_text(limit),
            id
        );
    }
    if (view.row.state_reason == "too_many_failures") {
        return fmt::format(
            " It paused itself: {} of {} partitions that ended failed, which is more than "
            "--max-failures {} allows; {}. Resuming drops that limit; `servo backfill set {} "
            "--max-failures N` sets another.",
            view.counters.failed,
            view.counters.finished(),
            to_text(limit),
            list,
            id
        );
    }
    const bool for_good = view.counters.failed > 0;
    const auto rows =
        SERVO_TRY(call.history->failures(view.row.id, std::nullopt, for_good, 1, 0, nullptr));
    return fmt::format(
        " It paused itself: {} failed, and the asset is sequential. {}",
        rows.empty() ? "a partition" : key_of(revision, view.row, rows.front().index),
        for_good ? fmt::format(
                       "To run it again: `servo backfill retry {}` and then `servo backfill resume "
                       "{}`; resuming alone steps over what failed.",
                       id,
                       id
                   )
                 : fmt::format("Resuming runs it again: servo backfill resume {}", id)
    );
}

std::string job_summary(const core::JobView& view) {
    const std::string state(to_string(view.row.state));
    if (is_terminal(view.row.state)) {
        return fmt::format(
            "It is {}: {} of {} partitions completed, {} failed.",
            state,
            view.counters.completed,
            view.row.total(),
            view.counters.failed
        );
    }
    std::string out =
        fmt::format("It is {}: {} running, {} to go.", state, view.running, view.pending);
    if (view.row.state == JobState::kPaused && !core::paused_itself(view.row)) {
        out += fmt::format(
            " Paused by {}{}{}.",
            view.row.state_by,
            view.row.state_note.empty() ? "" : ": ",
            view.row.state_note
        );
    } else if (!view.waiting.empty() && !core::paused_itself(view.row)) {
        const core::GateShare& first = view.waiting.front();
        const bool one = first.partitions == 1;
        out += first.gate == core::Gate::kNone ? fmt::format(
                                                     " {} {} for a free slot only.",
                                                     first.partitions,
                                                     one ? "partition waits" : "partitions wait"
                                                 )
                                               : fmt::format(
                                                     " {} {} held by {}{}{}.",
                                                     first.partitions,
                                                     one ? "partition is" : "partitions are",
                                                     core::to_string(first.gate),
                                                     first.subject.empty() ? "" : " of ",
                                                     first.subject
                                                 );
    }
    return out;
}

Result<Response> explain_backfill(Call& call) {
    const JobRef job = SERVO_TRY(find_job(call, call.parameter("id")));
    const std::string partition = call.query_value("partition");
    if (!partition.empty()) {
        return explain_partition_of(call, job, partition);
    }
    const core::JobView& view = job.view;
    api::Explanation out;
    out.backfill_id = to_text(view.row.id);
    out.state = to_string(view.row.state);
    out.summary = job_summary(view);
    if (core::paused_itself(view.row)) {
        const auto revision =
            find_revision(call, view.row.asset, view.row.revision).value_or(nullptr);
        out.summary += SERVO_TRY(own_pause(call, view, revision.get()));
    }
    for (const core::GateShare& share : view.waiting) {
        out.reasons.push_back(render_wait(share));
    }
    if (view.row.state == JobState::kPaused) {
        out.command = fmt::format("servo backfill resume {}", out.backfill_id);
    } else if (view.row.state == JobState::kFailed) {
        out.command = fmt::format("servo backfill retry {}", out.backfill_id);
    }
    out.as_of = call.backend.now();
    return json_response(to_json(out));
}

}  // namespace

HandlerTable backfill_handlers() {
    return {
        {"list_backfills", list_backfills},
        {"get_backfill", get_backfill},
        {"explain_backfill", explain_backfill},
    };
}

}  // namespace servo::server
