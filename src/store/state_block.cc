#include "store/state_block.h"

#include <algorithm>
#include <array>
#include <bitset>

#include "base/varint.h"

namespace servo::store {
namespace {

constexpr uint64_t kStateCodec = 1;
// An outcome's number, and that much more where the partition succeeded before.
constexpr uint64_t kOutcomeWords = 4;
constexpr size_t kBlockCells = static_cast<size_t>(kStateBlockSize);

Error corrupt(const char* what) {
    return internal(
        "corrupt_payload", std::string("A row of partition states is damaged: ") + what + "."
    );
}

// The part of `run` with ordinals in [first, last]; count 0 when there is none.
OrdinalRun clip(const OrdinalRun& run, Ordinal first, Ordinal last) {
    const auto distance = [](Ordinal from, Ordinal to) {
        return static_cast<uint64_t>(to) - static_cast<uint64_t>(from);
    };
    const auto stride = static_cast<uint64_t>(run.stride);
    if (run.last() < first || run.first > last) {
        return {run.first, 0, run.stride};
    }
    const uint64_t skip =
        run.first >= first ? 0 : (distance(run.first, first) + stride - 1) / stride;
    const uint64_t end = std::min(run.count, distance(run.first, last) / stride + 1);
    OrdinalRun out{run.first, 0, run.stride};
    if (skip < end) {
        out.first = static_cast<Ordinal>(static_cast<uint64_t>(run.first) + skip * stride);
        out.count = end - skip;
    }
    return out;
}

// The members of disjoint runs of one block, in the fewest ascending runs.
std::vector<OrdinalRun> joined(const std::vector<OrdinalRun>& runs) {
    const Ordinal base = state_block_of(runs.front().first) * kStateBlockSize;
    std::bitset<kBlockCells> cells;
    for (const OrdinalRun& run : runs) {
        for (uint64_t i = 0; i < run.count; ++i) {
            cells.set(static_cast<size_t>(run.first - base) + i * static_cast<size_t>(run.stride));
        }
    }
    OrdinalRunBuilder builder;
    for (size_t cell = 0; cell < kBlockCells; ++cell) {
        if (cells[cell]) {
            builder.add(base + static_cast<Ordinal>(cell));
        }
    }
    return builder.take();
}

}  // namespace

int64_t state_block_of(Ordinal ordinal) {
    return ordinal >= 0 ? ordinal / kStateBlockSize : -((-(ordinal + 1)) / kStateBlockSize) - 1;
}

std::map<int64_t, std::vector<OrdinalRun>> split_by_block(const std::vector<OrdinalRun>& runs) {
    std::map<int64_t, std::vector<OrdinalRun>> out;
    for (OrdinalRun rest : runs) {
        while (rest.count > 0) {
            const int64_t block = state_block_of(rest.first);
            const Ordinal block_last = block * kStateBlockSize + (kStateBlockSize - 1);
            OrdinalRun here = clip(rest, rest.first, block_last);
            rest.count -= here.count;
            if (rest.count > 0) {
                rest.first = here.last() + rest.stride;
            }
            out[block].push_back(here);
        }
    }
    return out;
}

void StateBlock::apply(const std::vector<OrdinalRun>& runs, const StateOrigin& origin) {
    const Ordinal base = number_ * kStateBlockSize;
    StateOrigin again = origin;
    again.succeeded_before = origin.outcome != Outcome::kSucceeded;
    std::vector<StateOrigin> origins = {origin, again};  // cell value i + 1 means origins[i]
    const auto has_succeeded = [&origins](uint16_t cell) {
        return cell != 0 && (origins[cell - size_t{1}].outcome == Outcome::kSucceeded ||
                             origins[cell - size_t{1}].succeeded_before);
    };
    std::array<uint16_t, kBlockCells> cells{};
    // `value_for`: what a cell becomes, by what it was.
    const auto paint = [&](const std::vector<OrdinalRun>& painted, auto value_for) {
        for (const OrdinalRun& run : painted) {
            auto at = static_cast<uint64_t>(run.first - base);
            for (uint64_t i = 0; i < run.count; ++i, at += static_cast<uint64_t>(run.stride)) {
                cells[at] = value_for(cells[at]);
            }
        }
    };
    for (const auto& [known, members] : parts_) {
        uint16_t value = known == origin ? 1 : 2;
        if (known != origin && known != again) {
            origins.push_back(known);
            value = static_cast<uint16_t>(origins.size());
        }
        paint(members, [value](uint16_t) { return value; });
    }
    paint(runs, [&](uint16_t before) -> uint16_t {
        if (origin.outcome == Outcome::kMissing) {
            return 0;
        }
        const bool keeps = again.succeeded_before && origin.job;  // a mark says it all anew
        return keeps && has_succeeded(before) ? 2 : 1;
    });
    std::vector<OrdinalRunBuilder> builders(origins.size());
    for (size_t cell = 0; cell < kBlockCells; ++cell) {
        if (cells[cell] != 0) {
            builders[cells[cell] - size_t{1}].add(base + static_cast<Ordinal>(cell));
        }
    }
    parts_.clear();
    for (size_t i = 0; i < origins.size(); ++i) {
        std::vector<OrdinalRun> members = builders[i].take();
        if (!members.empty()) {
            parts_.emplace(origins[i], std::move(members));
        }
    }
}

std::vector<OrdinalRun> StateBlock::members() const {
    std::vector<OrdinalRun> all;
    for (const auto& [origin, runs] : parts_) {
        all.insert(all.end(), runs.begin(), runs.end());
    }
    return all.empty() ? all : joined(all);
}

std::string StateBlock::encode() const {
    std::string out;
    put_varint(out, kStateCodec);
    put_varint(out, parts_.size());
    int64_t job = 0;
    int64_t at = 0;
    for (const auto& [origin, runs] : parts_) {
        put_varint(
            out,
            static_cast<uint64_t>(origin.outcome) + (origin.succeeded_before ? kOutcomeWords : 0)
        );
        // Most origins of a block differ in time alone.
        put_signed_varint(out, origin.job.value == job ? 0 : 1);
        if (origin.job.value != job) {
            put_signed_varint(out, origin.job.value);
        }
        put_signed_varint(out, origin.revision);
        put_signed_varint(out, to_ms(origin.at) - at);
        job = origin.job.value;
        at = to_ms(origin.at);
        put_varint(out, runs.size());
        uint64_t reached = 0;
        for (const OrdinalRun& run : runs) {
            const auto first = static_cast<uint64_t>(run.first - number_ * kStateBlockSize);
            put_varint(out, first - reached);
            put_varint(out, run.count);
            if (run.count > 1) {
                put_varint(out, static_cast<uint64_t>(run.stride));
            }
            reached = first + (run.count - 1) * static_cast<uint64_t>(run.stride);
        }
    }
    put_varint(out, crc32c(out));
    return out;
}

Result<StateBlock> StateBlock::decode(std::string_view bytes, int64_t number) {
    VarintReader in(bytes);
    if (SERVO_TRY(in.next()) != kStateCodec) {
        return fail(corrupt("unknown codec version"));
    }
    StateBlock out(number);
    const uint64_t origins = SERVO_TRY(in.next());
    StateOrigin origin;
    int64_t at = 0;
    for (uint64_t i = 0; i < origins; ++i) {
        const uint64_t outcome = SERVO_TRY(in.next());
        origin.succeeded_before = outcome >= kOutcomeWords;
        origin.outcome = static_cast<Outcome>(outcome % kOutcomeWords);
        if (outcome >= 2 * kOutcomeWords || origin.outcome == Outcome::kMissing ||
            (origin.succeeded_before && origin.outcome == Outcome::kSucceeded)) {
            return fail(corrupt("unknown outcome"));
        }
        if (SERVO_TRY(in.next_signed()) != 0) {
            origin.job = JobId(SERVO_TRY(in.next_signed()));
        }
        origin.revision = static_cast<int>(SERVO_TRY(in.next_signed()));
        at = static_cast<int64_t>(
            static_cast<uint64_t>(at) + static_cast<uint64_t>(SERVO_TRY(in.next_signed()))
        );
        origin.at = instant_ms(at);
        std::vector<OrdinalRun>& runs = out.parts_[origin];
        const uint64_t count = SERVO_TRY(in.next());
        uint64_t reached = 0;
        for (uint64_t k = 0; k < count; ++k) {
            const uint64_t gap = SERVO_TRY(in.next());
            const uint64_t members = SERVO_TRY(in.next());
            const uint64_t stride = members > 1 ? SERVO_TRY(in.next()) : 1;
            if (gap >= kBlockCells || members == 0 || members > kBlockCells || stride == 0 ||
                stride > kBlockCells || reached + gap + (members - 1) * stride >= kBlockCells) {
                return fail(corrupt("a run leaves its block"));
            }
            const uint64_t first = reached + gap;
            runs.push_back(
                {number * kStateBlockSize + static_cast<Ordinal>(first),
                 members,
                 static_cast<int64_t>(stride)}
            );
            reached = first + (members - 1) * stride;
        }
    }
    const std::string_view covered = bytes.substr(0, bytes.size() - in.rest().size());
    if (SERVO_TRY(in.next()) != crc32c(covered) || !in.done()) {
        return fail(corrupt("the checksum does not match"));
    }
    return out;
}

std::map<std::pair<AssetId, int64_t>, std::vector<StatePiece>> pieces_by_block(
    const std::vector<MaterialisedChange>& changes
) {
    std::map<std::pair<AssetId, int64_t>, std::vector<StatePiece>> blocks;
    for (const MaterialisedChange& change : changes) {
        for (auto& [number, runs] : split_by_block(change.ordinals)) {
            blocks[{change.asset, number}].push_back({&change, std::move(runs)});
        }
    }
    return blocks;
}

void apply_pieces(StateBlock& block, const std::vector<StatePiece>& pieces) {
    for (const StatePiece& piece : pieces) {
        const MaterialisedChange& c = *piece.change;
        block.apply(piece.runs, {c.outcome, c.job, c.revision, c.at, false});
    }
}

void StateRunCollector::add(const StateBlock& block) {
    struct Group {
        StateOrigin origin;
        size_t origins = 0;
        std::vector<OrdinalRun> runs;
    };
    std::map<StateOrigin, Group> groups;
    for (const auto& [origin, runs] : block.parts()) {
        StateOrigin key = origin;
        key.at = kEpochStart;
        std::vector<OrdinalRun> kept;
        for (const OrdinalRun& run : runs) {
            const OrdinalRun clipped = clip(run, first_, last_);
            if (clipped.count > 0) {
                kept.push_back(clipped);
            }
        }
        if (!kept.empty()) {
            Group& group = groups[key];
            group.origin = origin;  // origins of a key ascend in time: the last one is the latest
            ++group.origins;
            group.runs.insert(group.runs.end(), kept.begin(), kept.end());
        }
    }
    for (auto& [key, group] : groups) {
        if (group.origins > 1) {
            group.runs = joined(group.runs);
        }
        for (const OrdinalRun& run : group.runs) {
            add_run(group.origin, run);
        }
    }
}

void StateRunCollector::add_run(const StateOrigin& origin, const OrdinalRun& run) {
    StateOrigin key = origin;
    key.at = kEpochStart;
    const auto it = open_.find(key);
    if (it != open_.end()) {
        History::StateRun& open = runs_[it->second];
        const uint64_t gap =
            static_cast<uint64_t>(run.first) - static_cast<uint64_t>(open.ordinals.last());
        const bool ahead = run.first > open.ordinals.last();
        const int64_t stride = open.ordinals.count > 1 ? open.ordinals.stride
                               : run.count > 1         ? run.stride
                                                       : static_cast<int64_t>(gap);
        if (ahead && gap == static_cast<uint64_t>(stride) &&
            (run.count == 1 || run.stride == stride)) {
            open.ordinals.stride = stride;
            open.ordinals.count += run.count;
            open.at = std::max(open.at, origin.at);
            return;
        }
    }
    open_[key] = runs_.size();
    runs_.push_back(
        {run, origin.outcome, origin.job, origin.revision, origin.at, origin.succeeded_before}
    );
}

std::vector<History::StateRun> StateRunCollector::take() {
    std::sort(runs_.begin(), runs_.end(), [](const auto& a, const auto& b) {
        return a.ordinals.first < b.ordinals.first;
    });
    open_.clear();
    return std::move(runs_);
}

Status check_runs_max(const StateRunCollector& collector, int runs_max) {
    if (collector.size() <= static_cast<size_t>(std::max(runs_max, 0))) {
        return {};
    }
    return fail(resource_exhausted(
        "too_many_runs",
        "The partitions asked for are in more than " + std::to_string(runs_max) +
            " runs of equal state. Ask for a shorter range."
    ));
}

}  // namespace servo::store
