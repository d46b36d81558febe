#include "model/ordinals.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "base/varint.h"

namespace servo::model {
namespace {

constexpr char kCodec = 1;
constexpr uint64_t kSpanMax = std::numeric_limits<int64_t>::max();

Error corrupt(std::string_view what) {
    return internal(
        "corrupt_payload", fmt::format("A packed list of ordinals is damaged: {}.", what)
    );
}

// The difference of two ordinals, which may exceed the range of int64_t.
uint64_t distance(Ordinal from, Ordinal to) {
    return static_cast<uint64_t>(to) - static_cast<uint64_t>(from);
}

uint64_t stride_of(const OrdinalRun& run) {
    return static_cast<uint64_t>(run.stride);
}

// `run` without its first `skip` members, cut to `count`.
OrdinalRun part(const OrdinalRun& run, uint64_t skip, uint64_t count) {
    return {run.first + static_cast<int64_t>(skip) * run.stride, count, run.stride};
}

// How many members of `run` are smaller than `bound`.
uint64_t members_below(const OrdinalRun& run, Ordinal bound) {
    if (bound <= run.first) {
        return 0;
    }
    return std::min(run.count, (distance(run.first, bound) - 1) / stride_of(run) + 1);
}

bool has(const OrdinalRun& run, Ordinal ordinal) {
    return ordinal >= run.first && ordinal <= run.last() &&
           distance(run.first, ordinal) % stride_of(run) == 0;
}

// Positions in `a` whose ordinals are also in `b`, added to `out` shifted by `before`.
void intersect_runs(const OrdinalRun& a, const OrdinalRun& b, uint64_t before, RunSet& out) {
    const uint64_t low = members_below(a, b.first);
    const uint64_t past =
        b.last() == std::numeric_limits<Ordinal>::max() ? a.count : members_below(a, b.last() + 1);
    if (low >= past) {
        return;
    }
    const OrdinalRun inside = part(a, low, past - low);
    if (inside.count == 1 || a.stride % b.stride == 0) {  // all of them or none
        if (has(b, inside.first)) {
            out.add(Run{before + low, before + past});
        }
        return;
    }
    const uint64_t b_low = members_below(b, inside.first);
    const uint64_t b_past = members_below(b, inside.last()) + 1;
    if (b_past - b_low < inside.count) {
        for (uint64_t i = b_low; i < std::min(b_past, b.count); ++i) {
            const Ordinal member = part(b, i, 1).first;
            if (has(a, member)) {
                out.add(before + distance(a.first, member) / stride_of(a));
            }
        }
        return;
    }
    for (uint64_t i = low; i < past; ++i) {
        if (has(b, part(a, i, 1).first)) {
            out.add(before + i);
        }
    }
}

uint64_t mix(uint64_t hash, uint64_t value) {
    hash ^= value + 0x9e3779b97f4a7c15ULL + (hash << 6) + (hash >> 2);
    hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9ULL;
    hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebULL;
    return hash ^ (hash >> 31);
}

// One entry of the packed form: `repeat` runs in a row with the same gap, count and stride.
struct PackedRun {
    uint64_t gap = 0;  // from the last ordinal of the run before; the first run: from zero, zigzag
    uint64_t count = 0;
    uint64_t stride = 1;
    bool operator==(const PackedRun&) const = default;
};

// Checks that `run` and all before it stay in range, and appends it.
Status append_checked(std::vector<OrdinalRun>& runs, const PackedRun& packed, Ordinal first) {
    const uint64_t room = std::min(kSpanMax, distance(first, std::numeric_limits<Ordinal>::max()));
    if (packed.count == 0 || packed.stride == 0 || packed.stride > kSpanMax ||
        packed.count - 1 > room / packed.stride) {
        return fail(corrupt("a run is empty or out of range"));
    }
    runs.push_back({first, packed.count, static_cast<int64_t>(packed.stride)});
    return {};
}

Status decode_runs(VarintReader& in, uint64_t entries, std::vector<OrdinalRun>& runs) {
    for (uint64_t e = 0; e < entries; ++e) {
        const uint64_t repeat = SERVO_TRY(in.next());
        const int64_t start = runs.empty() ? SERVO_TRY(in.next_signed()) : 0;
        const uint64_t gap = runs.empty() ? 0 : SERVO_TRY(in.next());
        const uint64_t count = SERVO_TRY(in.next());
        const uint64_t stride = SERVO_TRY(in.next());
        if (repeat == 0 || repeat > kOrdinalRunsMax - runs.size() ||
            (runs.empty() && repeat != 1)) {
            return fail(corrupt("too many runs"));
        }
        for (uint64_t i = 0; i < repeat; ++i) {
            Ordinal first = start;
            if (!runs.empty()) {
                const Ordinal last = runs.back().last();
                if (gap == 0 || gap > distance(last, std::numeric_limits<Ordinal>::max())) {
                    return fail(corrupt("runs do not ascend"));
                }
                first = static_cast<Ordinal>(static_cast<uint64_t>(last) + gap);
            }
            SERVO_CHECK(append_checked(runs, {gap, count, stride}, first));
        }
    }
    return {};
}

}  // namespace

OrdinalView::OrdinalView(std::vector<OrdinalRun> runs, bool reversed)
    : runs_(std::move(runs)), reversed_(reversed) {
    before_.reserve(runs_.size());
    for (size_t i = 0; i < runs_.size(); ++i) {
        SERVO_ASSERT(runs_[i].count >= 1 && runs_[i].stride >= 1);
        SERVO_ASSERT(i == 0 || runs_[i - 1].last() < runs_[i].first);
        before_.push_back(total_);
        total_ += runs_[i].count;
    }
}

Ordinal OrdinalView::at(Index index) const {
    SERVO_ASSERT(index < total_);
    const uint64_t position = reversed_ ? total_ - 1 - index : index;
    const auto next = std::upper_bound(before_.begin(), before_.end(), position);
    const size_t i = static_cast<size_t>(next - before_.begin()) - 1;
    return part(runs_[i], position - before_[i], 1).first;
}

std::optional<Index> OrdinalView::index_of(Ordinal ordinal) const {
    const auto next =
        std::upper_bound(runs_.begin(), runs_.end(), ordinal, [](Ordinal o, const OrdinalRun& r) {
            return o < r.first;
        });
    if (next == runs_.begin() || !has(*std::prev(next), ordinal)) {
        return std::nullopt;
    }
    const size_t i = static_cast<size_t>(next - runs_.begin()) - 1;
    const uint64_t position = before_[i] + distance(runs_[i].first, ordinal) / stride_of(runs_[i]);
    return reversed_ ? total_ - 1 - position : position;
}

std::vector<OrdinalRun> OrdinalView::slice(Run indices) const {
    const Index end = std::min(indices.end, total_);
    std::vector<OrdinalRun> out;
    if (indices.first >= end) {
        return out;
    }
    uint64_t position = reversed_ ? total_ - end : indices.first;
    uint64_t rest = end - indices.first;
    const auto next = std::upper_bound(before_.begin(), before_.end(), position);
    for (size_t i = static_cast<size_t>(next - before_.begin()) - 1; rest > 0; ++i) {
        const uint64_t skip = position - before_[i];
        const uint64_t count = std::min(rest, runs_[i].count - skip);
        out.push_back(part(runs_[i], skip, count));
        position += count;
        rest -= count;
    }
    return out;
}

RunSet OrdinalView::intersection(const OrdinalView& other) const {
    RunSet positions;
    size_t i = 0;
    size_t j = 0;
    while (i < runs_.size() && j < other.runs_.size()) {
        intersect_runs(runs_[i], other.runs_[j], before_[i], positions);
        if (runs_[i].last() < other.runs_[j].last()) {
            ++i;
        } else {
            ++j;
        }
    }
    if (!reversed_) {
        return positions;
    }
    RunSet indices;
    for (auto it = positions.runs().rbegin(); it != positions.runs().rend(); ++it) {
        indices.add(Run{total_ - it->end, total_ - it->first});
    }
    return indices;
}

uint64_t OrdinalView::fingerprint() const {
    // Over the fewest runs, so that it does not depend on how the runs were cut.
    OrdinalRunBuilder builder;
    for (const OrdinalRun& run : runs_) {
        builder.add(run);
    }
    uint64_t hash = mix(reversed_ ? 1 : 0, total_);
    for (const OrdinalRun& run : builder.take()) {
        hash = mix(hash, static_cast<uint64_t>(run.first));
        hash = mix(hash, run.count);
        hash = mix(hash, run.count == 1 ? 1 : stride_of(run));
    }
    return hash;
}

std::string OrdinalView::encode() const {
    std::vector<std::pair<PackedRun, uint64_t>> entries;  // with how often each repeats
    for (size_t i = 0; i < runs_.size(); ++i) {
        const uint64_t gap = i == 0 ? 0 : distance(runs_[i - 1].last(), runs_[i].first);
        const PackedRun packed{gap, runs_[i].count, stride_of(runs_[i])};
        if (i > 1 && entries.back().first == packed) {
            ++entries.back().second;
        } else {
            entries.emplace_back(packed, 1);
        }
    }
    std::string out(1, kCodec);
    out.push_back(reversed_ ? '\1' : '\0');
    put_varint(out, entries.size());
    for (size_t i = 0; i < entries.size(); ++i) {
        put_varint(out, entries[i].second);
        if (i == 0) {
            put_signed_varint(out, runs_.front().first);
        } else {
            put_varint(out, entries[i].first.gap);
        }
        put_varint(out, entries[i].first.count);
        put_varint(out, entries[i].first.stride);
    }
    return out;
}

Result<OrdinalView> OrdinalView::decode(std::string_view bytes) {
    if (bytes.size() < 2 || bytes[0] != kCodec || (bytes[1] != '\0' && bytes[1] != '\1')) {
        return fail(corrupt("unknown codec version"));
    }
    VarintReader in(bytes.substr(2));
    const uint64_t entries = SERVO_TRY(in.next());
    if (entries > bytes.size() / 4) {  // four bytes an entry at least
        return fail(corrupt("more runs announced than bytes can hold"));
    }
    std::vector<OrdinalRun> runs;
    SERVO_CHECK(decode_runs(in, entries, runs));
    if (!in.done()) {
        return fail(corrupt("bytes are left over"));
    }
    uint64_t total = 0;
    for (const OrdinalRun& run : runs) {
        if (run.count > std::numeric_limits<uint64_t>::max() - total) {
            return fail(corrupt("too many members"));
        }
        total += run.count;
    }
    return OrdinalView(std::move(runs), bytes[1] == '\1');
}

void OrdinalRunBuilder::add(Ordinal ordinal) {
    if (runs_.empty()) {
        runs_.push_back({ordinal, 1, 1});
        return;
    }
    OrdinalRun& last = runs_.back();
    SERVO_ASSERT(last.last() < ordinal);
    const uint64_t step = distance(last.last(), ordinal);
    const bool strideable = step <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    if (last.count == 1 && strideable) {
        last.stride = static_cast<int64_t>(step);
        last.count = 2;
    } else if (last.count > 1 && step == stride_of(last)) {
        ++last.count;
    } else {
        runs_.push_back({ordinal, 1, 1});
    }
}

void OrdinalRunBuilder::add(OrdinalRun run) {
    SERVO_ASSERT(run.count >= 1 && run.stride >= 1);
    // After three members the last collected run has this run's stride: the rest joins at once. So
    // the outcome is that of adding each member alone.
    const uint64_t singles = std::min<uint64_t>(run.count, 3);
    for (uint64_t i = 0; i < singles; ++i) {
        add(part(run, i, 1).first);
    }
    runs_.back().count += run.count - singles;
}

std::vector<OrdinalRun> OrdinalRunBuilder::take() {
    return std::exchange(runs_, {});
}

}  // namespace servo::model
