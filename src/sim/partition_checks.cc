// What a PartitionReader was told of partitions against what the auditor knows of them.
#include <algorithm>

#include "model/job_id.h"
#include "sim/partition_reader.h"

namespace servo::sim {
namespace {

constexpr const char* kStanding = "standing";

// By the words of docs/concepts.md.
bool takes(ReprocessPolicy policy, const Standing& standing, int latest) {
    const bool made = standing.outcome == model::Outcome::kSucceeded;
    const bool waived = standing.outcome == model::Outcome::kSkipped;
    switch (policy) {
        case ReprocessPolicy::kMissing:
            return !standing.made && !waived;
        case ReprocessPolicy::kFailed:
            return !made && !waived;
        case ReprocessPolicy::kStale:
            return (!made && !waived) || (made && standing.revision < latest);
        case ReprocessPolicy::kAll:
            return true;
    }
    return true;
}

std::string word_of(model::Outcome outcome) {
    switch (outcome) {
        case model::Outcome::kSucceeded:
            return "completed";
        case model::Outcome::kFailed:
            return "failed";
        case model::Outcome::kSkipped:
            return "skipped";
        case model::Outcome::kMissing:
            break;
    }
    return "missing";
}

Standing standing_in(const store::History::StateRun& state) {
    const bool made = state.succeeded_before || state.outcome == model::Outcome::kSucceeded;
    return {state.outcome, state.job, state.revision, made};
}

bool is_owners(const std::string& word) {
    return word == "pending" || word == "running";
}

std::string describe(const Standing& standing) {
    return fmt::format(
        "{}{} by {} at revision {}",
        word_of(standing.outcome),
        standing.made && standing.outcome != model::Outcome::kSucceeded ? " after a success" : "",
        standing.job ? to_text(standing.job) : "a mark or nobody",
        standing.revision
    );
}

}  // namespace

void PartitionReader::expect(
    const Reading& reading,
    Ordinal ordinal,
    const std::string& told,
    const std::function<bool(const Seen&)>& matches
) {
    const std::set<Seen>& seen = reading.seen.at(ordinal);
    if (std::any_of(seen.begin(), seen.end(), matches)) {
        return;
    }
    std::string truth;
    for (const Seen& one : seen) {
        truth += fmt::format(
            "{}{}{}",
            truth.empty() ? "" : ", then or before ",
            describe(one.standing),
            one.owned ? " and owned" : ""
        );
    }
    world_.findings.report(
        kStanding,
        fmt::format("{} ordinal {} is told as {}: {}", reading.asset.name, ordinal, told, truth)
    );
}

void PartitionReader::check_lists(Reading& reading, const Look& look) {
    const auto history = world_.store.within(store::TenantScope::all());
    const auto sets = engine::partition_sets(
        *history, reading.asset, reading.all.runs(), 0, ask_jobs(reading, look)
    );
    if (!sets.has_value()) {
        return;  // no server led throughout
    }
    note(reading);
    std::map<Index, JobId> settled_by;
    for (const auto& [job, indices] : sets->settled_by_job) {
        for (const Run& run : indices.runs()) {
            for (Index index = run.first; index < run.end; ++index) {
                settled_by[index] = job;
            }
        }
    }
    const char* words[] = {"completed", "failed", "skipped", "pending", "running", "missing"};
    std::map<Index, std::string> told;
    for (const char* word : words) {
        const RunSet indices = sets->of(word);
        for (const Run& run : indices.runs()) {
            for (Index index = run.first; index < run.end; ++index) {
                told[index] += word;  // two words are none
            }
        }
    }
    for (Index index = 0; index < reading.all.size(); ++index) {
        const std::string& word = told[index];
        const bool stale = sets->stale.contains(index);
        const JobId job = settled_by[index];
        expect(
            reading,
            reading.all.at(index),
            fmt::format("{}{} by {}", stale ? "stale " : "", word, to_text(job)),
            [&](const Seen& seen) {
                if (seen.owned || is_owners(word)) {
                    return seen.owned && is_owners(word) && !stale;
                }
                const Standing& standing = seen.standing;
                const bool old = standing.outcome == model::Outcome::kSucceeded &&
                                 standing.revision < reading.asset.latest_revision;
                return word == word_of(standing.outcome) && stale == old &&
                       (word == "missing" || job == standing.job);
            }
        );
    }
}

void PartitionReader::check_place(Reading& reading, Ordinal ordinal, const Look& look) {
    const auto history = world_.store.within(store::TenantScope::all());
    const auto place =
        engine::place_of(*history, reading.asset.id, ordinal, ask_owner(reading, look));
    if (!place.has_value()) {
        return;
    }
    note(reading);
    Standing told;
    std::string word;
    if (place->owner) {
        word = to_string(place->owner->view.state);
        told.job = place->owner->row.id;
    } else if (place->state) {
        word = word_of(place->state->outcome);
        told = standing_in(*place->state);
    } else {
        word = "missing";
    }
    expect(
        reading,
        ordinal,
        fmt::format("{} by {} alone", word, to_text(told.job)),
        [&](const Seen& seen) {
            if (seen.owned || is_owners(word)) {
                return seen.owned && is_owners(word);
            }
            return word == word_of(seen.standing.outcome) &&
                   (word == "missing" || (told.job == seen.standing.job &&
                                          (place->owner || told.revision == seen.standing.revision))
                   );
        }
    );
}

std::optional<RunSet> PartitionReader::check_choice(
    Reading& reading, ReprocessPolicy policy, const Look& look
) {
    const auto history = world_.store.within(store::TenantScope::all());
    const auto without =
        engine::left_out(*history, reading.asset, reading.all, policy, ask_jobs(reading, look));
    if (!without.has_value()) {
        return std::nullopt;
    }
    note(reading);
    RunSet chosen(Run{0, reading.all.size()});
    for (const auto& [outcome, indices] : *without) {
        chosen.subtract(indices);
    }
    for (Index index = 0; index < reading.all.size(); ++index) {
        std::optional<model::Outcome> left;
        for (const auto& [outcome, indices] : *without) {
            left = indices.contains(index) ? outcome : left;
        }
        expect(
            reading,
            reading.all.at(index),
            fmt::format(
                "{} by policy {}",
                left ? "left out as " + word_of(*left) : "taken",
                to_string(policy)
            ),
            [&](const Seen& seen) {
                const bool taken = takes(policy, seen.standing, reading.asset.latest_revision);
                return left ? !taken && *left == seen.standing.outcome : taken;
            }
        );
    }
    return chosen;
}

void PartitionReader::check_stored() {
    const auto history = world_.store.within(store::TenantScope::all());
    for (const auto& [asset, partitions] : world_.auditor.accounts().standings) {
        for (const auto& [ordinal, standing] : partitions) {
            const auto stored = history->partition_states(asset, ordinal, ordinal, 1);
            Standing told;
            if (stored.has_value() && !stored->empty()) {
                told = standing_in(stored->front());
            }
            const bool missing = standing.outcome == model::Outcome::kMissing;
            if (missing ? told.outcome != standing.outcome : told != standing) {
                world_.findings.report(
                    kStanding,
                    fmt::format(
                        "ordinal {} is stored as {}: {}",
                        ordinal,
                        describe(told),
                        describe(standing)
                    )
                );
                return;
            }
        }
    }
}

}  // namespace servo::sim
