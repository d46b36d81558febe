// Housekeeping changes no answer: done blocks are merged, old things go, fsck finds what is wrong.
#include <set>

#include "sqlite_rig.h"

namespace servo::store::test {
namespace {

using UpkeepConformance = Conformance;

TEST_P(UpkeepConformance, MergingDoneBlocksChangesNoAnswer) {
    rig.commit(definitions());
    const JobRow row = job(1, 1, 5'001);  // one is never done: the job stays open
    rig.commit(new_job(row, 2));
    // Block 0 in many small pieces, the tail block but for one index.
    for (Index first = 0; first < 4'096; first += 16) {
        ChangeSet work;
        add_done(work, 1, done_run(first, first + 16));
        rig.commit(work);
    }
    ChangeSet tail;
    add_done(tail, 1, done_run(4'096, 4'999));
    rig.commit(tail);
    const auto all_done = [&] { return rig.history().done(JobId(1), {0, 5'000}, 10'000).value(); };
    const auto before = all_done();
    ASSERT_EQ(before.size(), 4'999U);

    // Not covered by a checkpoint yet: replay still needs the rows one by one.
    rig.maintain_all(rig.now + std::chrono::hours(1));
    EXPECT_EQ(rig.load().jobs.at(0).done_after.size(), 4'999U);
    EXPECT_EQ(all_done(), before);

    JobCheckpoint covered = rig.load().jobs.at(0).checkpoint;
    covered.covers_seq = rig.seq + 1;
    ChangeSet sealed;
    sealed.checkpoints = {covered};
    sealed.materialised = {
        {TenantId(1), AssetId(10), {{0, 4'999, 1}}, Outcome::kSucceeded, JobId(1), 1, rig.now}};
    rig.commit(sealed);
    ChangeSet late;
    add_done(late, 1, done_run(4'999, 5'000));
    rig.restart();  // who begins looks at all open jobs
    rig.commit(late);
    rig.maintain_all(rig.now + std::chrono::hours(2));
    EXPECT_EQ(all_done().size(), 5'000U);
    EXPECT_EQ(all_done().back().index, 4'999U);
    const Snapshot::OpenJob open = rig.load().jobs.at(0);
    EXPECT_EQ(open.done_after.to_string(), "4999");
    EXPECT_EQ(open.checkpoint.counters.completed, 5'000U);
    EXPECT_EQ(open.checkpoint.remaining.size(), 1U);
    EXPECT_EQ(rig.store().fsck().value(), std::vector<std::string>{});
    rig.restart();
    EXPECT_EQ(all_done().size(), 5'000U);
}

TEST_P(UpkeepConformance, IdempotencyEventsAndEndedJobsGoWhenTheirTimeIsOver) {
    rig.commit(definitions());
    ChangeSet changes = new_job(job(1, 1, 10, JobState::kFailed), 2);
    changes.checkpoints[0].remaining = RunSet(model::Run{3, 3});
    changes.checkpoints[0].failed.add(model::Run{0, 10});
    changes.checkpoints[0].counters.failed = 10;
    changes.failures = {failure(1, 3, true)};
    changes.logs = {{JobId(1), 3, 1, 1, rig.now, 3, "abc"}};
    changes.events = {{TenantId(1), rig.now, "a", "k", "s", "d"}};
    changes.idempotency = {{TenantId(1), "r", "k", "h", 200, "{}", rig.now}};
    changes.materialised = {
        {TenantId(1), AssetId(10), {{3, 1, 1}}, Outcome::kFailed, JobId(1), 1, rig.now}};
    rig.commit(changes);
    rig.commit(new_job(job(2, 1, 10), 3));  // open: never goes
    const auto days = [&](int64_t count) { return rig.now + Millis(count * kDay); };
    const auto has_key = [&] {
        return rig.history().idempotent_reply(TenantId(1), "r", "k").value().has_value();
    };
    const auto failures = [&] {
        return rig.history().failures(JobId(1), {}, false, 10, 0, nullptr).value().size();
    };
    rig.maintain_all(days(6));
    EXPECT_TRUE(has_key());
    rig.maintain_all(days(8));
    EXPECT_FALSE(has_key());
    EXPECT_EQ(failures(), 1U);
    rig.maintain_all(days(91));
    EXPECT_EQ(failures(), 0U);
    EXPECT_FALSE(rig.history().log(JobId(1), 3, {}).value().has_value());
    EXPECT_TRUE(rig.history().job(JobId(1)).value().has_value());
    EXPECT_EQ(rig.history().events({TenantId(1)}, 9, "").value().items.size(), 1U);
    rig.maintain_all(days(401));
    EXPECT_FALSE(rig.history().job(JobId(1)).value().has_value());
    EXPECT_TRUE(rig.history().job(JobId(2)).value().has_value());
    EXPECT_TRUE(rig.history().events({TenantId(1)}, 9, "").value().items.empty());
    EXPECT_EQ(rig.history().partition_states(AssetId(10), 0, 9, 9).value().size(), 1U);
    EXPECT_EQ(rig.store().fsck().value(), std::vector<std::string>{});
}

TEST_P(UpkeepConformance, TokensGoLongAfterTheirEnd) {
    ChangeSet changes;
    for (const char* id : {"lives", "expired", "expires", "revoked", "admins"}) {
        TokenRow row;
        row.id = id;
        row.created_at = rig.now;
        changes.tokens.push_back(row);
    }
    changes.tokens[1].expires_at = rig.now;
    changes.tokens[2].expires_at = rig.now + Millis(30 * kDay);
    changes.tokens[3].revoked_at = rig.now;
    changes.tokens[3].expires_at = rig.now + Millis(30 * kDay);
    changes.tokens[4].revoked_at = rig.now;
    changes.tokens[4].role = TokenRole::kAdmin;
    const Instant ended = rig.now;
    rig.commit(changes);
    rig.maintain_all(ended + Millis(399 * kDay));
    EXPECT_EQ(take(rig.history().tokens()).size(), 5U);
    rig.maintain_all(ended + Millis(401 * kDay));
    std::set<std::string> left;
    for (const StoredToken& token : take(rig.history().tokens())) {
        left.insert(token.row.id);
    }
    EXPECT_EQ(left, (std::set<std::string>{"lives", "expires", "admins"}));
}

// More of them than are looked at in one step, before and behind one that has something.
TEST_P(UpkeepConformance, FailuresAreFoundAmongJobsThatHaveNone) {
    rig.commit(definitions());
    ChangeSet changes;
    for (int64_t id = 1; id <= 600; ++id) {
        ChangeSet one = new_job(job(id, 1, 1, JobState::kCancelled), 2);
        changes.jobs.push_back(one.jobs[0]);
        changes.checkpoints.push_back(one.checkpoints[0]);
    }
    changes.failures = {failure(400, 0, true)};
    changes.logs = {{JobId(599), 0, 1, 1, rig.now, 3, "abc"}};
    rig.commit(changes);
    const auto left = [&] {
        return take(rig.history().failures(JobId(400), {}, false, 10, 0, nullptr)).size() +
               (take(rig.history().log(JobId(599), 0, {})).has_value() ? 1U : 0U);
    };
    rig.maintain_all(rig.now + Millis(89 * kDay));
    EXPECT_EQ(left(), 2U);
    rig.maintain_all(rig.now + Millis(91 * kDay));
    EXPECT_EQ(left(), 0U);
}

constexpr Instant kFarOff = instant_ms(4'000'000'000'000);

LedgerRow minute_of(Instant at, int64_t epoch, LedgerScope scope) {
    LedgerRow row;
    row.at = at;
    row.epoch = epoch;
    row.scope = scope;
    const LedgerKey key = scope == LedgerScope::kAll     ? kLedgerNobody
                          : scope == LedgerScope::kAsset ? LedgerKey{10, 1}
                                                         : LedgerKey{1, 0};
    row.entries[key] = {
        {"phase.opaque", 60'000}, {"slot.busy.useful", 60'000}, {"wait.capacity", 5}};
    return row;
}

TEST_P(UpkeepConformance, TheLedgerIsReadBackReplacedAndDropped) {
    rig.commit(definitions());
    ChangeSet changes;
    for (const int64_t epoch : {1, 2}) {  // two leaders in one minute
        for (size_t scope = 0; scope < kLedgerScopeCount; ++scope) {
            changes.ledger.push_back(minute_of(rig.now, epoch, static_cast<LedgerScope>(scope)));
            LedgerRow hour = changes.ledger.back();
            hour.span = LedgerSpan::kHour;
            changes.ledger.push_back(hour);
        }
    }
    rig.commit(changes);
    ChangeSet again;  // an hour that goes on
    again.ledger = {changes.ledger.at(1)};
    again.ledger[0].entries[kLedgerNobody]["slot.busy.useful"] = 60'001;
    const Instant at = again.ledger[0].at;
    rig.commit(again);
    rig.restart();
    (void)rig.load();  // leads again
    const auto read = [&](LedgerSpan span, LedgerScope scope, Instant from, Instant to) {
        return take(rig.history().ledger(span, scope, from, to));
    };
    const auto hours = read(LedgerSpan::kHour, LedgerScope::kAll, at, at + Millis(1));
    ASSERT_EQ(hours.size(), 2U);
    EXPECT_EQ(hours[0], again.ledger[0]);
    EXPECT_EQ(hours[1].epoch, 2);
    const auto assets = read(LedgerSpan::kMinute, LedgerScope::kAsset, kEpochStart, kFarOff);
    ASSERT_EQ(assets.size(), 2U);
    EXPECT_EQ(assets[0], minute_of(at, 1, LedgerScope::kAsset));
    EXPECT_TRUE(read(LedgerSpan::kHour, LedgerScope::kAll, kEpochStart, at).empty());
    EXPECT_EQ(rig.store().fsck().value(), std::vector<std::string>{});

    const auto kept = [&](LedgerSpan span) {
        return read(span, LedgerScope::kAll, kEpochStart, kFarOff).size();
    };
    rig.maintain_all(at + Millis(16 * kDay));
    EXPECT_EQ(kept(LedgerSpan::kMinute), 0U);
    EXPECT_EQ(kept(LedgerSpan::kHour), 2U);
    rig.maintain_all(at + Millis(401 * kDay));
    EXPECT_EQ(kept(LedgerSpan::kHour), 0U);
}

TEST_P(UpkeepConformance, FsckNamesALedgerThatDoesNotClose) {
    ChangeSet changes;
    for (size_t scope = 0; scope < kLedgerScopeCount; ++scope) {
        changes.ledger.push_back(
            minute_of(instant_ms(1'700'000'040'000), 1, static_cast<LedgerScope>(scope))
        );
    }
    changes.ledger.at(1).entries.clear();
    rig.commit(changes);
    EXPECT_EQ(
        rig.store().fsck().value(),
        std::vector<std::string>{
            "The ledger of the minute from 2023-11-14T22:14:00Z does not close: 0 slot-ms by "
            "tenant, 60000 over all."}
    );
}

TEST_P(UpkeepConformance, FsckNamesAnIndexDoneTwiceAndAWrongCounter) {
    rig.commit(definitions());
    rig.commit(new_job(job(1, 1, 10), 2));
    for (int i = 0; i < 2; ++i) {
        ChangeSet work;
        add_done(work, 1, done_run(4, 5));
        rig.commit(work);
    }
    std::string all;
    for (const std::string& sentence : take(rig.store().fsck())) {
        all += sentence + "\n";
    }
    EXPECT_NE(all.find("done more than once, the first is index 4"), std::string::npos) << all;
    EXPECT_NE(all.find("\"completed\" says 2, a recount says 1"), std::string::npos) << all;
}

TEST_P(UpkeepConformance, FsckNamesAStateThatNoLogExplains) {
    rig.commit(definitions());
    ChangeSet changes = new_job(job(1, 1, 10), 2);
    changes.materialised = {
        {TenantId(1), AssetId(10), {{3, 1, 1}}, Outcome::kSucceeded, JobId(1), 1, rig.now}};
    rig.commit(changes);
    const auto findings = rig.store().fsck().value();
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_NE(
        findings[0].find("1 partitions, the first is ordinal 3, are kept as succeeded"),
        std::string::npos
    );
}

TEST_P(UpkeepConformance, FsckNamesWhatALogHasAndNoState) {
    rig.commit(definitions());
    rig.commit(new_job(job(1, 1, 10), 2));
    ChangeSet changes;
    add_done(changes, 1, done_run(0, 4));
    rig.commit(changes);
    EXPECT_EQ(take(rig.store().fsck()), std::vector<std::string>{}) << "no checkpoint has it yet";
    ChangeSet sealed;
    sealed.checkpoints = {rig.store().load_job(JobId(1)).value().value().checkpoint};
    sealed.materialised = {
        {TenantId(1), AssetId(10), {{0, 3, 1}}, Outcome::kSucceeded, JobId(1), 1, rig.now}};
    rig.commit(sealed);
    const auto findings = take(rig.store().fsck());
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_NE(
        findings[0].find("1 partitions, the first is ordinal 3, have no state"), std::string::npos
    ) << findings[0];
    ChangeSet marked;
    marked.assets = {rig.load().assets.at(0)};
    marked.assets[0].marked_missing = true;
    rig.commit(marked);
    EXPECT_EQ(take(rig.store().fsck()), std::vector<std::string>{});
}

// What an ended job kept goes in steps, and the database is sound after each of them.
TEST_P(UpkeepConformance, AJobThatIsBeingDroppedIsNoContradiction) {
    rig.commit(definitions());
    constexpr uint64_t kCommits = 1'200;  // more rows than go in one step
    rig.commit(new_job(job(1, 1, kCommits, JobState::kCompleted), 2));
    for (uint64_t i = 0; i < kCommits; ++i) {
        ChangeSet work;
        add_done(work, 1, done_run(i, i + 1));
        rig.commit(work);
    }
    ChangeSet sealed;
    sealed.checkpoints = {rig.store().load_job(JobId(1)).value().value().checkpoint};
    sealed.materialised = {
        {TenantId(1), AssetId(10), {{0, kCommits, 1}}, Outcome::kSucceeded, JobId(1), 1, rig.now}};
    rig.commit(sealed);
    EXPECT_EQ(take(rig.store().fsck()), std::vector<std::string>{});
    for (bool more = true; more;) {
        more = take(rig.store().maintain(rig.now + Millis(401 * kDay)));
        EXPECT_EQ(take(rig.store().fsck()), std::vector<std::string>{});
        if (const auto whole = take(rig.store().load_job(JobId(1)))) {
            EXPECT_EQ(whole->checkpoint.counters.completed, kCommits) << "or it is not there";
        }
    }
    EXPECT_FALSE(rig.history().job(JobId(1)).value().has_value());
}

TEST_P(UpkeepConformance, FsckNamesALeaseOverWhatIsDone) {
    rig.commit(definitions());
    ChangeSet changes = new_job(job(1, 1, 10), 2);
    changes.checkpoints[0].remaining.subtract(model::Run{0, 2});
    changes.checkpoints[0].skipped.add(model::Run{0, 2});
    changes.checkpoints[0].counters.skipped = 2;
    changes.grants = {grant(5, 1, 1, RunSet(model::Run{1, 4}))};
    rig.commit(changes);
    const auto findings = rig.store().fsck().value();
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_NE(
        findings[0].find("lease 5 holds index 1, which is not to be done"), std::string::npos
    );
}

INSTANTIATE_TEST_SUITE_P(Stores, UpkeepConformance, all_stores(), kind_name);

TEST(SqliteUpkeep, ADamagedDoneRowKeepsNothingElseWaiting) {
    Rig rig(Kind::kSqlite);
    rig.commit(definitions());
    ChangeSet created = new_job(job(1, 1, 2, JobState::kCompleted), 4);
    const ChangeSet other = new_job(job(2, 1, 2, JobState::kCompleted), 4);
    created.jobs.push_back(other.jobs[0]);
    created.checkpoints.push_back(other.checkpoints[0]);
    created.idempotency = {{TenantId(1), "r", "k", "h", 200, "{}", rig.now}};
    rig.commit(created);
    for (const Index index : {Index{0}, Index{1}}) {
        ChangeSet work;
        add_done(work, 1, done_run(index, index + 1));
        add_done(work, 2, done_run(index, index + 1));
        rig.commit(work);
    }
    const auto rows_of = [&](int64_t id) {
        return ask(
            rig.database_path(),
            "SELECT count(*) FROM done_log WHERE job_id = " + std::to_string(id)
        );
    };
    tamper(rig.database_path(), "UPDATE done_log SET payload = zeroblob(40) WHERE job_id = 1");
    rig.maintain_all(rig.now + Millis(8 * kDay));
    EXPECT_EQ(rows_of(1), "2");
    EXPECT_EQ(rows_of(2), "1");
    EXPECT_FALSE(rig.history().idempotent_reply(TenantId(1), "r", "k").value().has_value());
}

}  // namespace
}  // namespace servo::store::test
