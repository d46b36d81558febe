#include "store/lease_log.h"

#include <gtest/gtest.h>

#include "base/prng.h"

namespace servo::store {
namespace {

GrantRow grant(int64_t lease, int64_t number, int64_t job) {
    GrantRow out;
    out.lease = LeaseId(lease);
    out.number = number;
    out.tenant = TenantId(3);
    out.job = JobId(job);
    out.session = SessionId(int64_t{1} << 62);
    out.executor = ExecutorId(9);
    out.generation = 2;
    out.attempt = 3;
    out.token_base = lease;
    out.first_position = 4;
    out.deaths = 1;
    out.indices = RunSet(model::Run{10, 20});
    out.granted_at = instant_ms(1'700'000'000'000 + lease);
    return out;
}

struct Log {
    // Writes the row of a batch, and reads all rows back as another server would.
    void commit(const ChangeSet& changes) {
        ++seq;
        const auto row = written.next(seq, changes);
        ASSERT_TRUE(row.has_value()) << row.error().message;
        if (!*row) {
            return;
        }
        if ((*row)->whole) {
            rows.clear();
            ++whole;
        }
        rows.emplace(seq, **row);
        EXPECT_EQ(written.first_seq(), rows.begin()->first);
    }
    LeaseLog read() const {
        LeaseLog out;
        for (const auto& [at, row] : rows) {
            const Status taken = out.take(at, row.whole, row.payload);
            EXPECT_TRUE(taken.has_value()) << taken.error().message;
        }
        return out;
    }

    LeaseLog written;
    std::map<int64_t, LeaseLogRow> rows;
    int64_t seq = 0;
    int whole = 0;
};

TEST(LeaseLog, SaysWhatIsOpenAfterAnyBatches) {
    Prng prng(7);
    Log log;
    std::map<GrantKey, GrantRow> open;
    int64_t lease = int64_t{5} << 40;
    for (int batch = 0; batch < 2'000; ++batch) {
        ChangeSet changes;
        for (auto it = open.begin(); it != open.end();) {
            if (prng.chance(1, 4)) {
                changes.ended_grants.insert(it->first);
                it = open.erase(it);
            } else {
                ++it;
            }
        }
        for (uint64_t i = prng.below(4); i > 0; --i) {
            lease += 1 + static_cast<int64_t>(prng.below(100));
            GrantRow row = grant(lease, static_cast<int64_t>(prng.below(3)), 1 + lease % 5);
            row.indices.add(model::Run{100, 100 + prng.below(50)});
            open.emplace(GrantKey(row.lease, row.number), row);
            changes.grants.push_back(std::move(row));
        }
        log.commit(changes);
        ASSERT_EQ(log.written.open(), open);
        const LeaseLog read = log.read();
        ASSERT_EQ(read.open(), open);
        ASSERT_EQ(read.first_seq(), log.written.first_seq());
    }
    EXPECT_GT(log.whole, 5);
    EXPECT_LE(log.rows.size(), kLeaseLogEntriesMin);
}

TEST(LeaseLog, ALogThatWasReadGoesOnWhereItWas) {
    Log log;
    ChangeSet changes;
    changes.grants = {grant(5, 1, 1), grant(5, 2, 1), grant(6, 1, 2)};
    log.commit(changes);
    log.written = log.read();
    ChangeSet shrunk;  // an end and a beginning of the same
    shrunk.ended_grants = {{LeaseId(5), 1}};
    shrunk.grants = {grant(5, 1, 1)};
    shrunk.grants[0].indices = RunSet(model::Run{10, 12});
    log.commit(shrunk);
    EXPECT_EQ(log.read().open().at({LeaseId(5), 1}).indices, RunSet(model::Run{10, 12}));
    const auto jobs = by_job(log.written);
    EXPECT_EQ(jobs.at(JobId(1)).size(), 2U);
    EXPECT_EQ(jobs.at(JobId(2)).size(), 1U);
}

TEST(LeaseLog, HasNoRowOfABatchWithoutLeases) {
    LeaseLog log;
    EXPECT_FALSE(log.next(1, {})->has_value());
    ChangeSet unknown;
    unknown.ended_grants = {{LeaseId(5), 1}};
    EXPECT_FALSE(log.next(2, unknown)->has_value());
}

TEST(LeaseLog, RefusesALeaseThatIsOpen) {
    LeaseLog log;
    ChangeSet changes;
    changes.grants = {grant(5, 1, 1)};
    ASSERT_TRUE(log.next(1, changes).has_value());
    EXPECT_EQ(log.next(2, changes).error().reason, "constraint");
}

TEST(LeaseLog, RefusesWhatIsDamaged) {
    LeaseLog log;
    ChangeSet changes;
    changes.grants = {grant(5, 1, 1), grant(6, 1, 1)};
    const std::string sound = (*log.next(1, changes))->payload;
    for (size_t i = 0; i < sound.size(); ++i) {
        std::string bad = sound;
        bad[i] = static_cast<char>(bad[i] ^ 1);
        EXPECT_EQ(LeaseLog().take(1, false, bad).error().reason, "corrupt_payload") << i;
        EXPECT_FALSE(LeaseLog().take(1, false, sound.substr(0, i)).has_value()) << i;
    }
    LeaseLog twice;
    ASSERT_TRUE(twice.take(1, false, sound).has_value());
    EXPECT_EQ(twice.take(2, false, sound).error().reason, "corrupt_payload");
    ChangeSet ended;
    ended.ended_grants = {{LeaseId(5), 1}};
    const std::string end = (*log.next(2, ended))->payload;
    EXPECT_EQ(LeaseLog().take(1, false, end).error().reason, "corrupt_payload");
}

}  // namespace
}  // namespace servo::store
