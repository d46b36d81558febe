#include "store/lease_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/varint.h"
#include "model/job_id.h"

// Payload, codec 1: the version; how many grants end, and each one's lease and number; how many
// begin, and each one's numbers and indices; CRC-32C. Each number is told as the difference from
// the same one of the entry before, the first from 0.

namespace servo::store {
namespace {

constexpr uint64_t kCodec = 1;
constexpr size_t kKeyNumbers = 2;
constexpr size_t kGrantNumbers = 12;
using Numbers = std::array<int64_t, kGrantNumbers>;

struct Entries {
    std::vector<GrantKey> ended;
    std::vector<GrantRow> begun;
};

Error corrupt(std::string_view what) {
    return internal("corrupt_payload", fmt::format("A row of the lease log is damaged: {}.", what));
}

// The key comes first.
Numbers numbers_of(const GrantRow& row) {
    return {
        row.lease.value,
        row.number,
        row.tenant.value,
        row.job.value,
        row.session.value,
        row.executor.value,
        row.generation,
        row.attempt,
        row.token_base,
        static_cast<int64_t>(row.first_position),
        row.deaths,
        to_ms(row.granted_at),
    };
}

GrantRow grant_of(const Numbers& numbers) {
    GrantRow out;
    out.lease = LeaseId(numbers[0]);
    out.number = numbers[1];
    out.tenant = TenantId(numbers[2]);
    out.job = JobId(numbers[3]);
    out.session = SessionId(numbers[4]);
    out.executor = ExecutorId(numbers[5]);
    out.generation = static_cast<int>(numbers[6]);
    out.attempt = static_cast<int>(numbers[7]);
    out.token_base = numbers[8];
    out.first_position = static_cast<uint64_t>(numbers[9]);
    out.deaths = static_cast<int>(numbers[10]);
    out.granted_at = instant_ms(numbers[11]);
    return out;
}

void put_numbers(std::string& out, Numbers& before, const Numbers& now, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        const uint64_t difference =
            static_cast<uint64_t>(now[i]) - static_cast<uint64_t>(before[i]);
        put_signed_varint(out, static_cast<int64_t>(difference));
    }
    before = now;
}

// Replaces the numbers of the entry before with those of the next.
Status read_numbers(VarintReader& in, Numbers& numbers, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        const auto difference = static_cast<uint64_t>(SERVO_TRY(in.next_signed()));
        numbers[i] = static_cast<int64_t>(static_cast<uint64_t>(numbers[i]) + difference);
    }
    return {};
}

class Encoder {
 public:
    void end(const GrantKey& key) {
        Numbers numbers{};
        numbers[0] = key.first.value;
        numbers[1] = key.second;
        put_numbers(ended_, last_ended_, numbers, kKeyNumbers);
        ++ended_count_;
    }
    void begin(const GrantRow& row) {
        put_numbers(begun_, last_begun_, numbers_of(row), kGrantNumbers);
        const std::string indices = row.indices.encode();
        put_varint(begun_, indices.size());
        begun_ += indices;
        ++begun_count_;
    }
    uint64_t entries() const { return ended_count_ + begun_count_; }
    std::string take() const {
        std::string out;
        put_varint(out, kCodec);
        put_varint(out, ended_count_);
        out += ended_;
        put_varint(out, begun_count_);
        out += begun_;
        put_varint(out, crc32c(out));
        return out;
    }

 private:
    std::string ended_, begun_;
    uint64_t ended_count_ = 0, begun_count_ = 0;
    Numbers last_ended_{}, last_begun_{};
};

Result<Entries> decode(std::string_view payload) {
    VarintReader in(payload);
    if (SERVO_TRY(in.next()) != kCodec) {
        return fail(corrupt("it was written by a later version"));
    }
    Entries out;
    Numbers numbers{};
    for (uint64_t left = SERVO_TRY(in.next()); left > 0; --left) {
        SERVO_CHECK(read_numbers(in, numbers, kKeyNumbers));
        out.ended.emplace_back(LeaseId(numbers[0]), numbers[1]);
    }
    numbers = {};
    for (uint64_t left = SERVO_TRY(in.next()); left > 0; --left) {
        SERVO_CHECK(read_numbers(in, numbers, kGrantNumbers));
        const uint64_t length = SERVO_TRY(in.next());
        if (length > in.rest().size()) {
            return fail(corrupt("it ends in the middle"));
        }
        GrantRow row = grant_of(numbers);
        row.indices = SERVO_TRY(RunSet::decode(in.rest().substr(0, length)));
        out.begun.push_back(std::move(row));
        in = VarintReader(in.rest().substr(length));
    }
    const std::string_view covered = payload.substr(0, payload.size() - in.rest().size());
    if (SERVO_TRY(in.next()) != crc32c(covered) || !in.done()) {
        return fail(corrupt("the checksum does not match"));
    }
    return out;
}

GrantKey key_of(const GrantRow& row) {
    return {row.lease, row.number};
}

}  // namespace

Status LeaseLog::take(int64_t seq, bool whole, std::string_view payload) {
    Entries entries = SERVO_TRY(decode(payload));
    if (whole) {
        open_.clear();
        entries_ = 0;
    } else {
        entries_ += entries.ended.size() + entries.begun.size();
    }
    if (whole || first_seq_ == 0) {
        first_seq_ = seq;
    }
    for (const GrantKey& key : entries.ended) {
        if (open_.erase(key) == 0) {
            return fail(corrupt(fmt::format("lease {} ends twice", key.first.value)));
        }
    }
    for (GrantRow& row : entries.begun) {
        const GrantKey key = key_of(row);
        if (!open_.emplace(key, std::move(row)).second) {
            return fail(corrupt(fmt::format("lease {} begins twice", key.first.value)));
        }
    }
    return {};
}

Result<std::optional<LeaseLogRow>> LeaseLog::next(int64_t seq, const ChangeSet& changes) {
    Encoder news;
    for (const GrantKey& key : changes.ended_grants) {
        if (open_.erase(key) > 0) {
            news.end(key);
        }
    }
    for (const GrantRow& row : changes.grants) {
        if (!open_.emplace(key_of(row), row).second) {
            return fail(
                conflict("constraint", fmt::format("Lease {} is open already.", row.lease.value))
            );
        }
        news.begin(row);
    }
    if (news.entries() == 0) {
        return std::nullopt;
    }
    entries_ += news.entries();
    const bool whole =
        entries_ > std::max<uint64_t>(kLeaseLogEntriesMin, kLeaseLogEntriesPerOpen * open_.size());
    if (first_seq_ == 0 || whole) {
        first_seq_ = seq;
    }
    if (!whole) {
        return LeaseLogRow{false, news.take()};
    }
    entries_ = 0;
    Encoder all;
    for (const auto& [key, row] : open_) {
        all.begin(row);
    }
    return LeaseLogRow{true, all.take()};
}

std::map<JobId, std::vector<GrantRow>> by_job(const LeaseLog& log) {
    std::map<JobId, std::vector<GrantRow>> out;
    for (const auto& [key, row] : log.open()) {
        out[row.job].push_back(row);
    }
    return out;
}

}  // namespace servo::store
