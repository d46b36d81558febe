#include "store/sql/history.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/job_id.h"
#include "store/page_token.h"
#include "store/sql/job_reader.h"
#include "store/state_block.h"

namespace servo::store::sql {
namespace {

int page_limit(int limit) {
    return std::clamp(limit, 1, kPageMax);
}

// " WHERE …": only what the scope sees.
std::string where_within(TenantScope scope) {
    return scope.is_all() ? " WHERE true"
                          : fmt::format(" WHERE tenant_id = {}", scope.tenant().value);
}

// The WHERE clause of a job filter. Only numbers are written into it, and words of closed lists.
std::string where_of(
    TenantScope scope, const JobFilter& filter, const std::optional<PagePlace>& after
) {
    std::string out = where_within(scope);
    const auto add = [&out](const std::string& condition) { out += " AND " + condition; };
    if (filter.tenant) {
        add(fmt::format("tenant_id = {}", filter.tenant.value));
    }
    if (filter.asset) {
        add(fmt::format("asset_id = {}", filter.asset.value));
    }
    if (filter.group) {
        add(fmt::format("group_id != 0 AND group_id = {}", filter.group.value));
    }
    if (filter.created_since) {
        add(fmt::format("created_at_ms >= {}", to_ms(*filter.created_since)));
    }
    if (filter.id_range) {
        add(fmt::format("job_id BETWEEN {} AND {}", filter.id_range->first, filter.id_range->second)
        );
    }
    if (!filter.states.empty()) {
        std::string words;
        for (const JobState state : filter.states) {
            words += fmt::format("{}'{}'", words.empty() ? "" : ", ", to_string(state));
        }
        add(fmt::format("state IN ({})", words));
    } else if (filter.ended_since) {
        add(fmt::format(
            "(completed_at_ms IS NULL OR completed_at_ms >= {})", to_ms(*filter.ended_since)
        ));
    }
    if (after) {
        add(fmt::format(
            "(created_at_ms, job_id) < ({}, {})", to_ms(after->created_at), after->id.value
        ));
    }
    return out;
}

// One statement a page. What belongs to the rows is looked up for those of the page alone.
std::string page_of_jobs(const std::string& where, size_t rows) {
    constexpr const char* kOrder = " ORDER BY created_at_ms DESC, job_id DESC";
    return "SELECT " SERVO_JOB_COLUMNS +
           fmt::format(
               ", (SELECT CASE WHEN length(ordinals) <= {} THEN ordinals END FROM job_ordinals"
               " WHERE job_ordinals.job_id = page.job_id),"
               " (SELECT progress FROM job_checkpoints WHERE job_checkpoints.job_id = page.job_id)",
               kPageOrdinalsBytesMax
           ) +
           " FROM (SELECT " SERVO_JOB_COLUMNS " FROM jobs" + where + kOrder +
           fmt::format(" LIMIT {}) AS page", rows) + kOrder;
}

// Newest first: the numbers of a job's failures ascend with their batches. Each order is that of an
// index. Where the row to go on from was dropped, the rest goes as well.
std::string page_of_failures(
    JobId job, std::optional<Index> index, bool final_only, int64_t before_row, size_t rows
) {
    std::string out = fmt::format(
        "SELECT " SERVO_FAILURE_COLUMNS " FROM partition_failures WHERE job_id = {}", job.value
    );
    if (index) {
        out += fmt::format(" AND idx = {}", static_cast<int64_t>(*index));
    }
    if (final_only) {
        out += " AND final = 1";
    }
    if (before_row != 0 && index) {
        out += fmt::format(" AND failure_id < {}", before_row);
    } else if (before_row != 0) {
        out += fmt::format(
            " AND (seq, failure_id) <"
            " ((SELECT seq FROM partition_failures WHERE failure_id = {0}), {0})",
            before_row
        );
    }
    return out + fmt::format(
                     " ORDER BY {} LIMIT {}",
                     index ? "failure_id DESC" : "seq DESC, failure_id DESC",
                     rows
                 );
}

Result<JobPage::Item> read_item(const Query& query) {
    JobPage::Item item;
    JobColumns columns = SERVO_TRY(read_job(query));
    item.total = columns.total;
    item.row = std::move(columns.row);
    if (!query.is_null(kJobColumns)) {
        item.row.ordinals = SERVO_TRY(
            decode_ordinals(query.bytes(kJobColumns), item.row.id, item.row.keys_fingerprint)
        );
    }
    if (!query.is_null(kJobColumns + 1)) {
        item.counters = SERVO_TRY(decode_checkpoint(query.bytes(kJobColumns + 1))).counters;
    }
    return item;
}

}  // namespace

std::unique_ptr<History> SqlArchive::within(TenantScope scope) {
    return std::make_unique<SqlHistory>(*sessions_, *revisions_, scope);
}

Result<std::optional<JobColumns>> SqlHistory::visible_job(Reader& db, JobId id) const {
    auto columns = SERVO_TRY(read_job_row(db, id, Ordinals::kRead));
    return columns && scope_.sees(columns->row.tenant) ? std::move(columns) : std::nullopt;
}

Result<bool> SqlHistory::sees(Reader& db, JobId job) const {
    return scope_.is_all() || SERVO_TRY(db.integer(
                                            "SELECT 1 FROM jobs WHERE job_id = ? AND tenant_id = ?",
                                            job,
                                            scope_.tenant()
                                        ))
                                  .has_value();
}

Result<bool> SqlHistory::sees(Reader& db, AssetId asset) const {
    return scope_.is_all() ||
           SERVO_TRY(db.integer(
                         "SELECT 1 FROM assets WHERE asset_id = ? AND tenant_id = ?",
                         asset,
                         scope_.tenant()
                     ))
               .has_value();
}

Result<JobPage> SqlHistory::jobs(
    const JobFilter& filter, int limit, const std::string& page_token
) {
    std::optional<PagePlace> after;
    if (!page_token.empty()) {
        after = SERVO_TRY(decode_page_token(page_token));
    }
    const auto session = SERVO_TRY(sessions_.begin(scope_, Reads::kOneStatement));
    const auto wanted = static_cast<size_t>(page_limit(limit));
    Query query =
        SERVO_TRY(session->reader().once(page_of_jobs(where_of(scope_, filter, after), wanted + 1))
        );
    JobPage page;
    while (SERVO_TRY(query.step())) {
        if (page.items.size() == wanted) {
            const JobRow& last = page.items.back().row;
            page.next_page_token = encode_page_token({last.created_at, last.id});
            break;
        }
        page.items.push_back(SERVO_TRY(read_item(query)));
    }
    return page;
}

Result<std::optional<JobPage::Item>> SqlHistory::job(JobId id) {
    const auto session = SERVO_TRY(sessions_.begin(scope_, Reads::kOneSnapshot));
    Reader& db = session->reader();
    auto columns = SERVO_TRY(visible_job(db, id));
    if (!columns) {
        return std::nullopt;
    }
    JobPage::Item item;
    item.total = columns->total;
    item.row = std::move(columns->row);
    item.counters = SERVO_TRY(read_checkpoint(db, item.row)).counters;
    return item;
}

Result<std::optional<JobCheckpoint>> SqlHistory::checkpoint(JobId id) {
    const auto session = SERVO_TRY(sessions_.begin(scope_, Reads::kOneSnapshot));
    Reader& db = session->reader();
    const auto columns = SERVO_TRY(visible_job(db, id));
    if (!columns) {
        return std::nullopt;
    }
    return SERVO_TRY(read_exact(db, columns->row)).take();
}

Result<std::vector<DoneEntry>> SqlHistory::done(JobId job, Run range, int limit) {
    std::vector<DoneEntry> out;
    if (range.first >= range.end || limit <= 0) {
        return out;
    }
    const auto session = SERVO_TRY(sessions_.begin(scope_, Reads::kOneSnapshot));
    Reader& db = session->reader();
    if (!SERVO_TRY(sees(db, job))) {
        return out;
    }
    const auto by_index = [](const DoneEntry& a, const DoneEntry& b) { return a.index < b.index; };
    const auto wanted = static_cast<size_t>(limit);
    std::vector<DoneEntry> block;  // rows of one block interleave
    uint64_t number = 0;
    const auto flush = [&] {
        std::sort(block.begin(), block.end(), by_index);
        for (const DoneEntry& entry : block) {
            if (entry.index >= range.first && entry.index < range.end && out.size() < wanted) {
                out.push_back(entry);
            }
        }
        block.clear();
    };
    const Error enough = internal("enough", "");
    const Status visited = visit_done(
        db,
        job,
        range.first / kDoneBlockSize,
        (range.end - 1) / kDoneBlockSize,
        -1,
        [&](uint64_t at, int64_t, const std::vector<DoneEntry>& entries) -> Status {
            if (at != number) {
                flush();
                number = at;
                if (out.size() >= wanted) {
                    return fail(enough);
                }
            }
            block.insert(block.end(), entries.begin(), entries.end());
            return {};
        }
    );
    if (!visited && visited.error().reason != enough.reason) {
        return fail(visited.error());
    }
    flush();
    return out;
}

Result<std::vector<FailureRow>> SqlHistory::failures(
    JobId job,
    std::optional<Index> index,
    bool final_only,
    int limit,
    int64_t before_row,
    int64_t* next_row
) {
    const auto session = SERVO_TRY(sessions_.begin(scope_, Reads::kOneStatement));
    Reader& db = session->reader();
    std::vector<FailureRow> out;
    if (next_row != nullptr) {
        *next_row = 0;
    }
    if (!SERVO_TRY(sees(db, job))) {
        return out;
    }
    const auto wanted = static_cast<size_t>(page_limit(limit));
    Query query =
        SERVO_TRY(db.once(page_of_failures(job, index, final_only, before_row, wanted + 1)));
    int64_t next = 0;
    int64_t last = 0;
    while (SERVO_TRY(query.step())) {
        StoredFailure failure = SERVO_TRY(read_failure(query));
        if (out.size() == wanted) {
            next = last;
            break;
        }
        last = failure.id;
        out.push_back(std::move(failure.row));
    }
    if (next_row != nullptr) {
        *next_row = next;
    }
    return out;
}

Result<std::map<FailureClass, RunSet>> SqlHistory::failed_by_class(JobId job) {
    const auto session = SERVO_TRY(sessions_.begin(scope_, Reads::kOneSnapshot));
    Reader& db = session->reader();
    std::map<FailureClass, RunSet> out;
    const auto columns = SERVO_TRY(visible_job(db, job));
    if (!columns) {
        return out;
    }
    const JobCheckpoint exact = SERVO_TRY(read_exact(db, columns->row)).take();
    // Ascending, so that a later failure of an index replaces the earlier one.
    Query query = SERVO_TRY(db.query(
        "SELECT idx, class FROM partition_failures WHERE job_id = ? AND final = 1"
        " ORDER BY idx, failure_id",
        job
    ));
    std::optional<std::pair<Index, FailureClass>> pending;
    const auto settle = [&] {
        if (pending && exact.failed.contains(pending->first)) {
            out[pending->second].add(pending->first);
        }
    };
    while (SERVO_TRY(query.step())) {
        const auto index = static_cast<Index>(query.integer(0));
        const auto klass = failure_class_from(query.bytes(1));
        if (!klass) {
            return fail(unknown_word("a failure's class", query.bytes(1)));
        }
        if (pending && pending->first != index) {
            settle();
        }
        pending.emplace(index, *klass);
    }
    settle();
    return out;
}

Result<std::optional<LogRow>> SqlHistory::log(JobId job, Index index, std::optional<int> attempt) {
    const auto session = SERVO_TRY(sessions_.begin(scope_, Reads::kOneStatement));
    Reader& db = session->reader();
    if (!SERVO_TRY(sees(db, job))) {
        return std::nullopt;
    }
    Query query = SERVO_TRY(db.query(
        "SELECT generation, attempt, at_ms, bytes_total, tail FROM partition_logs"
        " WHERE job_id = ? AND idx = ? AND (? < 0 OR attempt = ?)"
        " ORDER BY log_id DESC LIMIT 1",
        job,
        index,
        attempt.value_or(-1),
        attempt.value_or(-1)
    ));
    if (!SERVO_TRY(query.step())) {
        return std::nullopt;
    }
    LogRow row;
    row.job = job;
    row.index = index;
    row.generation = query.small(0);
    row.attempt = query.small(1);
    row.at = query.instant(2);
    row.bytes_total = static_cast<uint64_t>(query.integer(3));
    row.tail = query.text(4);
    return row;
}

Result<std::vector<History::StateRun>> SqlHistory::partition_states(
    AssetId asset, Ordinal first, Ordinal last, int runs_max
) {
    StateRunCollector collector(first, last);
    if (first > last) {
        return collector.take();
    }
    const auto session = SERVO_TRY(sessions_.begin(scope_, Reads::kOneStatement));
    Reader& db = session->reader();
    if (!SERVO_TRY(sees(db, asset))) {
        return collector.take();
    }
    Query query = SERVO_TRY(db.query(
        "SELECT block, runs FROM partition_state"
        " WHERE asset_id = ? AND block BETWEEN ? AND ? ORDER BY block",
        asset,
        state_block_of(first),
        state_block_of(last)
    ));
    while (SERVO_TRY(query.step())) {
        collector.add(SERVO_TRY(StateBlock::decode(query.bytes(1), query.integer(0))));
        SERVO_CHECK(check_runs_max(collector, runs_max));
    }
    return collector.take();
}

Result<std::shared_ptr<const AssetRevision>> SqlHistory::revision(AssetId asset, int revision) {
    const auto session = SERVO_TRY(sessions_.begin(scope_, Reads::kOneStatement));
    const auto found = SERVO_TRY(revisions_.get(session->reader(), asset, revision));
    return found && scope_.sees(found->tenant) ? found : nullptr;
}

Result<std::vector<std::shared_ptr<const AssetRevision>>> SqlHistory::revisions(AssetId asset) {
    const auto session = SERVO_TRY(sessions_.begin(scope_, Reads::kOneStatement));
    Reader& db = session->reader();
    std::vector<std::shared_ptr<const AssetRevision>> out;
    if (!SERVO_TRY(sees(db, asset))) {
        return out;
    }
    std::vector<int> numbers;
    {
        Query query = SERVO_TRY(db.query(
            "SELECT revision FROM asset_revisions WHERE asset_id = ? ORDER BY revision", asset
        ));
        while (SERVO_TRY(query.step())) {
            numbers.push_back(query.small(0));
        }
    }
    for (const int number : numbers) {
        out.push_back(SERVO_TRY(revisions_.get(db, asset, number)));
    }
    return out;
}

Result<EventPage> SqlHistory::events(
    const EventFilter& filter, int limit, const std::string& page_token
) {
    std::string where = where_within(scope_);
    if (filter.tenant) {
        where += fmt::format(" AND tenant_id = {}", filter.tenant.value);
    }
    if (!page_token.empty()) {
        where += fmt::format(" AND event_id < {}", SERVO_TRY(decode_event_token(page_token)));
    }
    if (!filter.subject.empty()) {
        where += " AND subject = ?";
    }
    const auto session = SERVO_TRY(sessions_.begin(scope_, Reads::kOneStatement));
    Reader& db = session->reader();
    const auto wanted = static_cast<size_t>(page_limit(limit));
    const std::string sql = "SELECT " SERVO_EVENT_COLUMNS ", event_id FROM events" + where +
                            fmt::format(" ORDER BY event_id DESC LIMIT {}", wanted + 1);
    Query query = filter.subject.empty()
                      ? SERVO_TRY(db.once(sql))
                      : SERVO_TRY(db.once(sql, std::string_view(filter.subject)));
    EventPage page;
    int64_t last = 0;
    while (SERVO_TRY(query.step())) {
        EventRow row = read_event(query);
        if (filter.since && row.at < *filter.since) {
            break;  // they ascend in time, so no condition has to look for the last one
        }
        if (page.items.size() == wanted) {
            page.next_page_token = encode_event_token(last);
            break;
        }
        page.items.push_back(std::move(row));
        last = query.integer(kEventColumns);
    }
    return page;
}

Result<std::optional<IdempotencyRow>> SqlHistory::idempotent_reply(
    TenantId tenant, const std::string& route, const std::string& key
) {
    if (!scope_.sees(tenant)) {
        return std::nullopt;
    }
    const auto session = SERVO_TRY(sessions_.begin(scope_, Reads::kOneStatement));
    Reader& db = session->reader();
    Query query = SERVO_TRY(db.query(
        "SELECT body_hash, http_status, reply, at_ms FROM idempotency"
        " WHERE tenant_id = ? AND route = ? AND key = ?",
        tenant,
        std::string_view(route),
        std::string_view(key)
    ));
    if (!SERVO_TRY(query.step())) {
        return std::nullopt;
    }
    return IdempotencyRow{
        tenant, route, key, query.text(0), query.small(1), query.text(2), query.instant(3)};
}

Result<std::vector<LedgerRow>> SqlHistory::ledger(
    LedgerSpan span, LedgerScope scope, Instant from, Instant to
) {
    if (!scope_.is_all()) {
        return std::vector<LedgerRow>();
    }
    const auto session = SERVO_TRY(sessions_.begin(scope_, Reads::kOneStatement));
    Query query = SERVO_TRY(session->reader().query(
        "SELECT span, at_ms, epoch, scope, entries FROM ledger"
        " WHERE span = ? AND scope = ? AND at_ms >= ? AND at_ms < ? ORDER BY at_ms, epoch LIMIT ?",
        to_string(span),
        to_string(scope),
        from,
        to,
        kLedgerRowsMax
    ));
    std::vector<LedgerRow> out;
    while (SERVO_TRY(query.step())) {
        out.push_back(SERVO_TRY(read_ledger(query)));
    }
    return out;
}

Result<std::vector<StoredToken>> SqlHistory::tokens() {
    const auto session = SERVO_TRY(sessions_.begin(scope_, Reads::kOneStatement));
    Reader& db = session->reader();
    Query query = SERVO_TRY(db.once(
        "SELECT " SERVO_TOKEN_COLUMNS
        ", (SELECT name FROM tenants WHERE tenants.tenant_id = tokens.tenant_id)"
        " FROM tokens" +
        where_within(scope_) + " ORDER BY created_at_ms, token_id"
    ));
    std::vector<StoredToken> out;
    while (SERVO_TRY(query.step())) {
        out.push_back({SERVO_TRY(read_token(query)), query.text(kTokenColumns)});
    }
    return out;
}

}  // namespace servo::store::sql
