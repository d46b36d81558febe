// Reading what happened: pages, filters, tenants apart.
#include "rig.h"
#include "store/page_token.h"

namespace servo::store::test {
namespace {

class HistoryConformance : public Conformance {
 protected:
    void SetUp() override { rig.commit(definitions()); }

    void add_job(int64_t id, int64_t tenant_id, JobState state = JobState::kRunning) {
        rig.commit(new_job(job(id, tenant_id, 100, state), rig.seq + 1));
    }
    std::vector<int64_t> ids(const JobFilter& filter, int limit = 100) {
        std::vector<int64_t> out;
        std::string token;
        do {
            const JobPage page = rig.history().jobs(filter, limit, token).value();
            EXPECT_LE(page.items.size(), static_cast<size_t>(limit));
            for (const JobPage::Item& item : page.items) {
                out.push_back(item.row.id.value);
            }
            token = page.next_page_token;
        } while (!token.empty());
        return out;
    }
};

TEST_P(HistoryConformance, JobPagesAreNewestFirstWithoutGapsOrRepeats) {
    for (int64_t id = 1; id <= 7; ++id) {
        add_job(id, 1);
    }
    const std::vector<int64_t> all = {7, 6, 5, 4, 3, 2, 1};
    EXPECT_EQ(ids({}, 100), all);
    EXPECT_EQ(ids({}, 3), all);
    EXPECT_EQ(ids({}, 1), all);
    EXPECT_EQ(ids({}, 7), all);
    const auto bad = rig.history().jobs({}, 3, "nonsense");
    ASSERT_FALSE(bad.has_value());
    EXPECT_EQ(bad.error().reason, "bad_page_token");
}

TEST_P(HistoryConformance, JobsOfOneInstantAreOrderedById) {
    for (const int64_t id : {5, 3, 9}) {
        JobRow row = job(id, 1, 5);
        row.created_at = instant_ms(1'000);
        rig.commit(new_job(row, rig.seq + 1));
    }
    EXPECT_EQ(ids({}, 1), (std::vector<int64_t>{9, 5, 3}));
}

TEST_P(HistoryConformance, EachFilterAdmitsOnlyItsOwn) {
    add_job(1, 1);
    add_job(2, 2);
    add_job(3, 1, JobState::kCompleted);
    add_job(4, 1, JobState::kFailed);
    JobRow grouped = job(5, 2, 10, JobState::kPaused);
    grouped.group = GroupId(8);
    rig.commit(new_job(grouped, rig.seq + 1));
    const auto with = [&](auto set) {
        JobFilter filter;
        set(filter);
        return ids(filter, 2);
    };
    using Ids = std::vector<int64_t>;
    EXPECT_EQ(with([](JobFilter& f) { f.tenant = TenantId(1); }), (Ids{4, 3, 1}));
    EXPECT_EQ(with([](JobFilter& f) { f.tenant = TenantId(2); }), (Ids{5, 2}));
    EXPECT_EQ(with([](JobFilter& f) { f.tenant = TenantId(3); }), Ids{});
    EXPECT_EQ(with([](JobFilter& f) { f.asset = AssetId(20); }), (Ids{5, 2}));
    EXPECT_EQ(with([](JobFilter& f) { f.group = GroupId(8); }), (Ids{5}));
    EXPECT_EQ(
        with([](JobFilter& f) {
            f.states = {JobState::kFailed, JobState::kPaused};
        }),
        (Ids{5, 4})
    );
    EXPECT_EQ(with([](JobFilter& f) { f.id_range = {2, 4}; }), (Ids{4, 3, 2}));
    EXPECT_EQ(
        with([](JobFilter& f) { f.created_since = instant_ms(1'700'000'000'004); }), (Ids{5, 4})
    );
    EXPECT_EQ(
        with([](JobFilter& f) { f.ended_since = instant_ms(1'700'000'000'009); }), (Ids{5, 4, 2, 1})
    );
    EXPECT_EQ(
        with([](JobFilter& f) {
            f.tenant = TenantId(2);
            f.states = {JobState::kRunning};
        }),
        (Ids{2})
    );
}

TEST_P(HistoryConformance, JobShowsTotalAndCountersOfTheCheckpoint) {
    add_job(1, 1);
    JobCheckpoint checkpoint = fresh(job(1, 1, 100), rig.seq + 1);
    checkpoint.remaining.subtract(model::Run{0, 40});
    checkpoint.skipped.add(model::Run{0, 40});
    checkpoint.counters.skipped = 40;
    ChangeSet changes;
    changes.checkpoints = {checkpoint};
    rig.commit(changes);
    const JobPage::Item item = rig.history().job(JobId(1)).value().value();
    EXPECT_EQ(item.total, 100U);
    EXPECT_EQ(item.row.total(), 100U);
    EXPECT_EQ(item.counters.skipped, 40U);
    EXPECT_EQ(rig.history().jobs({}, 1, "").value().items.at(0).counters.skipped, 40U);
    EXPECT_FALSE(rig.history().job(JobId(2)).value().has_value());
    EXPECT_FALSE(rig.history().checkpoint(JobId(2)).value().has_value());
}

TEST_P(HistoryConformance, PagesLeaveLongListsOfPartitionsOut) {
    add_job(1, 1);
    JobRow row = job(2, 1, 1);
    std::vector<OrdinalRun> runs;
    Ordinal next = 0;
    for (uint64_t i = 0; i < 60'000; ++i) {
        const uint64_t count = 1 + i * i % 7;
        runs.push_back({next, count, 1});
        next += static_cast<Ordinal>(count + 1 + i % 11);
    }
    row.ordinals = std::make_shared<OrdinalView>(runs);
    row.keys_fingerprint = row.ordinals->fingerprint();
    ASSERT_GT(row.ordinals->encode().size(), kPageOrdinalsBytesMax);
    rig.commit(new_job(row, rig.seq + 1));
    const JobPage page = take(rig.history().jobs({}, 10, ""));
    ASSERT_EQ(page.items.size(), 2U);
    EXPECT_EQ(page.items[0].total, row.total());
    EXPECT_EQ(page.items[0].row.ordinals == nullptr, GetParam() != Kind::kMemory);
    EXPECT_EQ(page.items[1].row.total(), 100U);
    EXPECT_EQ(rig.history().job(JobId(2)).value().value().row.total(), row.total());
}

TEST_P(HistoryConformance, CheckpointIsExactAsOfTheLastCommit) {
    add_job(1, 1);
    ChangeSet work;
    add_done(work, 1, done_run(10, 20));
    work.failures = {failure(1, 50, true)};
    rig.commit(work);
    const JobCheckpoint exact = rig.history().checkpoint(JobId(1)).value().value();
    EXPECT_EQ(exact.remaining.to_string(), "0-9,20-49,51-99");
    EXPECT_EQ(exact.failed.to_string(), "50");
    EXPECT_EQ(exact.counters.completed, 10U);
}

TEST_P(HistoryConformance, DoneEntriesAreReadByRangeAcrossBlocksAndBatches) {
    rig.commit(new_job(job(1, 1, 20'000), rig.seq + 1));
    ChangeSet odd;
    ChangeSet even;
    std::vector<DoneEntry> odds;
    std::vector<DoneEntry> evens;
    for (Index index = 4'000; index < 9'000; ++index) {
        DoneEntry entry = done(index, 1'700'000'000'000, static_cast<int64_t>(index) * 1'001);
        entry.rows = static_cast<int64_t>(index);
        (index % 2 == 0 ? evens : odds).push_back(entry);
    }
    add_done(odd, 1, odds);
    add_done(even, 1, evens);
    rig.commit(odd);
    rig.commit(even);
    const auto range = [&](Index first, Index end, int limit) {
        return rig.history().done(JobId(1), {first, end}, limit).value();
    };
    const auto all = range(0, 20'000, 100'000);
    ASSERT_EQ(all.size(), 5'000U);
    for (size_t i = 0; i < all.size(); ++i) {
        ASSERT_EQ(all[i].index, 4'000 + i);
        ASSERT_EQ(all[i].rows, static_cast<int64_t>(4'000 + i));
        ASSERT_EQ(all[i].duration, Micros(static_cast<int64_t>(4'000 + i) * 1'001));
    }
    EXPECT_EQ(range(4'094, 4'099, 100).size(), 5U);
    EXPECT_EQ(range(4'094, 4'099, 3).back().index, 4'096U);
    EXPECT_TRUE(range(0, 4'000, 10).empty());
    EXPECT_TRUE(range(5'000, 5'000, 10).empty());
    EXPECT_TRUE(rig.history().done(JobId(2), {0, 10}, 10).value().empty());
}

TEST_P(HistoryConformance, FailuresArePagedAndFiltered) {
    add_job(1, 1);
    add_job(2, 1);
    ChangeSet work;
    for (Index index = 0; index < 5; ++index) {
        work.failures.push_back(failure(1, index, false, 1));
    }
    rig.commit(work);
    work.failures = {failure(1, 2, true, 2), failure(2, 2, true, 1)};
    rig.commit(work);
    int64_t next = 0;
    std::vector<std::pair<Index, int>> seen;
    do {
        for (const FailureRow& row :
             take(rig.history().failures(JobId(1), {}, false, 2, next, &next))) {
            seen.emplace_back(row.index, row.attempt);
        }
    } while (next != 0);
    EXPECT_EQ(
        seen, (std::vector<std::pair<Index, int>>{{2, 2}, {4, 1}, {3, 1}, {2, 1}, {1, 1}, {0, 1}})
    );
    EXPECT_EQ(rig.history().failures(JobId(1), Index{2}, false, 9, 0, &next).value().size(), 2U);
    EXPECT_EQ(next, 0);
    seen.clear();
    do {
        for (const FailureRow& row :
             take(rig.history().failures(JobId(1), Index{2}, false, 1, next, &next))) {
            seen.emplace_back(row.index, row.attempt);
        }
    } while (next != 0);
    EXPECT_EQ(seen, (std::vector<std::pair<Index, int>>{{2, 2}, {2, 1}}));
    const auto final_rows = rig.history().failures(JobId(1), {}, true, 9, 0, nullptr).value();
    ASSERT_EQ(final_rows.size(), 1U);
    EXPECT_EQ(final_rows[0], failure(1, 2, true, 2));
}

TEST_P(HistoryConformance, FailedByClassFollowsTheLastAttempt) {
    add_job(1, 1);
    ChangeSet work;
    FailureRow data = failure(1, 3, true);
    data.klass = FailureClass::kData;
    FailureRow external = failure(1, 4, false);
    external.klass = FailureClass::kExternal;
    work.failures = {
        data, external, failure(1, 4, true, 2), failure(1, 5, true), failure(1, 6, false)};
    rig.commit(work);
    auto by_class = rig.history().failed_by_class(JobId(1)).value();
    ASSERT_EQ(by_class.size(), 2U);
    EXPECT_EQ(by_class[FailureClass::kData].to_string(), "3");
    EXPECT_EQ(by_class[FailureClass::kTimeout].to_string(), "4-5");
    // What a retry took back no longer stands as failed.
    JobCheckpoint retried = rig.history().checkpoint(JobId(1)).value().value();
    retried.covers_seq = rig.seq + 1;
    retried.failed.subtract(3);
    retried.remaining.add(3);
    retried.counters.failed = 2;
    ChangeSet retry;
    retry.checkpoints = {retried};
    rig.commit(retry);
    by_class = rig.history().failed_by_class(JobId(1)).value();
    EXPECT_EQ(by_class.count(FailureClass::kData), 0U);
    EXPECT_TRUE(rig.history().failed_by_class(JobId(77)).value().empty());
}

TEST_P(HistoryConformance, LogTailsKeepEveryByte) {
    add_job(1, 1);
    std::string bytes;
    for (int i = 0; i < 256; ++i) {
        bytes.push_back(static_cast<char>(i));
    }
    ChangeSet work;
    work.logs = {
        {JobId(1), 4, 1, 1, instant_ms(10), 1'000, bytes},
        {JobId(1), 4, 1, 2, instant_ms(20), 3, "abc"},
        {JobId(1), 5, 1, 1, instant_ms(30), 0, ""},
    };
    rig.commit(work);
    EXPECT_EQ(rig.history().log(JobId(1), 4, {}).value(), work.logs[1]);
    EXPECT_EQ(rig.history().log(JobId(1), 4, 1).value(), work.logs[0]);
    EXPECT_EQ(rig.history().log(JobId(1), 5, {}).value(), work.logs[2]);
    EXPECT_FALSE(rig.history().log(JobId(1), 4, 3).value().has_value());
    EXPECT_FALSE(rig.history().log(JobId(2), 4, {}).value().has_value());
}

TEST_P(HistoryConformance, RevisionsAreKeptForEver) {
    ChangeSet applied;
    applied.assets = {asset(10, 1, "orders", 2)};
    applied.revisions = {revision(10, 1, "orders", 2)};
    rig.commit(applied);
    rig.restart();
    EXPECT_EQ(rig.history().revision(AssetId(10), 1).value()->spec.code_version, "1");
    EXPECT_EQ(rig.history().revision(AssetId(10), 3).value(), nullptr);
    const auto all = rig.history().revisions(AssetId(10)).value();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[1]->spec.code_version, "2");
    EXPECT_TRUE(rig.history().revisions(AssetId(11)).value().empty());
}

TEST_P(HistoryConformance, EventsAreNewestFirstAndTenantsApart) {
    ChangeSet changes;
    changes.events = {
        {TenantId(1), instant_ms(10), "ann", "backfill.paused", "bf_1", "one"},
        {TenantId(2), instant_ms(20), "bob", "backfill.paused", "bf_2", "two"},
        {TenantId(0), instant_ms(30), "servo", "executor.joined", "e1", "three"},
        {TenantId(1), instant_ms(40), "ann", "backfill.resumed", "bf_1", "four"},
    };
    rig.commit(changes);
    const auto details = [&](int64_t tenant_id,
                             std::optional<Instant> since,
                             const std::string& subject,
                             int limit) {
        std::string out;
        for (const EventRow& row :
             take(rig.history().events({TenantId(tenant_id), since, subject}, limit, "")).items) {
            out += row.detail + " ";
        }
        return out;
    };
    EXPECT_EQ(details(0, {}, "", 100), "four three two one ");
    EXPECT_EQ(details(1, {}, "", 100), "four one ");
    EXPECT_EQ(details(2, {}, "", 100), "two ");
    EXPECT_EQ(details(0, instant_ms(30), "", 100), "four three ");
    EXPECT_EQ(details(1, {}, "bf_1", 1), "four ");
    EXPECT_EQ(details(2, {}, "bf_1", 100), "");
    EXPECT_EQ(rig.history().events({TenantId(1)}, 1, "").value().items.at(0), changes.events[3]);
}

TEST_P(HistoryConformance, PagesOfEventsFollowEachOther) {
    const auto happened = [](int64_t tenant_id, const std::string& detail) {
        return EventRow{TenantId(tenant_id), instant_ms(10), "ann", "pool.held", "p", detail};
    };
    ChangeSet changes;
    changes.events = {happened(1, "a"), happened(2, "b"), happened(1, "c"), happened(1, "d")};
    rig.commit(changes);
    rig.restart();
    const EventFilter filter{TenantId(1), instant_ms(10), "p"};
    const EventPage first = take(rig.history().events(filter, 1, ""));
    ASSERT_EQ(first.items.size(), 1U);
    EXPECT_EQ(first.items[0].detail, "d");
    ASSERT_FALSE(first.next_page_token.empty());
    // What happens meanwhile does not move the pages.
    ChangeSet later;
    later.events = {happened(1, "e")};
    rig.commit(later);
    const EventPage rest = take(rig.history().events(filter, 2, first.next_page_token));
    ASSERT_EQ(rest.items.size(), 2U);
    EXPECT_EQ(rest.items[0].detail + rest.items[1].detail, "ca");
    EXPECT_EQ(rest.next_page_token, "") << "as many as fit, and no more of this tenant";
    for (const std::string& bad :
         {std::string("nonsense"), encode_page_token({instant_ms(10), JobId(7)})}) {
        const auto refused = rig.history().events(filter, 1, bad);
        ASSERT_FALSE(refused.has_value()) << bad;
        EXPECT_EQ(refused.error().reason, "bad_page_token");
    }
}

TEST_P(HistoryConformance, IdempotencyKeysAreOfATenantAndARoute) {
    ChangeSet changes;
    changes.idempotency = {
        {TenantId(1), "POST /v1/backfills", "k", "hash", 201, "{\"id\":1}", rig.now},
        {TenantId(2), "POST /v1/backfills", "k", "other", 200, "{}", rig.now},
    };
    rig.commit(changes);
    rig.restart();
    const auto stored =
        rig.history().idempotent_reply(TenantId(1), "POST /v1/backfills", "k").value();
    ASSERT_TRUE(stored.has_value());
    EXPECT_EQ(*stored, changes.idempotency[0]);
    EXPECT_FALSE(rig.history().idempotent_reply(TenantId(1), "POST /v1/x", "k").value());
    EXPECT_FALSE(rig.history().idempotent_reply(TenantId(3), "POST /v1/backfills", "k").value());
    EXPECT_EQ(rig.try_commit(changes).fate, CommitFate::kRefused);
}

INSTANTIATE_TEST_SUITE_P(Stores, HistoryConformance, all_stores(), kind_name);

}  // namespace
}  // namespace servo::store::test
