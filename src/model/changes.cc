#include "model/changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>

#include "base/varint.h"

namespace servo::model {
namespace {

// Four buckets an octave: below 4 µs a bucket is one microsecond wide.
constexpr int kBucketsPerOctave = 4;
constexpr int kBucketBits = 2;
constexpr uint64_t kBucketMax = 247;  // holds the largest int64_t
constexpr uint64_t kStatsCodec = 1;

constexpr std::array<std::string_view, 3> kPresenceNames = {"present", "lost", "left"};

int bucket_of(int64_t us) {
    const uint64_t value = static_cast<uint64_t>(std::max<int64_t>(us, 0));
    if (value < kBucketsPerOctave) {
        return static_cast<int>(value);
    }
    const int octave = static_cast<int>(std::bit_width(value)) - 1;
    const int within = static_cast<int>((value >> (octave - kBucketBits)) & 3);
    return (octave - 1) * kBucketsPerOctave + within;
}

// The largest value that falls into the bucket.
int64_t upper_edge_us(int bucket) {
    if (bucket < kBucketsPerOctave) {
        return bucket;
    }
    const int octave = bucket / kBucketsPerOctave + 1;
    const uint64_t next = static_cast<uint64_t>(kBucketsPerOctave + bucket % kBucketsPerOctave) + 1;
    return static_cast<int64_t>((next << (octave - kBucketBits)) - 1);
}

Error corrupt(std::string_view what) {
    return internal(
        "corrupt_payload", fmt::format("Stored duration statistics are damaged: {}.", what)
    );
}

}  // namespace

std::string_view to_string(Presence presence) {
    return kPresenceNames[static_cast<size_t>(presence)];
}

std::optional<Presence> presence_from(std::string_view name) {
    const auto* const found = std::find(kPresenceNames.begin(), kPresenceNames.end(), name);
    return found == kPresenceNames.end()
               ? std::nullopt
               : std::optional(static_cast<Presence>(found - kPresenceNames.begin()));
}

bool ChangeSet::empty() const {
    return tenants.empty() && pools.empty() && removed_pools.empty() && assets.empty() &&
           revisions.empty() && executors.empty() && removed_executors.empty() && jobs.empty() &&
           checkpoints.empty() && grants.empty() && ended_grants.empty() && done.empty() &&
           failures.empty() && logs.empty() && materialised.empty() && durations.empty() &&
           tokens.empty() && events.empty() && idempotency.empty() && ledger.empty();
}

void DurationStats::add(Micros duration, uint64_t times) {
    if (times == 0) {
        return;
    }
    const int64_t us = std::max<int64_t>(duration.count(), 0);
    count += times;
    sum_us += us * static_cast<int64_t>(times);
    buckets[bucket_of(us)] += times;
}

Micros DurationStats::mean() const {
    return Micros(count == 0 ? 0 : sum_us / static_cast<int64_t>(count));
}

Micros DurationStats::quantile_per_mille(int q) const {
    if (count == 0) {
        return Micros(0);
    }
    const uint64_t share = static_cast<uint64_t>(std::clamp(q, 0, 1'000));
    // ⌈count · q / 1000⌉ without overflow, at least the first sample.
    const uint64_t rank =
        std::max<uint64_t>(count / 1'000 * share + (count % 1'000 * share + 999) / 1'000, 1);
    uint64_t seen = 0;
    for (const auto& [bucket, times] : buckets) {
        seen += times;
        if (seen >= rank) {
            return Micros(upper_edge_us(bucket));
        }
    }
    return Micros(upper_edge_us(buckets.rbegin()->first));
}

std::string encode_duration_stats(const DurationStats& stats) {
    std::string out;
    put_varint(out, kStatsCodec);
    put_signed_varint(out, stats.sum_us);
    put_varint(out, stats.buckets.size());
    int reached = 0;
    for (const auto& [bucket, times] : stats.buckets) {
        put_varint(out, static_cast<uint64_t>(bucket - reached));
        put_varint(out, times);
        reached = bucket;
    }
    put_varint(out, crc32c(out));
    return out;
}

Result<DurationStats> decode_duration_stats(std::string_view bytes) {
    VarintReader in(bytes);
    if (SERVO_TRY(in.next()) != kStatsCodec) {
        return fail(corrupt("unknown codec version"));
    }
    DurationStats out;
    out.sum_us = SERVO_TRY(in.next_signed());
    const uint64_t buckets = SERVO_TRY(in.next());
    uint64_t reached = 0;
    for (uint64_t i = 0; i < buckets; ++i) {
        const uint64_t step = SERVO_TRY(in.next());
        const uint64_t times = SERVO_TRY(in.next());
        if (step > kBucketMax || reached + step > kBucketMax || (i > 0 && step == 0)) {
            return fail(corrupt("a bucket is out of range"));
        }
        reached += step;
        out.buckets[static_cast<int>(reached)] = times;
        out.count += times;
    }
    const std::string_view covered = bytes.substr(0, bytes.size() - in.rest().size());
    if (SERVO_TRY(in.next()) != crc32c(covered) || !in.done()) {
        return fail(corrupt("the checksum does not match"));
    }
    return out;
}

}  // namespace servo::model
