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

Result<JobPage> MemoryStore::jobs(
    const JobFilter& filter, int limit, const std::string& page_token
) {
    const std::lock_guard lock(mutex_);
    std::optional<PagePlace> after;
    if (!page_token.empty()) {
        after = SERVO_TRY(decode_page_token(page_token));
    }
    const auto key = [](const JobRow& row) { return std::pair(row.created_at, row.id); };
    std::vector<const JobRow*> rows;
    for (const auto& [id, row] : facts_->jobs) {
        if (matches(filter, row) &&
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
            {*rows[i], facts_->stored_checkpoint(*rows[i]).counters, rows[i]->total()}
        );
    }
    if (rows.size() > wanted) {
        const JobRow& last = page.items.back().row;
        page.next_page_token = encode_page_token({last.created_at, last.id});
    }
    return page;
}

Result<std::optional<JobPage::Item>> MemoryStore::job(JobId id) {
    const std::lock_guard lock(mutex_);
    const auto it = facts_->jobs.find(id);
    if (it == facts_->jobs.end()) {
        return std::nullopt;
    }
    const JobRow& row = it->second;
    return JobPage::Item{row, facts_->stored_checkpoint(row).counters, row.total()};
}

Result<std::optional<JobCheckpoint>> MemoryStore::checkpoint(JobId id) {
    const std::lock_guard lock(mutex_);
    const auto it = facts_->jobs.find(id);
    if (it == facts_->jobs.end()) {
        return std::nullopt;
    }
    return facts_->replay(it->second).take();
}

Result<std::vector<DoneEntry>> MemoryStore::done(JobId job, Run range, int limit) {
    const std::lock_guard lock(mutex_);
    std::vector<DoneEntry> out;
    const auto rows = facts_->done.find(job);
    if (rows == facts_->done.end() || range.first >= range.end || limit <= 0) {
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

Result<std::vector<FailureRow>> MemoryStore::failures(
    JobId job,
    std::optional<Index> index,
    bool final_only,
    int limit,
    int64_t before_row,
    int64_t* next_row
) {
    const std::lock_guard lock(mutex_);
    const auto wanted = static_cast<size_t>(std::clamp(limit, 1, kPageMax));
    std::vector<FailureRow> out;
    int64_t next = 0;
    int64_t last = 0;
    if (const auto rows = facts_->failures.find(job); rows != facts_->failures.end()) {
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

Result<std::map<FailureClass, RunSet>> MemoryStore::failed_by_class(JobId job) {
    const std::lock_guard lock(mutex_);
    std::map<FailureClass, RunSet> out;
    const auto row = facts_->jobs.find(job);
    const auto rows = facts_->failures.find(job);
    if (row == facts_->jobs.end() || rows == facts_->failures.end()) {
        return out;
    }
    const JobCheckpoint exact = facts_->replay(row->second).take();
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

Result<std::optional<LogRow>> MemoryStore::log(JobId job, Index index, std::optional<int> attempt) {
    const std::lock_guard lock(mutex_);
    if (const auto rows = facts_->logs.find(job); rows != facts_->logs.end()) {
        for (auto it = rows->second.rbegin(); it != rows->second.rend(); ++it) {
            if (it->index == index && (!attempt || it->attempt == *attempt)) {
                return *it;
            }
        }
    }
    return std::nullopt;
}

Result<std::vector<History::StateRun>> MemoryStore::partition_states(
    AssetId asset, Ordinal first, Ordinal last, int runs_max
) {
    const std::lock_guard lock(mutex_);
    StateRunCollector collector(first, last);
    const auto blocks = facts_->states.find(asset);
    if (blocks == facts_->states.end() || first > last) {
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

Result<std::shared_ptr<const AssetRevision>> MemoryStore::revision(AssetId asset, int revision) {
    const std::lock_guard lock(mutex_);
    const auto it = facts_->revisions.find({asset, revision});
    return it == facts_->revisions.end() ? nullptr : it->second;
}

Result<std::vector<std::shared_ptr<const AssetRevision>>> MemoryStore::revisions(AssetId asset) {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<const AssetRevision>> out;
    for (auto it = facts_->revisions.lower_bound({asset, 0});
         it != facts_->revisions.end() && it->first.first == asset;
         ++it) {
        out.push_back(it->second);
    }
    return out;
}

Result<std::vector<EventRow>> MemoryStore::events(
    TenantId tenant, std::optional<Instant> since, const std::string& subject, int limit
) {
    const std::lock_guard lock(mutex_);
    const auto wanted = static_cast<size_t>(std::clamp(limit, 1, kPageMax));
    std::vector<EventRow> out;
    for (auto it = facts_->events.rbegin(); it != facts_->events.rend(); ++it) {
        if (out.size() == wanted) {
            break;
        }
        if ((!tenant || it->tenant == tenant) && (!since || it->at >= *since) &&
            (subject.empty() || it->subject == subject)) {
            out.push_back(*it);
        }
    }
    return out;
}

Result<std::optional<IdempotencyRow>> MemoryStore::idempotent_reply(
    TenantId tenant, const std::string& route, const std::string& key
) {
    const std::lock_guard lock(mutex_);
    const auto it = facts_->idempotency.find({tenant, route, key});
    return it == facts_->idempotency.end() ? std::nullopt : std::optional(it->second);
}

Result<std::vector<StoredToken>> MemoryStore::tokens() {
    const std::lock_guard lock(mutex_);
    std::vector<StoredToken> out;
    for (const auto& [id, row] : facts_->tokens) {
        const auto tenant = facts_->tenants.find(row.tenant);
        out.push_back({row, tenant == facts_->tenants.end() ? "" : tenant->second.name});
    }
    std::stable_sort(out.begin(), out.end(), [](const StoredToken& a, const StoredToken& b) {
        return a.row.created_at < b.row.created_at;
    });
    return out;
}

}  // namespace servo::store
