#include "sim/partition_reader.h"

#include <algorithm>
#include <array>

namespace servo::sim {
namespace {

constexpr uint64_t kStretchMax = 100;        // partitions of one look
constexpr uint64_t kEverywhereMax = 20'000;  // of one asset
constexpr int kPauseEventsMax = 200;
constexpr std::array kPolicies = {
    ReprocessPolicy::kMissing,
    ReprocessPolicy::kFailed,
    ReprocessPolicy::kStale,
    ReprocessPolicy::kAll};

}  // namespace

// --- one request -----------------------------------------------------------------------------

PartitionReader::Reading PartitionReader::begin(
    AssetId asset, std::vector<OrdinalRun> runs, bool pauses
) {
    Reading reading;
    reading.asset = world_.auditor.accounts().assets.at(asset);
    reading.all = OrdinalView(std::move(runs));
    reading.batches = -1;
    reading.pauses = pauses;
    note(reading);
    return reading;
}

void PartitionReader::note(Reading& reading) {
    const Accounts& accounts = world_.auditor.accounts();
    if (std::exchange(reading.batches, world_.auditor.batches()) == world_.auditor.batches()) {
        return;
    }
    for (Index index = 0; index < reading.all.size(); ++index) {
        const Ordinal ordinal = reading.all.at(index);
        reading.seen[ordinal].insert(
            {accounts.standing_of(reading.asset.id, ordinal),
             accounts.is_owned(reading.asset.id, ordinal)}
        );
    }
}

// A worker thread may be slow: the world goes on meanwhile.
void PartitionReader::pause(Reading& reading) {
    if (!reading.pauses || world_.prng.chance(1, 2)) {
        return;
    }
    const Micros until = world_.now() + world_.between(Micros(0), Micros(1'500'000));
    for (int i = 0; i < kPauseEventsMax && !world_.findings.any() && !world_.queue.empty() &&
                    world_.queue.next_at() <= until;
         ++i) {
        world_.queue.run_next();
        note(reading);
    }
}

std::pair<const core::Scheduler*, Instant> PartitionReader::leader() {
    ServerNode* server = cluster_.leader();
    const core::Scheduler* scheduler = server == nullptr ? nullptr : server->engine().scheduler();
    if (scheduler == nullptr || scheduler->epoch() != world_.auditor.epoch()) {
        return {nullptr, kEpochStart};  // or one that is deposed and does not know it yet
    }
    return {scheduler, server->clock()};
}

engine::AskJobs PartitionReader::ask_jobs(Reading& reading, const Look& look) {
    using Jobs = std::vector<std::optional<engine::LiveJob>>;
    return [this, &reading, look](const std::vector<JobId>& ids) -> Result<Jobs> {
        Jobs out;
        for (const JobId id : ids) {
            pause(reading);
            const auto [scheduler, now] = look();
            if (scheduler == nullptr) {
                return fail(unavailable("not_leading", "no server leads"));
            }
            out.push_back(engine::live_job(*scheduler, id, now));
            if (out.back()) {
                world_.plant.on_live_job(*out.back());
            }
        }
        pause(reading);
        return out;
    };
}

engine::AskOwner PartitionReader::ask_owner(Reading& reading, const Look& look) {
    return [this,
            &reading,
            look](AssetId asset, Ordinal ordinal) -> Result<std::optional<engine::LiveOwner>> {
        pause(reading);
        const auto [scheduler, now] = look();
        if (scheduler == nullptr) {
            return fail(unavailable("not_leading", "no server leads"));
        }
        std::optional<engine::LiveOwner> owner =
            engine::live_owner(*scheduler, asset, ordinal, now);
        pause(reading);
        return owner;
    };
}

// --- requests --------------------------------------------------------------------------------

std::optional<std::vector<OrdinalRun>> PartitionReader::choose(
    AssetId asset, std::vector<OrdinalRun> runs, ReprocessPolicy policy
) {
    if (reading_) {
        return std::nullopt;
    }
    reading_ = true;
    Reading reading = begin(asset, std::move(runs), world_.prng.chance(1, 2));
    const auto chosen = check_choice(reading, policy, [this] { return leader(); });
    reading_ = false;
    if (!chosen) {
        return std::nullopt;
    }
    world_.mark(fmt::format("reprocess {}", to_string(policy)));
    OrdinalRunBuilder builder;
    for (const Run& run : chosen->runs()) {
        for (const OrdinalRun& part : reading.all.slice(run)) {
            builder.add(part);
        }
    }
    return builder.take();
}

void PartitionReader::look_somewhere() {
    const Accounts& accounts = world_.auditor.accounts();
    if (reading_ || accounts.assets.empty() || leader().first == nullptr) {
        return;
    }
    reading_ = true;
    Prng& prng = world_.prng;
    auto asset = accounts.assets.begin();
    std::advance(asset, static_cast<ptrdiff_t>(prng.below(accounts.assets.size())));
    const AssetId id = asset->first;
    const Ordinal first = prng.between(1, accounts.end_of(id));
    const std::vector<OrdinalRun> stretch = {{first, 1 + prng.below(kStretchMax), 1}};
    const bool pauses = prng.chance(1, 2);
    const Look look = [this] { return leader(); };
    Reading lists = begin(id, stretch, pauses);
    check_lists(lists, look);
    Reading choice = begin(id, stretch, pauses);
    check_choice(choice, kPolicies[prng.below(kPolicies.size())], look);
    const Ordinal one = stretch.front().first + static_cast<Ordinal>(prng.below(stretch[0].count));
    Reading alone = begin(id, {{one, 1, 1}}, pauses);
    check_place(alone, one, look);
    world_.mark(pauses ? "partitions read in pieces" : "partitions read at once");
    reading_ = false;
}

void PartitionReader::look_everywhere(const core::Scheduler& scheduler, Instant now) {
    const Look look = [&scheduler, now] { return std::pair(&scheduler, now); };
    for (const auto& [id, head] : world_.auditor.accounts().assets) {
        const auto end = static_cast<uint64_t>(world_.auditor.accounts().end_of(id));
        const uint64_t count = std::min(end, kEverywhereMax);
        const auto first = static_cast<Ordinal>(1 + world_.prng.below(end - count + 1));
        Reading reading = begin(id, {{first, count, 1}}, false);
        check_lists(reading, look);
        for (const ReprocessPolicy policy : kPolicies) {
            check_choice(reading, policy, look);
        }
    }
}

}  // namespace servo::sim
