// The reading side of the memory store.
#include <algorithm>

#include "store/memory/facts.h"
#include "store/page_token.h"

namespace servo::store {
namespace {

bool matches(const JobFilter& filter, const JobRow& row) {
    if (filter.tenant && row.tenant != filter.tenant) {
        return false;
    }
    if (filter.asset && row.asset != filter.asset) {
        return false;
    }
    if (filter.group && row.group != filter.group) {
        return false;
    }
    if (filter.created_since && row.created_at < *filter.created_since) {
        return false;
    }
    if (filter.id_range &&
        (row.id.value < filter.id_range->first || row.id.value > filter.id_range->second)) {
        return false;
    }
    if (!filter.states.empty()) {
        return std::find(filter.states.begin(), filter.states.end(), row.state) !=
               filter.states.end();
    }
    return !filter.ended_since || !is_terminal(row.state) ||
           (row.completed_at && *row.completed_at >= *filter.ended_since);
}

}  // namespace

class MemoryStore::View final : public History {
 public:
    View(MemoryStore& store, TenantScope scope) : store_(store), scope_(scope) {}

    Result<JobPage> jobs(const JobFilter& filter, int limit, const std::string& page_token)
        override;
    Result<std::optional<JobPage::Item>> job(JobId id) override;
    Result<std::optional<JobCheckpoint>> checkpoint(JobId id) override;
    Result<std::vector<DoneEntry>> done(JobId job, Run range, int limit) override;
    Result<std::vector<FailureRow>> failures(
        JobId job,
        std::optional<Index> index,
        bool final_only,
        int limit,
        int64_t before_row,
        int64_t* next_row
    ) override;
    Result<std::map<FailureClass, RunSet>> failed_by_class(JobId job) override;
    Result<std::optional<LogRow>> log(JobId job, Index index, std::optional<int> attempt) override;
    Result<std::vector<StateRun>> partition_states(
        AssetId asset, Ordinal first, Ordinal last, int runs_max
    ) override;
    Result<std::shared_ptr<const AssetRevision>> revision(AssetId asset, int revision) override;
    Result<std::vector<std::shared_ptr<const AssetRevision>>> revisions(AssetId asset) override;
    Result<EventPage> events(const EventFilter& filter, int limit, const std::string& page_token)
        override;
    Result<std::optional<IdempotencyRow>> idempotent_reply(
        TenantId tenant, const std::string& route, const std::string& key
    ) override;
    Result<std::vector<LedgerRow>> ledger(
        LedgerSpan span, LedgerScope scope, Instant from, Instant to
    ) override;
    Result<std::vector<StoredToken>> tokens() override;

 private:
    // Under the lock of the store; nullptr: it does not exist, or not within the scope.
    const JobRow* visible(JobId id) const {
        const auto it = facts().jobs.find(id);
        return it != facts().jobs.end() && scope_.sees(it->second.tenant) ? &it->second : nullptr;
    }
    bool sees(JobId job) const { return scope_.is_all() || visible(job) != nullptr; }
    bool sees(AssetId asset) const {
        const auto it = facts().assets.find(asset);
        return scope_.is_all() || (it != facts().assets.end() && scope_.sees(it->second.tenant));
    }
    const Facts& facts() const { return *store_.facts_; }
    std::mutex& mutex() const { return store_.mutex_; }

    MemoryStore& store_;
    TenantScope scope_;
};

std::unique_ptr<History> MemoryStore::within(TenantScope scope) {
    return std::make_unique<View>(*this, scope);
}

Result<JobPage> MemoryStore::View::jobs(
    const JobFilter& filter, int limit, const std::string& page_token
) {
    const std::lock_guard lock(mutex());
    std::optional<PagePlace> after;
    if (!page_token.empty()) {
        after = SERVO_TRY(decode_page_token(page_token));
    }
    const auto key = [](const JobRow& row) { return std::pair(row.created_at, row.id); };
    std::vector<const JobRow*> rows;
    for (const auto& [id, row] : facts().jobs) {
        if (scope_.sees(row.tenant) && matches(filter, row) &&
            (!after || key(row) < std::pair(after->created_at, after->id))) {
            rows.push_back(&row);
        }
    }
    std::sort(rows.begin(), rows.end(), [&](const JobRow* a, const JobRow* b) {
        return key(*a) > key(*b);
    });
    const auto wanted = static_cast<size_t>(std::clamp(limit, 1, kPageMax));
    JobPage page;
    for (size_t i = 0; i < std::min(rows.size(), wanted); ++i) {
        page.items.push_back(
            {*rows[i], facts().stored_checkpoint(*rows[i]).counters, rows[i]->total()}
        );
    }
    if (rows.size() > wanted) {
        const JobRow& last = page.items.back().row;
        page.next_page_token = encode_page_token({last.created_at, last.id});
    }
    return page;
}

Result<std::optional<JobPage::Item>> MemoryStore::View::job(JobId id) {
    const std::lock_guard lock(mutex());
    const JobRow* row = visible(id);
    if (row == nullptr) {
        return std::nullopt;
    }
    return JobPage::Item{*row, facts().stored_checkpoint(*row).counters, row->total()};
}

Result<std::optional<JobCheckpoint>> MemoryStore::View::checkpoint(JobId id) {
    const std::lock_guard lock(mutex());
    const JobRow* row = visible(id);
    if (row == nullptr) {
        return std::nullopt;
    }
    return facts().replay(*row).take();
}

Result<std::vector<DoneEntry>> MemoryStore::View::done(JobId job, Run range, int limit) {
    const std::lock_guard lock(mutex());
    std::vector<DoneEntry> out;
    const auto rows = facts().done.find(job);
    if (!sees(job) || rows == facts().done.end() || range.first >= range.end || limit <= 0) {
        return out;
    }
    for (auto it = rows->second.lower_bound({range.first / kDoneBlockSize, 0});
         it != rows->second.end() && it->first.first <= (range.end - 1) / kDoneBlockSize;
         ++it) {
        for (const DoneEntry& entry : it->second) {
            if (entry.index >= range.first && entry.index < range.end) {
                out.push_back(entry);
            }
        }
    }
    std::sort(out.begin(), out.end(), [](const DoneEntry& a, const DoneEntry& b) {
        return a.index < b.index;
    });
    out.resize(std::min(out.size(), static_cast<size_t>(limit)));
    return out;
}

Result<std::vector<FailureRow>> MemoryStore::View::failures(
    JobId job,
    std::optional<Index> index,
    bool final_only,
    int limit,
    int64_t before_row,
    int64_t* next_row
) {
    const std::lock_guard lock(mutex());
    const auto wanted = static_cast<size_t>(std::clamp(limit, 1, kPageMax));
    std::vector<FailureRow> out;
    int64_t next = 0;
    int64_t last = 0;
    const auto rows = facts().failures.find(job);
    if (sees(job) && rows != facts().failures.end()) {
        for (auto it = rows->second.rbegin(); it != rows->second.rend() && next == 0; ++it) {
            if ((before_row != 0 && it->id >= before_row) || (index && it->row.index != *index) ||
                (final_only && !it->row.final)) {
                continue;
            }
            if (out.size() == wanted) {
                next = last;
            } else {
                out.push_back(it->row);
                last = it->id;
            }
        }
    }
    if (next_row != nullptr) {
        *next_row = next;
    }
    return out;
}

Result<std::map<FailureClass, RunSet>> MemoryStore::View::failed_by_class(JobId job) {
    const std::lock_guard lock(mutex());
    std::map<FailureClass, RunSet> out;
    const JobRow* row = visible(job);
    const auto rows = facts().failures.find(job);
    if (row == nullptr || rows == facts().failures.end()) {
        return out;
    }
    const JobCheckpoint exact = facts().replay(*row).take();
    std::map<Index, FailureClass> newest;
    for (const Facts::Failure& failure : rows->second) {
        if (failure.row.final) {
            newest[failure.row.index] = failure.row.klass;
        }
    }
    for (const auto& [index, klass] : newest) {
        if (exact.failed.contains(index)) {
            out[klass].add(index);
        }
    }
    return out;
}

Result<std::optional<LogRow>> MemoryStore::View::log(
    JobId job, Index index, std::optional<int> attempt
) {
    const std::lock_guard lock(mutex());
    const auto rows = facts().logs.find(job);
    if (sees(job) && rows != facts().logs.end()) {
        for (auto it = rows->second.rbegin(); it != rows->second.rend(); ++it) {
            if (it->index == index && (!attempt || it->attempt == *attempt)) {
                return *it;
            }
        }
    }
    return std::nullopt;
}

Result<std::vector<History::StateRun>> MemoryStore::View::partition_states(
    AssetId asset, Ordinal first, Ordinal last, int runs_max
) {
    const std::lock_guard lock(mutex());
    StateRunCollector collector(first, last);
    const auto blocks = facts().states.find(asset);
    if (!sees(asset) || blocks == facts().states.end() || first > last) {
        return std::vector<StateRun>{};
    }
    for (auto it = blocks->second.lower_bound(state_block_of(first));
         it != blocks->second.end() && it->first <= state_block_of(last);
         ++it) {
        collector.add(it->second);
        SERVO_CHECK(check_runs_max(collector, runs_max));
    }
    return collector.take();
}

Result<std::shared_ptr<const AssetRevision>> MemoryStore::View::revision(
    AssetId asset, int revision
) {
    const std::lock_guard lock(mutex());
    const auto it = facts().revisions.find({asset, revision});
    return it != facts().revisions.end() && sees(asset) ? it->second : nullptr;
}

Result<std::vector<std::shared_ptr<const AssetRevision>>> MemoryStore::View::revisions(AssetId asset
) {
    const std::lock_guard lock(mutex());
    std::vector<std::shared_ptr<const AssetRevision>> out;
    for (auto it = facts().revisions.lower_bound({asset, 0});
         it != facts().revisions.end() && it->first.first == asset && sees(asset);
         ++it) {
        out.push_back(it->second);
    }
    return out;
}

Result<EventPage> MemoryStore::View::events(
    const EventFilter& filter, int limit, const std::string& page_token
) {
    const std::lock_guard lock(mutex());
    int64_t before = INT64_MAX;
    if (!page_token.empty()) {
        before = SERVO_TRY(decode_event_token(page_token));
    }
    const auto wanted = static_cast<size_t>(std::clamp(limit, 1, kPageMax));
    EventPage page;
    int64_t last = 0;
    for (auto it = facts().events.rbegin(); it != facts().events.rend(); ++it) {
        const EventRow& row = it->row;
        if (it->id >= before || !scope_.sees(row.tenant) ||
            (filter.tenant && row.tenant != filter.tenant) ||
            (filter.since && row.at < *filter.since) ||
            (!filter.subject.empty() && row.subject != filter.subject)) {
            continue;
        }
        if (page.items.size() == wanted) {
            page.next_page_token = encode_event_token(last);
            break;
        }
        page.items.push_back(row);
        last = it->id;
    }
    return page;
}

Result<std::optional<IdempotencyRow>> MemoryStore::View::idempotent_reply(
    TenantId tenant, const std::string& route, const std::string& key
) {
    const std::lock_guard lock(mutex());
    const auto it = facts().idempotency.find({tenant, route, key});
    return it != facts().idempotency.end() && scope_.sees(tenant) ? std::optional(it->second)
                                                                  : std::nullopt;
}

Result<std::vector<LedgerRow>> MemoryStore::View::ledger(
    LedgerSpan span, LedgerScope scope, Instant from, Instant to
) {
    const std::lock_guard lock(mutex());
    std::vector<LedgerRow> out;
    if (!scope_.is_all()) {
        return out;
    }
    for (auto it = facts().ledger.lower_bound({span, from, 0, scope});
         it != facts().ledger.end() && out.size() < static_cast<size_t>(kLedgerRowsMax);
         ++it) {
        const LedgerRow& row = it->second;
        if (row.span == span && row.scope == scope && row.at < to) {
            out.push_back(row);
        }
    }
    return out;
}

Result<std::vector<StoredToken>> MemoryStore::View::tokens() {
    const std::lock_guard lock(mutex());
    std::vector<StoredToken> out;
    for (const auto& [id, row] : facts().tokens) {
        const auto tenant = facts().tenants.find(row.tenant);
        if (scope_.sees(row.tenant)) {
            out.push_back({row, tenant == facts().tenants.end() ? "" : tenant->second.name});
        }
    }
    std::stable_sort(out.begin(), out.end(), [](const StoredToken& a, const StoredToken& b) {
        return a.row.created_at < b.row.created_at;
    });
    return out;
}

}  // namespace servo::store
